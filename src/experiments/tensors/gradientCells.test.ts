// Cells to first order: worked out by hand, and beside the runs that they stand for where little is changed.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onnxBytes, residualBytes } from '../../imported/fixtures/smallOnnx.ts';
import { smallTokenBytes } from '../../imported/fixtures/smallTokenOnnx.ts';
import { plainNode } from '../../imported/formulaNodes.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { type OpenedOnnx, openedOnnx } from '../fixtures/openedOnnx.ts';
import { kindOf, readExperiment, readResult } from '../registry.ts';
import { tensorsFigures } from './figure.ts';
import { isSameMeasure } from './gradientCells.ts';
import { readTensorsResult, type TensorsResult } from './result.ts';

let backend: Backend;
let residual: OpenedOnnx;
let tokens: OpenedOnnx;

beforeAll(async () => {
  backend = createNodeBackend(1);
  residual = await openedOnnx('residual.onnx', residualBytes(), backend);
  tokens = await openedOnnx('small.onnx', smallTokenBytes(), backend);
});

afterAll(async () => {
  await residual.close();
  await tokens.close();
  await backend.close();
});

async function sweep(
  { model }: OpenedOnnx,
  experiment: object,
  leaveOut: readonly string[] = [],
): Promise<TensorsResult> {
  const read = await readExperiment({ kind: 'tensors', version: 1, model: 'file', ...experiment });
  const kind = await kindOf(read.kind);
  const ready = await kind.resolve(model.architecture, undefined, read);
  const growth = kind.growth();
  for await (const update of ready.run(model, { leaveOut })) growth.take(structuredClone(update));
  const plain: unknown = JSON.parse(JSON.stringify(growth.result));
  await readResult(plain);
  return readTensorsResult(plain);
}

const cellsOf = (result: TensorsResult, panel = 0): readonly (readonly (number | null)[] | null)[] =>
  result.panels[panel]?.cells ?? [];

// y is the sum of x2 = x1 + relu(x1 [[0, 1], [1, 0]]), and x1 = x + relu(x [[1, 0], [0, 2]]).
const clean = { x: { numbers: [1, 1] } };
const corrupted = { x: { numbers: [1, 0] } };
const sites = [{ site: 'block_output' }, { site: 'act/Relu' }];
const common = { method: 'gradient', clean, watched: { kind: 'scalar' }, sites };

test('what restoring would bring back to first order can be worked out by hand', async () => {
  const result = await sweep(residual, { ...common, corrupted });
  expect(result.clean).toEqual([10]);
  expect(result.corrupted).toEqual([4]);
  // The corrupted x1 is (2, 0), the slope there (2, 1), since relu is flat at 0: 4 + 3. Of x2, (2, 2), it is (1, 1): 4 + 3 + 3.
  expect(cellsOf(result, 0)).toEqual([[7], [10]]);
  // (1, 0) becomes (1, 2) at a slope of (2, 1), and (0, 2) becomes (3, 2) at (1, 1).
  expect(cellsOf(result, 1)).toEqual([[6], [7]]);
  expect(result.notices.map(({ code }) => code)).toContain('first-order');
});

test('so can corrupted states in the clean run, and an ablation', async () => {
  // The clean x1 is (2, 3), and the slope there (2, 2).
  const spoilt = await sweep(residual, { ...common, corrupted, direction: 'corrupt' });
  expect(cellsOf(spoilt, 1)).toEqual([[6], [7]]);
  const ablated = await sweep(residual, { ...common, ablation: { value: 0 } });
  expect(cellsOf(ablated, 1)).toEqual([[4], [5]]);
});

test('a squared difference has the slope of a square', async () => {
  const result = await sweep(residual, { ...common, corrupted, watched: { kind: 'squared' } });
  // (4 - 10)², at twice that difference: 36 - 12 · 3 and 36 - 12 · 6.
  expect(cellsOf(result, 0)).toEqual([[0], [-36]]);
  // What is below zero has its place on the colour bar.
  expect(tensorsFigures(result)[0]?.metric.minimum).toBeUndefined();
});

test('a probability has the slope p (1 - p) at its own logit', async () => {
  const bytes = onnxBytes([plainNode('Neg', ['x'], 'h'), plainNode('Neg', ['h'], 'y')], {
    inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 3] }],
    outputs: ['y'],
  });
  const opened = await openedOnnx('logits.onnx', bytes, backend);
  try {
    const result = await sweep(opened, {
      method: 'gradient',
      clean: { x: { numbers: [0, Math.LN2, 0] } },
      corrupted: { x: { numbers: [0, 0, 0] } },
      watched: { kind: 'probability' },
      by: 'whole',
      sites: [{ site: 'h' }],
    });
    expect(result.clean[0]).toBeCloseTo(1 / 2, 6);
    expect(result.corrupted?.[0]).toBeCloseTo(1 / 3, 6);
    expect(cellsOf(result)[0]?.[0]).toBeCloseTo(1 / 3 + (2 / 9) * Math.LN2, 6);
  } finally {
    await opened.close();
  }
});

