import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openModel } from '../checkpoint/openNode.ts';
import type { Statistic } from '../experiments/metrics.ts';
import { normalisedGrid, patchGrid } from '../experiments/patch/grid.ts';
import { isPatchComplete, type PatchResult, readPatchResult } from '../experiments/patch/result.ts';
import { kindNames, readExperiment } from '../experiments/registry.ts';
import { completeExperiment } from '../experiments/runExperiment.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { Model } from '../runtime/model.ts';
import { modelPath } from './hostModel.ts';
import { main } from './main.ts';

const folder = new URL('../../examples/patch/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

let backend: Backend;
beforeAll(() => {
  backend = createNodeBackend(1);
});
afterAll(() => backend.close());

const found = new Map<string, PatchResult>();

/** Each example is run once. */
async function run(name: string): Promise<PatchResult> {
  const known = found.get(name);
  if (known) return known;
  const experiment = await readExperiment(read(name));
  const checkpoint = await openModel(modelPath(experiment.model));
  const model = await Model.load(checkpoint, backend);
  try {
    const result = readPatchResult(await completeExperiment(model, checkpoint, experiment));
    found.set(name, result);
    return result;
  } finally {
    await model.dispose();
    await checkpoint.close();
  }
}

type Cells = readonly (readonly (Statistic | null)[])[];

/** A panel of an example, [layer][column]: 0 as corrupted, 1 as clean. */
async function between(name: string, panel: number): Promise<Cells> {
  return normalisedGrid(patchGrid(await run(name), panel, 'logitDifference'))?.cells ?? [];
}

/** `layer.column` of the cell with the largest value. */
function largest(cells: Cells, sign = 1): string {
  const all = cells.flatMap((row, layer) =>
    row.map((cell, column) => ({ name: `${layer}.${column}`, value: sign * (cell?.mean ?? Number.NaN) })),
  );
  return all.reduce((best, other) => (other.value > best.value ? other : best)).name;
}

test.each(files)('%s is complete, without notices, and what is stored of it', async (name) => {
  const result = await run(name);
  expect(isPatchComplete(result)).toBe(true);
  expect(result.notices).toEqual([]);
  const stored = readPatchResult(read(`results/${name}`));
  expect(stored.experiment).toEqual(result.experiment);
  stored.panels.forEach((panel, index) => {
    const cells = patchGrid(result, index, 'logitDifference').cells.flat();
    const expected = patchGrid(stored, index, 'logitDifference').cells.flat();
    expect(panel.cells).toHaveLength(cells.length);
    cells.forEach((cell, place) => {
      expect(cell?.mean).toBeCloseTo(expected[place]?.mean ?? Number.NaN, 3);
    });
  });
});

test('the second name carries an indirect object to the last layer, the last token from there on', async () => {
  const { pairs } = await run('indirect-object-positions.json');
  const cells = await between('indirect-object-positions.json', 0);
  const second = pairs[0]?.clean.findIndex(({ id }, at) => id !== pairs[0]?.corrupted?.[at]?.id) ?? -1;
  const last = (pairs[0]?.clean.length ?? 0) - 1;
  const best = cells
    .map((row) => row.map((cell) => cell?.mean ?? Number.NaN))
    .map((row) => row.indexOf(Math.max(...row)));
  expect(best).toEqual([...new Array(7).fill(second), last]);
});

test('the head of the model card, 7.0, brings the indirect object back: by its values, not by where it looks', async () => {
  const name = 'indirect-object-heads.json';
  const [output, query, key, value, pattern] = await Promise.all(
    [0, 1, 2, 3, 4].map((panel) => between(name, panel)),
  );
  expect(largest(output ?? [])).toBe('7.0');
  expect(largest(value ?? [])).toBe('7.0');
  for (const cells of [query, key, pattern])
    for (const row of cells ?? [])
      for (const cell of row) expect(Math.abs(cell?.mean ?? Number.NaN)).toBeLessThan(0.2);
});

test('the path from 7.0 to the prediction is the one that decides', async () => {
  expect(largest(await between('indirect-object-paths.json', 0), -1)).toBe('7.0');
});

test('the mean in place of 7.0 takes the answer away', async () => {
  const { cells, clean, corrupted } = patchGrid(
    await run('indirect-object-ablation.json'),
    0,
    'logitDifference',
  );
  expect(corrupted).toBeNull();
  expect(clean.mean).toBeGreaterThan(2);
  expect(cells[7]?.[0]?.mean).toBeLessThan(1);
});

test('a pronoun hangs on the name, then on the last token', async () => {
  const { pairs } = await run('pronoun.json');
  const cells = await between('pronoun.json', 0);
  expect(cells[0]?.[2]?.mean).toBeGreaterThan(0.9);
  expect(cells[7]?.[(pairs[0]?.clean.length ?? 0) - 1]?.mean).toBeCloseTo(1, 4);
});

test('patchbay run writes a patch that reads back, its table, and a figure for each kind of column', async () => {
  const out = mkdtempSync(join(tmpdir(), 'patchbay-'));
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    expect(await main(['run', join(folder.pathname, 'pronoun.json'), '--out', out])).toBe(0);
    const result = readPatchResult(JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')));
    const cells = result.panels.reduce((sum, panel) => sum + panel.cells.length, 0);
    expect(readFileSync(join(out, 'cells.csv'), 'utf8').trim().split('\n')).toHaveLength(1 + 2 + cells);
    expect(readFileSync(join(out, 'figure.svg'), 'utf8')).toContain('Where a clean activation brings back');
    expect(readFileSync(join(out, 'figure-2.svg'), 'utf8')).toContain('Head output, head 3');
    expect(printed.mock.calls.flat().join('\n')).toMatch(/·Adam…\* 9999/);
  } finally {
    printed.mockRestore();
    rmSync(out, { recursive: true });
  }
});

test('a file that cannot be run says what is wrong before anything runs', async () => {
  const out = mkdtempSync(join(tmpdir(), 'patchbay-'));
  const complained = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const attempt = (content: object, ...words: readonly string[]) => {
    const file = join(out, 'file.json');
    writeFileSync(file, JSON.stringify(content));
    return main(['run', file, '--out', join(out, 'run'), ...words]);
  };
  const pairs = [{ clean: 'We like Adam because', corrupted: 'We like Alice because' }];
  try {
    const plain = { version: 1, model: 'tiny-atlas' };
    expect(await attempt({ ...plain, kind: 'patches', pairs })).toBe(1);
    expect(await attempt({ ...plain, kind: 'patch', pairs }, '--metric', 'logitDifference')).toBe(1);
    expect(
      await attempt({
        ...plain,
        kind: 'patch',
        pairs: [{ clean: 'We like Adam because', corrupted: 'We like because' }],
      }),
    ).toBe(1);
    expect(complained.mock.calls.flat()).toEqual([
      `There is no experiment of kind 'patches'. Did you mean 'patch' or 'path'? Known: ${kindNames.join(', ')}.`,
      'A logit difference needs a distractor, and this experiment has none. Name one, or choose another --metric.',
      expect.stringContaining(
        'Pair 1: the clean prompt has 4 tokens, the corrupted one 3 (" Adam" against nothing); they must be as many.',
      ),
    ]);
  } finally {
    complained.mockRestore();
    rmSync(out, { recursive: true });
  }
});
