// A file that reads tokens, run by the engine's own plans: edits of components by position and head, formulas, forks.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memorySource } from '../checkpoint/sources/byteSource.ts';
import { add } from '../onnx/elementwise.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import type { Model } from '../runtime/model.ts';
import { type Edit, type Fragment, type Row, replace, type Site } from '../runtime/plan/plan.ts';
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

const logits: Site = { component: 'logits', layer: null };
const tokens = [1, 5, 9, 2, 7];
const other = [3, 5, 8, 2, 4];
const row = (ids: readonly number[], edits: readonly Edit[] = []): Row => ({
  start: { kind: 'tokens', tokens: ids },
  edits,
});
const readAll = (index: number, site = logits) => ({
  row: index,
  site,
  location: { positions: 'all' as const },
});

async function logitsOf(rows: readonly Row[]): Promise<readonly Float32Array[]> {
  const results = await model.run({ rows, reads: rows.map((_, index) => readAll(index)) });
  return results.map(({ value }) => (value?.data instanceof Float32Array ? value.data : new Float32Array()));
}

/** The largest difference. */
const gap = (a: Float32Array | undefined, b: Float32Array | undefined): number =>
  a && b && a.length === b.length
    ? a.reduce((most, value, at) => Math.max(most, Math.abs(value - (b[at] ?? Number.NaN))), 0)
    : Number.NaN;

test('components have the words of the field, by structure alone', () => {
  const { architecture } = model;
  const names = architecture.components.map(({ name }) => name);
  expect(architecture.layerCount).toBe(smallTokens.layers);
  expect(architecture.isCausal).toBe(true);
  expect(architecture.vocabularySize).toBe(smallTokens.words);
  for (const name of ['block_output', 'attention_weight', 'query_output', 'attention_output', 'mlp_output'])
    expect(names).toContain(name);
  expect(architecture.components.find(({ name }) => name === 'head_query_output')).toMatchObject({
    heads: smallTokens.heads,
    width: smallTokens.width / smallTokens.heads,
  });
});

test('what another prompt has at every position makes its predictions', async () => {
  const site = { component: 'block_output', layer: 0 };
  const location = { positions: 'all' as const };
  const edit: Edit = { site, location, fragment: replace, source: { kind: 'row', row: 1, site, location } };
  const [edited, source] = await logitsOf([row(tokens, [edit]), row(other)]);
  expect(gap(edited, source)).toBe(0);
});

test('all heads interchanged one by one are the whole component interchanged', async () => {
  const whole = { component: 'query_output', layer: 1 };
  const heads = { component: 'head_query_output', layer: 1 };
  const positions = [1, 3];
  const edit = (site: Site, own: readonly number[] | undefined): Edit => {
    const location = { positions, ...(own ? { heads: own } : {}) };
    return { site, location, fragment: replace, source: { kind: 'row', row: 3, site, location } };
  };
  const [byHead, together, one] = await logitsOf([
    row(tokens, [edit(heads, [0]), edit(heads, [1])]),
    row(tokens, [edit(whole, undefined)]),
    row(tokens, [edit(heads, [0])]),
    row(other),
  ]);
  expect(gap(byHead, together)).toBeLessThan(1e-6);
  expect(gap(one, together)).toBeGreaterThan(1e-4);
});

test('a formula beside the model does what the same numbers put in do', async () => {
  const site = { component: 'mlp_output', layer: 0 };
  const location = { positions: [2] };
  const { width } = smallTokens;
  const noise = Float32Array.from({ length: width }, (_, at) => at / 7);
  const plus: Fragment = {
    key: 'plus',
    parameters: {},
    build: ({ base, source }) => (source ? add(base, source) : base),
  };
  const [clean] = await model.run({ rows: [row(tokens)], reads: [{ row: 0, site, location }] });
  const sum = Float32Array.from(noise, (value, at) => value + Number(clean?.value?.data[at]));
  const [formula, given] = await logitsOf([
    row(tokens, [{ site, location, fragment: plus, source: { kind: 'tensor', data: noise } }]),
    row(tokens, [{ site, location, fragment: replace, source: { kind: 'tensor', data: sum } }]),
  ]);
  expect(gap(formula, given)).toBeLessThan(1e-6);
});

