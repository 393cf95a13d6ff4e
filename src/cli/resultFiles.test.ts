// What a folder that is written to may hold already: work to go on with, work that must not be lost, or neither.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AnyResult } from '../experiments/kind.ts';
import { kindOf, readExperiment } from '../experiments/registry.ts';
import { growExperiment } from '../experiments/runExperiment.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../runtime/model.ts';
import { UsageError } from './arguments.ts';
import { earlierResult, writeResult } from './resultFiles.ts';

const node = { kind: 'node', precision: 'float32' } as const;
const wasm = { kind: 'wasm', precision: 'float32' } as const;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-results-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const trace = (subject: readonly [number, number]) =>
  readExperiment({
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt: [5, 17, 3, 8],
    subject,
    corruption: { kind: 'zero' },
  });

/** The first result of a run, with its baselines alone, and the last. */
async function results(): Promise<{ readonly unfinished: AnyResult; readonly whole: AnyResult }> {
  const backend = await createNodeBackend(1);
  const checkpoint = tinyCheckpoint(tinyConfigurations.gpt2);
  const model = await Model.load(checkpoint, backend);
  const grown: AnyResult[] = [];
  for await (const { result } of growExperiment(model, checkpoint, await trace([1, 2])))
    if (result) grown.push(structuredClone(result));
  await model.dispose();
  await backend.close();
  const [unfinished] = grown;
  const whole = grown.at(-1);
  if (!unfinished || !whole) throw new Error('nothing was computed');
  return { unfinished, whole };
}

const hold = (content: unknown) => writeFileSync(join(folder, 'result.json'), JSON.stringify(content));

test('an unfinished result is gone on with by its own experiment, and kept from any other', async () => {
  const { unfinished, whole } = await results();
  hold(unfinished);
  const { experiment } = unfinished;
  expect(await earlierResult(folder, experiment, node)).toEqual(unfinished);
  await expect(earlierResult(folder, experiment, wasm)).rejects.toThrow(
    /holds an unfinished result on the backend 'node', which would be lost. Name another folder by --out/,
  );
  const other = earlierResult(folder, await trace([2, 3]), node);
  await expect(other).rejects.toThrow(UsageError);
  await expect(other).rejects.toThrow(/holds an unfinished result of another experiment/);
  hold(whole);
  expect(await earlierResult(folder, await trace([2, 3]), node)).toBeUndefined();
  hold({ ...whole, version: 99 });
  const newer = earlierResult(folder, experiment, node);
  await expect(newer).rejects.toThrow(UsageError);
  await expect(newer).rejects.toThrow(/holds a result that would be lost.* has version 99/);
  hold({ kind: 'nothing' });
  expect(await earlierResult(folder, experiment, node)).toBeUndefined();
});

test('a result in float32 leaves no table of an earlier one in float16 beside it', async () => {
  const { whole } = await results();
  const kind = await kindOf('trace');
  const table = join(folder, 'precision.csv');
  const half: AnyResult = { ...whole, precision: { dtype: 'float16' } };
  writeResult(half, kind.show(half), folder);
  expect(existsSync(table)).toBe(true);
  writeResult(whole, kind.show(whole), folder);
  expect(existsSync(table)).toBe(false);
});
