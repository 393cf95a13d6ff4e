import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openModel } from '../checkpoint/openNode.ts';
import { metricOf } from '../experiments/metrics.ts';
import { readTraceExperiment, type TraceExperiment } from '../experiments/trace/experiment.ts';
import { resolveTrace } from '../experiments/trace/resolve.ts';
import { isComplete, readTraceResult, type TraceResult } from '../experiments/trace/result.ts';
import { completeTrace } from '../experiments/trace/work.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { Model } from '../runtime/model.ts';
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
    // Every example names a distractor, and the corruption is chosen to take the answer's lead over it away.
    const lead = (samples: TraceResult['clean']) => {
      const values = metricOf(samples, 'logitDifference');
      return values.reduce((sum, x) => sum + x, 0) / values.length;
    };
    const [clean, corrupted] = [lead(result.clean), lead(result.corrupted)];
    expect(clean).toBeGreaterThan(0);
    expect(clean - corrupted).toBeGreaterThan(2);
    // One state before the last position is enough to get most of it back; the last position's always is.
    const [residual] = result.streams;
    const columns = result.positions.length;
    const single = residual?.cells.flatMap((samples, index) =>
      samples && index % columns < columns - 1 ? [lead(samples)] : [],
    );
    // A later year is the exception: its last token reads the first year's embedding in layer 0, before any state is put back.
    const carries = name !== 'greater-than.json';
    const recovered = (Math.max(...(single ?? [])) - corrupted) / (clean - corrupted);
    expect(recovered > 0.8, `${recovered}`).toBe(carries);
  },
);

test('patchbay run writes a result that reads back, a table of its cells, and a figure', async () => {
  const out = mkdtempSync(join(tmpdir(), 'patchbay-'));
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    const file = join(folder.pathname, 'agreement.json');
    expect(await main(['run', file, '--out', out, '--metric', 'logitDifference'])).toBe(0);
    const result = readTraceResult(JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')));
    expect(result.answer.text).toBe(' have');
    const cells = result.streams.reduce((sum, stream) => sum + stream.cells.length, 0);
    expect(readFileSync(join(out, 'cells.csv'), 'utf8').trim().split('\n')).toHaveLength(1 + 2 + cells);
    expect(readFileSync(join(out, 'figure.svg'), 'utf8')).toContain('minus logit of “has”');
    expect(printed.mock.calls.flat().join('\n')).toMatch(/·walls\* [0-9]+\n/);
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
    expect.stringContaining('Usage: patchbay trace MODEL "prompt" [--subject "text"] [--patches L,T,R,B]'),
    expect.stringContaining("The file 'nowhere.json' cannot be read"),
    "--level must be a number such as 0.1, or a multiple such as 3sd; it is 'loud'.",
  ]);
  complained.mockRestore();
});

test('two ways to corrupt a subject, or what is of another one, are refused', async () => {
  const complained = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const trace = ['trace', 'tiny-atlas', 'The keys', '--subject', 'keys'];
  expect(await main([...trace, '--replacement', 'doors', '--corruption', 'zero'])).toBe(2);
  expect(await main([...trace, '--corruption', 'zero', '--level', '3sd'])).toBe(2);
  expect(complained.mock.calls.flat()).toEqual([
    '--replacement and --corruption are two ways to corrupt the subject. Give one of them.',
    '--level is of noise, and there is none with --corruption. Leave it out.',
  ]);
  complained.mockRestore();
});
