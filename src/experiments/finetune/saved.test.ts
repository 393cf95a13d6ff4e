// Adapters that were trained here, in pyreft and in PEFT: loss and answers on the examples to test are those that were reported.
// Runs where PATCHBAY_PYTHON names an interpreter that has them.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openModel } from '../../checkpoint/openNode.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { completed } from '../growth.ts';
import { editedPositions } from './adapter.ts';
import { type FinetuneExperimentFile, readFinetuneExperiment } from './experiment.ts';
import { finetuneGrowth } from './growth.ts';
import { type ResolvedFinetune, resolveFinetune } from './resolve.ts';
import { type FinetuneResult, readFinetuneResult } from './result.ts';
import { adapterFiles } from './saved.ts';
import { finetuneWork } from './work.ts';

const python = process.env.PATCHBAY_PYTHON;
const folder = fileURLToPath(new URL('../../../models/tiny-atlas/', import.meta.url));
const adapters: FinetuneExperimentFile['adapters'] = [
  {
    type: 'LoReFT',
    rank: 4,
    layers: [3, 4],
    positions: { first: 1, last: 2 },
    sharedWeights: false,
  },
  { type: 'LoReFT', rank: 2, layers: [2, 5], positions: { first: 1, last: 1 } },
  { type: 'DiReFT', rank: 2, layers: [3] },
  { type: 'NoReFT', rank: 2, layers: [3, 5] },
  { type: 'SteeringVector', layers: [4], positions: { last: 2 } },
  { type: 'LoRA', rank: 2, alpha: 8, component: 'qkv_output', layers: [2, 3], positions: 'all' },
];

/** What pyreft or PEFT made of an adapter. */
interface Measured {
  readonly missing?: string;
  readonly loss: number;
  readonly said: readonly (readonly number[])[];
}

let out: string;
let finetune: ResolvedFinetune;
let result: FinetuneResult;
let there: readonly Measured[];

/** An adapter's folder, and the examples to test with the places where it acts. */
function callOf(index: number) {
  const resolved = finetune.adapters[index];
  if (!resolved) throw new Error('There is no adapter.');
  const { adapter, pieces } = resolved;
  const saved = join(out, `saved-${index}`);
  mkdirSync(saved);
  for (const [name, bytes] of adapterFiles(result, index)) writeFileSync(join(saved, name), bytes);
  const examples = result.tested.map(({ prompt, continuation }) => {
    const { first, last } = editedPositions(resolved, prompt.length, prompt.length, prompt.length - 1);
    const places = pieces.map(({ group }) =>
      group === 'first' ? first : group === 'last' ? last : [...first, ...last],
    );
    return { prompt, continuation, places };
  });
  return { folder: saved, examples, pieces, rank: 'rank' in adapter ? adapter.rank : null };
}

beforeAll(async () => {
  if (python === undefined) return;
  out = mkdtempSync(join(tmpdir(), 'patchbay-'));
  const backend = createNodeBackend(1);
  const checkpoint = await openModel(folder);
  const model = await Model.load(checkpoint, backend);
  try {
    const example = JSON.parse(
      readFileSync(new URL('../../../examples/finetune/country.json', import.meta.url), 'utf8'),
    );
    const experiment = readFinetuneExperiment({
      ...example,
      adapters,
      testData: example.testData.slice(0, 12),
      training: { batchSize: 10, epochs: 3, learningRate: 0.02 },
    });
    finetune = resolveFinetune(model.architecture, await checkpoint.tokenizer(), experiment);
    const made = await completed(finetuneWork.run(model, finetune, {}), finetuneGrowth());
    result = readFinetuneResult(JSON.parse(JSON.stringify(made)));
  } finally {
    await model.dispose();
    await backend.close();
    await checkpoint.close();
  }
  writeFileSync(join(out, 'calls.json'), JSON.stringify(adapters.map((_, index) => callOf(index))));
  const script = fileURLToPath(new URL('expected/loadAdapter.py', import.meta.url));
  const printed = execFileSync(python, [script, folder, join(out, 'calls.json')], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  there = printed
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
});
afterAll(() => {
  if (out !== undefined) rmSync(out, { recursive: true });
});

test.skipIf(python === undefined).for(adapters.map(({ type }, index) => [index, type] as const))(
  'adapter %i, %s, does there what it does here',
  ([index], { skip }) => {
    const [trained, found] = [result.adapters[index], there[index]];
    if (!found || !trained?.final || !trained.answers) throw new Error('There is no adapter.');
    if (found.missing !== undefined) skip(`The interpreter has no ${found.missing}.`);
    // Of losses below 0.1 the float32 of the logits is the bound.
    expect(Math.abs(found.loss - trained.final.test.loss)).toBeLessThan(
      1e-5 + 1e-4 * trained.final.test.loss,
    );
    expect(found.said).toEqual(trained.answers);
    // It does something, so that one that was not loaded would show.
    expect(Math.abs(trained.final.test.loss / result.before.test.loss - 1)).toBeGreaterThan(0.01);
  },
);