test.each([
  [{ kind: 'entry', entry: 3, at: [-1] }, 'corrupt'],
  [{ kind: 'difference', entry: 3, minus: 8, at: [4] }, 'restore'],
  [{ kind: 'cosine', at: 'mean' }, 'corrupt'],
  [{ kind: 'distance', at: 'mean' }, 'restore'],
  [{ kind: 'distance' }, 'corrupt'],
])('where little is changed the cells of %j (%s) are those of runs', async (watched, direction) => {
  const isCompared = watched.kind === 'cosine' || watched.kind === 'distance';
  const experiment = {
    clean: { input_ids: { numbers: [1, 5, 9, 2, 7] } },
    noise: { tensor: '/wte/Gather_output_0', level: 2e-4, samples: 2 },
    direction,
    watched,
    sites: [{ site: 'block_output' }, { site: 'mlp_output' }],
    ...(isCompared ? { reference: { input_ids: { numbers: [3, 3, 4, 11, 6] } } } : {}),
  };
  const runs = await sweep(tokens, experiment);
  const slopes = await sweep(tokens, { ...experiment, method: 'gradient' });
  expect(slopes.clean).toEqual(runs.clean);
  for (const panel of [0, 1]) {
    const own = cellsOf(slopes, panel);
    const all = cellsOf(runs, panel).flatMap((samples) => samples ?? []);
    const starts =
      direction === 'restore' ? (runs.corrupted ?? []) : [runs.clean[0] ?? 0, runs.clean[0] ?? 0];
    const apart = all.map((value, at) => Number(value) - Number(starts[at % 2]));
    const largest = Math.max(...apart.map(Math.abs));
    expect(largest).toBeGreaterThan(0);
    const found = own
      .flatMap((samples) => samples ?? [])
      .map((value, at) => Number(value) - Number(starts[at % 2]));
    expect(found.length).toBe(apart.length);
    for (const [at, value] of apart.entries())
      expect(Math.abs((found[at] ?? Number.NaN) - value)).toBeLessThan(0.08 * largest);
  }
});

test('half of the layers have the numbers that they have in the whole, to the last bit', async () => {
  const experiment = {
    method: 'gradient',
    clean: { input_ids: { numbers: [1, 5, 9, 2, 7] } },
    corrupted: { input_ids: { numbers: [1, 5, 3, 2, 7] } },
    watched: { kind: 'entry', entry: 3, at: [-1] },
    sites: [{ site: 'block_output' }, { site: 'mlp_output' }],
  };
  const whole = await sweep(tokens, experiment);
  const half = await sweep(tokens, experiment, ['block_output, layer 0', 'mlp_output, layer 1']);
  const per = cellsOf(whole).length / 2;
  expect(cellsOf(half)).toEqual([
    ...cellsOf(whole)
      .slice(0, per)
      .map(() => null),
    ...cellsOf(whole).slice(per),
  ]);
  expect(cellsOf(half, 1).slice(0, per)).toEqual(cellsOf(whole, 1).slice(0, per));
});

test('a distance has no slope where it is zero, which is said', async () => {
  const experiment = { ...common, corrupted: clean, watched: { kind: 'distance' } };
  await expect(sweep(residual, experiment)).rejects.toThrow(
    "The slope of distance of y from the clean run at '/layer.0/Add_output_0' is no number",
  );
});

test.each([
  ['squared', { corrupted, direction: 'corrupt' }, "Watch an entry, take the direction 'restore', or leave"],
  ['squared', { ablation: { value: 0 } }, 'Watch an entry, or leave "method" out to run each cell.'],
  ['cosine', { ablation: { value: 0 } }, "Watch an entry, give a 'reference', or leave"],
  [
    'distance',
    { noise: { tensor: 'x', level: 1 }, direction: 'corrupt' },
    "give a 'reference', take the direction",
  ],
])('cells that start from what %s is compared with are refused: %j', async (kind, contrast, remedy) => {
  const refused = sweep(residual, { ...common, ...contrast, watched: { kind } });
  await expect(refused).rejects.toThrow(
    `What is watched is the '${kind}' of a run and the clean run, from which these cells start: it has no slope there but zero.`,
  );
  await expect(refused).rejects.toThrow(remedy);
});

test('an operator without a rule is named', async () => {
  const bytes = onnxBytes(
    [
      plainNode('Relu', ['x'], 'h'),
      plainNode('Hardmax', ['h'], 'chosen'),
      plainNode('Add', ['h', 'chosen'], 'y'),
    ],
    { inputs: [{ name: 'x', dtype: 'float32', shape: ['batch', 3] }], outputs: ['y'] },
  );
  const opened = await openedOnnx('hard.onnx', bytes, backend);
  try {
    const experiment = {
      method: 'gradient',
      clean: { x: { numbers: [1, 2, 3] } },
      corrupted: { x: { numbers: [3, 2, 1] } },
      sites: [{ site: 'h' }],
    };
    await expect(sweep(opened, experiment)).rejects.toThrow(
      "There is no gradient at 'h': the operator 'Hardmax' (node 'Hardmax (chosen)') lies between it and 'y', and has no rule.",
    );
  } finally {
    await opened.close();
  }
});

test('what a slope is taken of must be what is watched, on the scale of what is watched', () => {
  expect(isSameMeasure(2e-6, 2.0001e-6, [2e-6, 3e-6])).toBe(true);
  expect(isSameMeasure(1e-6, 2e-6, [2e-6, 3e-6])).toBe(false);
  // A difference of logits that almost cancel, beside a run where it is large.
  expect(isSameMeasure(1e-6, 2e-6, [2e-6, 5])).toBe(true);
  expect(isSameMeasure(0, 0, [0])).toBe(true);
  expect(isSameMeasure(1e-9, 0, [0])).toBe(false);
  for (const nothing of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(isSameMeasure(nothing, nothing, [nothing, 1])).toBe(false);
    expect(isSameMeasure(1, 2, [2, nothing])).toBe(false);
  }
});