test('one edit in rows of several prompts, and in forks of them, counts from what each has there', async () => {
  const location = { positions: [2] };
  const data = Float32Array.from({ length: smallTokens.width }, (_, at) => at / 7);
  const plus: Fragment = {
    key: 'plus',
    parameters: {},
    build: ({ base, source }) => (source ? add(base, source) : base),
  };
  const edit: Edit = {
    site: { component: 'mlp_output', layer: 0 },
    location,
    fragment: plus,
    source: { kind: 'tensor', data },
  };
  const prompts = [
    [1, 5, 9, 2, 7],
    [3, 6, 8, 2, 4],
  ];
  const together = await logitsOf(prompts.map((ids) => row(ids, [edit])));
  const forks = prompts.map(
    (_, parent): Row => ({
      start: { kind: 'fork', parent, layer: 0, position: 2 },
      edits: [edit],
    }),
  );
  const later = [2, 3, 4];
  const forked = await model.run({
    rows: [...prompts.map((ids) => row(ids)), ...forks],
    reads: forks.map((_, at) => ({
      row: prompts.length + at,
      site: logits,
      location: { positions: later },
    })),
  });
  for (const [at, ids] of prompts.entries()) {
    const [alone] = await logitsOf([row(ids, [edit])]);
    expect(gap(together[at], alone)).toBeLessThan(1e-6);
    const data = forked[at]?.value?.data;
    const after = alone?.slice(2 * smallTokens.words);
    expect(gap(data instanceof Float32Array ? data : undefined, after)).toBeLessThan(1e-6);
  }
});

test('a row that forks from an edited one keeps its edits, and equals the row run with all of them', async () => {
  const edit = (layer: number, at: number): Edit => ({
    site: { component: 'block_output', layer },
    location: { positions: [at] },
    fragment: replace,
    source: { kind: 'tensor', data: new Float32Array(smallTokens.width).fill(layer + 1) },
  });
  const [first, second] = [edit(0, 1), edit(1, 3)];
  const [forked, whole] = await logitsOf([
    { start: { kind: 'fork', parent: 2, layer: 1, position: 0 }, edits: [second] },
    row(tokens, [first, second]),
    row(tokens, [first]),
  ]);
  expect(gap(forked, whole)).toBe(0);
});

test('patterns are edited head by head', async () => {
  const site = { component: 'attention_weight', layer: 0 };
  const location = { positions: [4], heads: [1] };
  const onFirst = Float32Array.of(1, 0, 0, 0, 0);
  const [edited, clean] = await logitsOf([
    row(tokens, [{ site, location, fragment: replace, source: { kind: 'tensor', data: onFirst } }]),
    row(tokens),
  ]);
  const before = 4 * smallTokens.words;
  expect(gap(edited?.subarray(0, before), clean?.subarray(0, before))).toBe(0);
  expect(gap(edited, clean)).toBeGreaterThan(1e-4);
});

test('generation is refused with what the model is', async () => {
  await expect(model.decode([{ tokens, edits: [] }])).rejects.toThrow(/was brought as ONNX/);
});

const plusOf = (layer: number, position: number): Edit => ({
  site: { component: 'block_output', layer },
  location: { positions: [position] },
  fragment: {
    key: 'times two',
    parameters: {},
    build: ({ base }) => add(base, base),
  },
});

test('formulas act in the order of computing, however a row lists them', async () => {
  const [early, late] = [plusOf(0, 2), plusOf(1, 2)];
  const [inOrder, turned, lateAlone] = await logitsOf([
    row(tokens, [early, late]),
    row(tokens, [late, early]),
    row(tokens, [late]),
  ]);
  expect(gap(turned, inOrder)).toBe(0);
  expect(gap(turned, lateAlone)).toBeGreaterThan(1e-4);
});

test('a fork has of its parent’s edits what lies before it', async () => {
  const whole: Row = row(tokens, [plusOf(0, 3), plusOf(1, 1), plusOf(1, 3)]);
  const fork: Row = { start: { kind: 'fork', parent: 0, layer: 1, position: 2 }, edits: [] };
  const expected: Row = row(tokens, [plusOf(0, 3), plusOf(1, 1)]);
  const later = { positions: [2, 3, 4] };
  const results = await model.run({
    rows: [whole, fork, expected],
    reads: [0, 1, 2].map((index) => ({ row: index, site: logits, location: later })),
  });
  const [parent, forked, told] = results.map(({ value }) => Float32Array.from(value?.data ?? []));
  expect(gap(forked, told)).toBe(0);
  expect(gap(forked, parent)).toBeGreaterThan(1e-4);
  const both = { ...plusOf(1, 1), location: { positions: [1, 3] } };
  await expect(
    model.run({ rows: [row(tokens, [both]), fork], reads: [{ row: 1, site: logits, location: later }] }),
  ).rejects.toThrow(/lies before position 2 and behind it/);
});
