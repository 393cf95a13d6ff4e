import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { add } from '../../onnx/elementwise.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { createWasmBackendOnNode } from '../backends/wasmBackendOnNode.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { type Edit, type Fragment, PlanError } from '../plan/plan.ts';
import { actsAt, type EditSpan } from './editSpan.ts';
import type { GenerationEdit, GenerationRow } from './request.ts';

const backends: readonly (readonly [string, () => Backend | Promise<Backend>])[] = [
  ['node', () => createNodeBackend(1)],
  ['wasm', () => createWasmBackendOnNode(1)],
];

const next = seededRandom(7);
const vector = (width: number) => Float32Array.from({ length: width }, () => next());
const added: Fragment = {
  key: 'added',
  parameters: {},
  build: ({ base, source }) => (source ? add(base, source) : base),
};
const shift = vector(16);
const steered = (layer: number, at: EditSpan, data = shift): GenerationEdit => ({
  site: { component: 'block_output', layer },
  at,
  fragment: added,
  source: { kind: 'vector', data },
});

const prompts = [
  [3, 17, 8, 25, 1],
  [5, 9, 21, 2, 14, 6],
  [30, 12, 4],
];

/** What the rows' edits are at each position of a whole sequence, as a plan has them. */
function planEdits({ tokens, edits = [] }: GenerationRow, length: number): readonly Edit[] {
  return edits.flatMap((edit): readonly Edit[] => {
    const acts = actsAt(edit.at, tokens.length);
    const positions = Array.from({ length }, (_, position) => position).filter(acts);
    if (positions.length === 0 || edit.source?.kind !== 'vector') return [];
    const data = new Float32Array(positions.length * edit.source.data.length);
    for (let at = 0; at < data.length; at += edit.source.data.length) data.set(edit.source.data, at);
    const source = { kind: 'tensor', data } as const;
    return [{ site: edit.site, location: { positions }, fragment: edit.fragment, source }];
  });
}

/** Logits of the last position of a whole sequence, computed without anything kept. */
async function wholeLogits(model: Model, row: GenerationRow, sequence: readonly number[]) {
  const [result] = await model.run({
    rows: [{ start: { kind: 'tokens', tokens: sequence }, edits: planEdits(row, sequence.length) }],
    reads: [
      { row: 0, site: { component: 'logits', layer: null }, location: { positions: [sequence.length - 1] } },
    ],
  });
  return result?.value?.data ?? new Float32Array();
}

const best = (logits: Float32Array): number => logits.indexOf(Math.max(...logits));

function farthest(found: Float32Array, expected: ArrayLike<number>): number {
  expect(found).toHaveLength(expected.length);
  return found.reduce((most, value, at) => Math.max(most, Math.abs(value - (expected[at] ?? Number.NaN))), 0);
}

/** Generate greedily and compare every pass with one that keeps nothing. @returns the largest gap of a logit */
async function compareWithWhole(
  model: Model,
  rows: readonly GenerationRow[],
  count: number,
): Promise<number> {
  const { decoder, logits } = await model.decode(rows);
  const sequences = rows.map(({ tokens }) => [...tokens]);
  let found = new Map(logits.map((own, row) => [row, own]));
  let gap = 0;
  for (let step = 0; step < count; step++) {
    const tokens = new Map<number, number>();
    for (const [row, own] of found) {
      const sequence = sequences[row] ?? [];
      const given = rows[row];
      if (!given) continue;
      gap = Math.max(gap, farthest(own, await wholeLogits(model, given, sequence)));
      // The first row ends early: the others go on without it.
      if (row === 0 && step === 3) {
        decoder.leave(row);
        continue;
      }
      tokens.set(row, best(own));
      sequence.push(best(own));
    }
    found = new Map(await decoder.step(tokens));
  }
  decoder.dispose();
  return gap;
}

const spans: readonly (readonly [string, EditSpan])[] = [
  ['at every position of the prompt', { prompt: 'all' }],
  ['at one position of the prompt', { prompt: [1] }],
  ['from the first new token on', { steps: 'all' }],
  ['at new tokens that are fed back', { steps: { from: 1 } }],
  ['at the prompt and every second step', { prompt: [-2], steps: { from: 1, every: 2 } }],
  ['everywhere', { prompt: 'all', steps: 'all' }],
];

