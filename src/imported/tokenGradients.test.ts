// Gradients of prompts of a file, by the engine's own plans: against central differences of the file's runs.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memorySource } from '../checkpoint/sources/byteSource.ts';
import { add, mul, sub } from '../onnx/elementwise.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { weightedEntries } from '../runtime/backward/objectives.ts';
import type { Model } from '../runtime/model.ts';
import { type Edit, type Fragment, type Row, replace } from '../runtime/plan/plan.ts';
import { smallTokenBytes, smallTokens } from './fixtures/smallTokenOnnx.ts';
import { ImportedModel } from './importedModel.ts';
import { createNodeRuntime } from './nodeRuntime.ts';
import type { OnnxRuntime } from './runtime.ts';
import { tokenModel } from './tokenModel.ts';

let runtime: OnnxRuntime;
let imported: ImportedModel;
let backend: Backend;
let model: Model;

beforeAll(async () => {
  runtime = await createNodeRuntime(1);
  imported = await ImportedModel.open(memorySource('small.onnx', smallTokenBytes()), runtime);
  backend = createNodeBackend(1);
  model = await tokenModel(imported, backend);
});

afterAll(async () => {
  await model.dispose();
  expect(backend.liveTensors).toBe(0);
  expect(backend.livePrograms).toBe(0);
  await backend.close();
  await imported.dispose();
  expect(runtime.liveSessions).toBe(0);
  await runtime.close();
});

const { width } = smallTokens;
const tokens = [1, 5, 9, 2, 7];
const row = (edits: readonly Edit[] = []): Row => ({ start: { kind: 'tokens', tokens }, edits });
const logits = { component: 'logits', layer: null };
const term = (index: number) => ({
  row: index,
  site: logits,
  location: { positions: [4] },
  ...weightedEntries([
    [
      { entry: 3, factor: 1 },
      { entry: 8, factor: -1 },
    ],
  ]),
});
const site = { component: 'block_output', layer: 0 };
const location = { positions: [1, 3] };
const source = Float32Array.from({ length: 2 * width }, (_, at) => Math.cos(at));

async function objective(rows: readonly Row[]): Promise<readonly number[]> {
  const reads = rows.map((_, index) => ({ row: index, site: logits, location: { positions: [4] } }));
  const results = await model.run({ rows, reads });
  return results.map(({ value }) => Number(value?.data[3]) - Number(value?.data[8]));
}

/** Against the slope between a step forward and one back. @param at rows in which one number is moved */
async function expectSlopes(
  found: ArrayLike<number> | undefined,
  at: (index: number, by: number) => Row,
  count: number,
) {
  const step = 4e-3;
  const rows = Array.from({ length: count }, (_, index) => [at(index, step), at(index, -step)]).flat();
  const values = await objective(rows);
  expect(found?.length).toBe(count);
  for (let index = 0; index < count; index++) {
    const want = ((values[2 * index] ?? 0) - (values[2 * index + 1] ?? 0)) / (2 * step);
    expect(Math.abs((found?.[index] ?? Number.NaN) - want)).toBeLessThan(3e-3 * (1 + Math.abs(want)));
  }
}

const moved = (data: Float32Array, index: number, by: number): Float32Array =>
  data.map((value, at) => (at === index ? value + by : value));

test('the gradient at a site is the slope of the objective there', async () => {
  const {
    at,
    reads,
    objective: total,
  } = await model.gradients({
    rows: [row()],
    terms: [term(0)],
    reads: [{ row: 0, site, location }],
    at: [{ row: 0, site, location }],
  });
  const data = Float32Array.from(reads[0]?.value?.data ?? []);
  expect(total).toBeCloseTo((await objective([row()]))[0] ?? Number.NaN, 5);
  await expectSlopes(
    at[0]?.data,
    (index, by) =>
      row([{ site, location, fragment: replace, source: { kind: 'tensor', data: moved(data, index, by) } }]),
    2 * width,
  );
});

/** out = base + (source - base) a */
const towards = (a: Float32Array): Fragment => ({
  key: 'towards',
  parameters: { a: { data: a, shape: [width] } },
  build: ({ base, source: from = base, parameter }) => add(base, mul(sub(from, base), parameter('a'))),
});

test('the gradient of what an edit is made with is summed over the rows that share it', async () => {
  const a = Float32Array.from({ length: width }, (_, at) => at / 10 - 0.3);
  const edits = (fragment: Fragment): readonly Edit[] => [
    { site, location, fragment, source: { kind: 'tensor', data: source } },
    {
      site: { component: 'mlp_output', layer: 1 },
      location: { positions: [3, 4] },
      fragment,
      source: { kind: 'tensor', data: source },
    },
  ];
  const fragment = towards(a);
  const once = await model.gradients({
    rows: [row(edits(fragment))],
    terms: [term(0)],
    of: [fragment.parameters],
  });
  await expectSlopes(once.of[0]?.a?.data, (index, by) => row(edits(towards(moved(a, index, by)))), width);
  const twice = await model.gradients({
    rows: [row(edits(fragment)), row(), row(edits(fragment))],
    terms: [term(0), { ...term(1), weight: 5 }, { ...term(2), weight: 2 }],
    of: [fragment.parameters],
  });
  for (const [index, value] of (once.of[0]?.a?.data ?? []).entries())
    expect(twice.of[0]?.a?.data[index]).toBeCloseTo(3 * value, 5);
});

test('a place that the objective does not depend on has the gradient zero', async () => {
  const { at } = await model.gradients({
    rows: [row()],
    terms: [{ ...term(0), location: { positions: [2] } }],
    at: [{ row: 0, site, location: { positions: [2, 4] } }],
  });
  const data = Array.from(at[0]?.data ?? [], Math.abs);
  expect(Math.max(...data.slice(0, width))).toBeGreaterThan(1e-3);
  expect(data.slice(width)).toEqual(Array.from({ length: width }, () => 0));
});

test('gradients from row to row are refused', async () => {
  const edit: Edit = { site, location, fragment: replace, source: { kind: 'row', row: 1, site, location } };
  const rows = [row([edit]), row()];
  await expect(model.gradients({ rows, terms: [term(0)], at: [{ row: 1, site, location }] })).rejects.toThrow(
    "Row 0 takes 'block_output' from row 1, on which something that gradients are asked of bears. In a model brought as ONNX gradients do not pass from row to row.",
  );
  const forked: Row = { start: { kind: 'fork', parent: 0, layer: 1, position: 2 }, edits: [] };
  await expect(
    model.gradients({ rows: [row(), forked], terms: [term(1)], at: [{ row: 0, site, location }] }),
  ).rejects.toThrow('Gradients are asked at row 0, from which another forks.');
});
