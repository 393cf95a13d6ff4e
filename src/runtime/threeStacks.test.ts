// Rows of a model of three stacks: a picture that a question reads, and the question that an answer reads. What PyTorch
// computes of them is compared by `patchbay conformance` on `blip-answers`.

import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { openFolder } from '../checkpoint/openNode.ts';
import type { Backend } from './backends/backend.ts';
import { createNodeBackend } from './backends/nodeBackend.ts';
import { weightedEntries } from './backward/objectives.ts';
import { Model } from './model.ts';
import { type Edit, type Plan, type Row, type RowSource, replace } from './plan/plan.ts';
import { stageOf } from './plan/sites.ts';

const folder = fileURLToPath(new URL('../cli/conformance/expected/blip-answers/model', import.meta.url));
const waves = (length: number, step: number) => Float32Array.from({ length }, (_, at) => Math.sin(at * step));
const picture: RowSource = { kind: 'input', data: waves(3 * 12 * 12, 0.7) };
const question: RowSource = { kind: 'tokens', tokens: [4, 9, 2, 17, 6, 11], source: picture };
const start = { kind: 'tokens', tokens: [2, 11, 5], source: question } as const;
const parent: Row = { start, edits: [] };
const logits = { component: 'logits', layer: null };

let backend: Backend;
let checkpoint: Checkpoint;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  checkpoint = await openFolder(folder);
  model = await Model.load(checkpoint, backend);
});
afterAll(async () => {
  await model.dispose();
  expect(backend.liveTensors).toBe(0);
  await checkpoint.close();
  await backend.close();
});

const editOf = (component: string, layer: number, position: number): Edit => ({
  site: { component, layer },
  location: { positions: [position] },
  fragment: replace,
  source: { kind: 'tensor', data: waves(16, 0.9) },
});

const farthest = (found: ArrayLike<number> | undefined, expected: ArrayLike<number> | undefined): number => {
  expect(found?.length).toBe(expected?.length);
  return Math.max(
    ...Array.from(found ?? [], (value, at) => Math.abs(value - (expected?.[at] ?? Number.NaN))),
  );
};

/** The last logits of the last row, and the gradient of two of them where picture and question come in. */
async function outcome(rows: readonly Row[]) {
  const row = rows.length - 1;
  const location = { positions: [2] };
  const [read] = await model.run({ rows, reads: [{ row, site: logits, location }] });
  const pair = [
    { entry: 7, factor: 1 },
    { entry: 11, factor: -1 },
  ];
  const { at } = await model.gradients({
    rows,
    terms: [{ row, site: logits, location, ...weightedEntries([pair]) }],
    // Where the question waits for the picture a fork leaves its row at the embedding.
    at: [
      { component: 'vision.block_input', layer: 0 },
      { component: 'question.embedding_output', layer: null },
    ].map((site) => ({ row: 0, site, location: { positions: [0, 2] } })),
  });
  return { logits: read?.value?.data, gradient: at.flatMap(({ data }) => [...data]) };
}

test.each<readonly [string, number, number]>([
  ['vision.block_output', 1, 2],
  ['question.cross_value_output', 1, 3],
  ['question.block_output', 0, 4],
  ['question.cross_attention_output', 1, 0],
  ['cross_key_output', 1, 5],
  ['cross_attention_input', 0, 2],
])(
  'a fork at an edit of %s, layer %i, equals the row run from the start',
  async (component, layer, position) => {
    const edit = editOf(component, layer, position);
    const stage = stageOf(model.architecture, edit.site);
    const from = /^cross_attention/.test(component) ? position : 0;
    const forked: Row = {
      start: { kind: 'fork', parent: 0, layer: stage, position: from },
      edits: [edit],
    };
    const expected = await outcome([{ start, edits: [edit] }]);
    const found = await outcome([parent, forked]);
    expect(Math.max(...expected.gradient.map(Math.abs))).toBeGreaterThan(1e-6);
    expect(farthest(found.logits, expected.logits)).toBeLessThan(1e-5);
    expect(farthest(found.gradient, expected.gradient)).toBeLessThan(1e-5);
    expect(farthest((await outcome([parent])).logits, expected.logits)).toBeGreaterThan(1e-4);
  },
);