describe.each(backends)('on %s', (_, create) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await create();
  });
  afterAll(() => backend.close());

  describe.each(Object.entries(tinyConfigurations))('sequences of %s', (__, configuration) => {
    let model: Model;
    beforeAll(async () => {
      model = await Model.load(tinyCheckpoint(configuration), backend);
    });
    afterAll(() => model.dispose());

    test('that grow token by token have the logits of whole ones', async () => {
      const rows = prompts.map((tokens) => ({ tokens }));
      expect(await compareWithWhole(model, rows, 7)).toBeLessThan(1e-4);
    });

    test.each(spans)('that are edited %s have the logits of whole ones', async (___, at) => {
      const live = backend.liveTensors;
      const rows = [
        { tokens: prompts[0] ?? [], edits: [steered(1, at)] },
        { tokens: prompts[0] ?? [], edits: [steered(0, at, vector(16)), steered(2, at)] },
        { tokens: prompts[1] ?? [] },
        { tokens: prompts[2] ?? [], edits: [steered(1, { prompt: [0] }), steered(1, at)] },
      ];
      expect(await compareWithWhole(model, rows, 6)).toBeLessThan(1e-4);
      // Tables of positions may have grown, and are the model's.
      expect(backend.liveTensors).toBeLessThanOrEqual(live + 2);
    });
  });
});

test('a sequence that grows beyond the length at which longrope turns it otherwise has the logits of a whole one', async () => {
  const backend = createNodeBackend(1);
  const configuration = {
    ...tinyConfigurations.llama,
    model_type: 'phi3',
    original_max_position_embeddings: 7,
    rope_scaling: { type: 'longrope', short_factor: [1, 1.5], long_factor: [3, 9] },
  };
  const model = await Model.load(tinyCheckpoint(configuration), backend);
  const rows = [
    { tokens: prompts[2] ?? [] },
    { tokens: prompts[0] ?? [], edits: [steered(1, { prompt: [-1], steps: { from: 2 } })] },
    { tokens: prompts[1] ?? [], edits: [steered(0, { steps: 'all' })] },
  ];
  expect(await compareWithWhole(model, rows, 8)).toBeLessThan(1e-4);
  await model.dispose();
  await backend.close();
});

describe('a decoder', () => {
  let backend: Backend;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    model = await Model.load(tinyCheckpoint(tinyConfigurations.llama), backend);
  });
  afterAll(async () => {
    await model.dispose();
    await backend.close();
  });

  test('runs a prompt once for all the strengths that it is steered with', async () => {
    let total = 0;
    const tokens = prompts[0] ?? [];
    const onProgress = (_: number, of: number) => {
      total = of;
    };
    const rows = [1, 2, 3, 4].map((strength) => ({
      tokens,
      edits: [
        steered(
          2,
          { steps: 'all' },
          shift.map((x) => x * strength),
        ),
      ],
    }));
    const { decoder } = await model.decode(rows, { onProgress });
    // The prompt through three layers, and each strength through the last.
    expect(total).toBe(3 + 4);
    // The prompt's five positions once and the last one for each strength: nine slots of one block.
    expect(decoder.capacity).toBe(64);
    decoder.dispose();
  });

  test('takes memory linear in the positions, and gives it back', async () => {
    const before = backend.liveBytes;
    const tokens = Array.from({ length: 16 }, (_, at) => at);
    const held = [];
    for (const count of [8, 16, 24]) {
      const { decoder } = await model.decode(
        Array.from({ length: count }, (_, row) => ({ tokens: tokens.map((id) => (id + row) % 31) })),
      );
      held.push(backend.liveBytes - before);
      decoder.dispose();
    }
    // Keys and values of 2 heads of 4 entries in 3 layers, in float32: 192 bytes a position.
    expect(held).toEqual([128, 256, 384].map((positions) => positions * 192));
    expect(backend.liveBytes).toBe(before);
  });

  test('refuses what it cannot do in a sentence', async () => {
    const tokens = prompts[2] ?? [];
    const start = (edit: GenerationEdit) => model.decode([{ tokens, edits: [edit] }]);
    await expect(start(steered(1, { steps: 'all' }, vector(12)))).rejects.toThrow(
      "The vector for 'block_output' has 12 numbers, and this model needs 16. It may belong to another model.",
    );
    await expect(start(steered(9, { steps: 'all' }))).rejects.toThrow('this model has layers 0 to 2');
    await expect(start(steered(1, { prompt: [3] }))).rejects.toThrow(
      'The prompt has no position 3: it has 3 tokens, 0 to 2, or -3 to -1 from its end.',
    );
    await expect(start(steered(1, { steps: { every: 0 } }))).rejects.toThrow(PlanError);
    const { decoder } = await model.decode([{ tokens }]);
    await expect(decoder.step(new Map([[0, 99]]))).rejects.toThrow('Token 99 does not exist');
    decoder.leave(0);
    await expect(decoder.step(new Map([[0, 1]]))).rejects.toThrow('Row 0 does not go on');
    decoder.dispose();
  });

  test('grows to the length of the context, and says that it cannot go on', async () => {
    const { decoder, logits } = await model.decode([{ tokens: prompts[2] ?? [] }]);
    let own = logits[0] ?? new Float32Array();
    for (let length = 3; length < 32; length++)
      own = (await decoder.step(new Map([[0, best(own)]]))).get(0) ?? own;
    await expect(decoder.step(new Map([[0, best(own)]]))).rejects.toThrow(
      "Row 0 is as long as this model's context: 32 positions.",
    );
    decoder.dispose();
  });
});
