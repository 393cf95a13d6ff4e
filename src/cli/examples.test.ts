import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openModel } from '../checkpoint/open-node.ts';
import { metricOf } from '../experiments/metrics.ts';
import { readTraceExperiment, type TraceExperiment } from '../experiments/trace/experiment.ts';
import { resolveTrace } from '../experiments/trace/resolve.ts';
import { completeTrace, isComplete, readTraceResult, type TraceResult } from '../experiments/trace/result.ts';
import type { Backend } from '../runtime/backend.ts';
import { Model } from '../runtime/model.ts';
import { createNodeBackend } from '../runtime/nodeBackend.ts';
import { modelPath } from './hostModel.ts';
import { main } from './main.ts';

const folder = new URL('../../examples/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

let backend: Backend;
beforeAll(() => {
  backend = createNodeBackend(1);
});
afterAll(() => backend.close());

async function run(experiment: TraceExperiment): Promise<TraceResult> {
  const checkpoint = await openModel(modelPath(experiment.model));
  const tokenizer = await checkpoint.tokenizer();
  const model = await Model.load(checkpoint, backend);
  try {
    const trace = resolveTrace(model.architecture, tokenizer, experiment);
    return await completeTrace(model, trace, { textOf: (id) => tokenizer.tokenText(id) });
  } finally {
    await model.dispose();
    await checkpoint.close();
  }
}

test.each(files)(
  '%s shows what it promises: the corruption takes the answer away, and a state decides it',
  async (name) => {
    const result = await run(readTraceExperiment(read(name)));
    expect(isComplete(result)).toBe(true);
    expect(result.notices).toEqual([]);
    const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
    const probability = (samples: TraceResult['clean']) => mean(metricOf(samples, 'probability'));
    const [clean, corrupted] = [probability(result.clean), probability(result.corrupted)];
    expect(clean).toBeGreaterThan(0.9);
    expect(corrupted).toBeLessThan(0.5);
    // Single states before the last position reach the other run's prediction; the last one always does.
    const [residual] = result.streams;
    const columns = result.positions.length;
    const single = residual?.cells.flatMap((samples, index) =>
      samples && index % columns < columns - 1 ? [probability(samples)] : [],
    );
    const isRestoring = result.experiment.direction === 'restore';
    const best = isRestoring ? Math.max(...(single ?? [])) : Math.min(...(single ?? []));
    expect(Math.abs(best - (isRestoring ? clean : corrupted))).toBeLessThan(0.2);
  },
);

test('patchbay run writes a result that reads back, a table of its cells, and a figure', async () => {
  const out = mkdtempSync(join(tmpdir(), 'patchbay-'));
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    const file = join(folder.pathname, 'keys-to-the-cabinet.json');
    expect(await main(['run', file, '--out', out, '--metric', 'logitDifference'])).toBe(0);
    const result = readTraceResult(JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')));
    expect(result.answer.text).toBe(' are');
    const cells = result.streams.reduce((sum, stream) => sum + stream.cells.length, 0);
    expect(readFileSync(join(out, 'cells.csv'), 'utf8').trim().split('\n')).toHaveLength(1 + 2 + cells);
    expect(readFileSync(join(out, 'figure.svg'), 'utf8')).toContain('minus logit of “is”');
    expect(printed.mock.calls.flat().join('\n')).toMatch(/·keys\* [0-9]+\n/);
  } finally {
    printed.mockRestore();
    rmSync(out, { recursive: true });
  }
});

test('a command that is not understood says how it is used', async () => {
  const complained = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  expect(await main(['trace', 'tiny-atlas', 'The keys'])).toBe(2);
  expect(await main(['run', 'nowhere.json', '--out', 'x'])).toBe(2);
  expect(await main(['trace', 'tiny-atlas', 'The keys', '--subject', 'keys', '--level', 'loud'])).toBe(2);
  expect(complained.mock.calls.flat()).toEqual([
    expect.stringContaining('Usage: patchbay trace MODEL "prompt" --subject "text"'),
    expect.stringContaining("The file 'nowhere.json' cannot be read"),
    "--level must be a number such as 0.1, or a multiple such as 3sd; it is 'loud'.",
  ]);
  complained.mockRestore();
});