test('a question’s state is restored from the clean run where the picture is corrupted', async () => {
  // Every state of the question's last layer put back is the clean answer, whatever was seen; one is not.
  const corrupted: Row = { start, edits: [editOf('vision.block_input', 0, 3)] };
  const restored = (positions: readonly number[]): Row => {
    const site = { component: 'question.block_output', layer: 1 };
    const location = { positions };
    return {
      start: { kind: 'fork', parent: 1, layer: stageOf(model.architecture, site), position: 0 },
      edits: [{ site, location, fragment: replace, source: { kind: 'row', row: 0, site, location } }],
    };
  };
  const rows = [parent, corrupted, restored([0, 1, 2, 3, 4, 5]), restored([2])];
  const reads = rows.map((_, row) => ({ row, site: logits, location: { positions: [2] } }));
  const [clean, hurt, whole, one] = await model.run({ rows, reads });
  expect(farthest(clean?.value?.data, hurt?.value?.data)).toBeGreaterThan(1e-3);
  expect(farthest(clean?.value?.data, whole?.value?.data)).toBeLessThan(1e-5);
  expect(farthest(clean?.value?.data, one?.value?.data)).toBeGreaterThan(1e-4);
});

test('rows that read the same share the rows of the stacks before; an edit makes those behind it anew', () => {
  const made = (rows: readonly Row[]) => model.schedule({ rows, reads: [] }).rows.length - rows.length;
  const changed = (component: string): Row => ({ start, edits: [editOf(component, 0, 1)] });
  expect(made([parent, changed('block_output')])).toBe(2);
  expect(made([parent, changed('question.block_output')])).toBe(3);
  expect(made([parent, changed('question.cross_key_output')])).toBe(4);
  expect(made([parent, changed('vision.block_output')])).toBe(4);
  const asked: RowSource = { kind: 'tokens', tokens: [4, 9], source: picture };
  expect(made([parent, { start: { ...start, source: asked }, edits: [] }])).toBe(3);
});

test.each<[string, Plan, RegExp]>([
  [
    'a question without a picture',
    { rows: [{ start: { ...start, source: { kind: 'tokens', tokens: [4, 9] } }, edits: [] }], reads: [] },
    /Row 0 lacks a source: a blip model has 3 stacks, and the first reads an image\./,
  ],
  [
    'an answer without a question',
    { rows: [{ start: { kind: 'tokens', tokens: [2] }, edits: [] }], reads: [] },
    /Row 0 lacks a source: a blip model has 3 stacks, and the next reads a source text\./,
  ],
  [
    'a picture that reads something',
    {
      rows: [
        {
          start: {
            kind: 'tokens',
            tokens: [2],
            source: { ...question, source: { kind: 'tokens', tokens: [3], source: picture } },
          },
          edits: [],
        },
      ],
      reads: [],
    },
    /A blip model has 3 stacks, so what its first one reads has no source\./,
  ],
  [
    'a picture’s state that is taken from the question',
    {
      rows: [
        parent,
        {
          start,
          edits: [
            {
              ...editOf('vision.block_output', 0, 1),
              source: {
                kind: 'row',
                row: 0,
                site: { component: 'question.block_output', layer: 0 },
                location: { positions: [1] },
              },
            },
          ],
        },
      ],
      reads: [],
    },
    /'vision\.block_output' belongs to a stack that is done before its reader begins, so it cannot be taken from 'question\.block_output'\./,
  ],
  [
    'a fork past the first position under an edit of the question',
    {
      rows: [
        parent,
        {
          start: { kind: 'fork', parent: 0, layer: 5, position: 1 },
          edits: [editOf('cross_key_output', 0, 1)],
        },
      ],
      reads: [],
    },
    /Row 1 changes 'cross_key_output', .* so it can only fork at position 0\./,
  ],
])('refuses %s', (_, plan, sentence) => {
  expect(() => model.schedule(plan)).toThrow(sentence);
});
