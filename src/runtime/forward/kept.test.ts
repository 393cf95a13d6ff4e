import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { add } from '../../onnx/elementwise.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { crossEntropy } from '../backward/objectives.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import type { KeptRow } from '../plan/keptRow.ts';
import { type Fragment, PlanError, type Row } from '../plan/plan.ts';
import { keptBytes } from './kept.ts';

let backend: Backend;
beforeAll(() => {
  backend = createNodeBackend(1);
});
afterAll(() => backend.close());

const prompts = [
  [3, 17, 8, 25, 1],
  [5, 9, 21, 2, 14, 6],
  [30, 12, 4],
];
const logits = { component: 'logits', layer: null };
const tokenRows = prompts.map((tokens): Row => ({ start: { kind: 'tokens', tokens }, edits: [] }));
const next = seededRandom(3);
const shift: Fragment = {
  key: 'shift',
  parameters: { by: { data: Float32Array.from({ length: 16 }, () => next()), shape: [16] } },
  build: ({ base, parameter }) => add(base, parameter('by')),
};

/** Rows that are edited at the entrance of layer 1, forked at the position where they are. */
function edited(starts: readonly Row[], positions: readonly number[]): readonly Row[] {
  return starts.map((_, row): Row => {
    const position = positions[row] ?? 0;
    return {
      start: { kind: 'fork', parent: row, layer: 1, position },
      edits: [
        {
          site: { component: 'block_input', layer: 1 },
          location: { positions: [position] },
          fragment: shift,
        },
      ],
    };
  });
}

const lastLogits = (rows: number) =>
  prompts.map(({ length }, row) => ({
    row: rows + row,
    site: logits,
    location: { positions: [length - 1] },
  }));

const keptRows = (rows: ReadonlyMap<number, KeptRow>): readonly Row[] =>
  prompts.map((_, row): Row => {
    const kept = rows.get(row);
    if (!kept) throw new Error('nothing was kept');
    return { start: { kind: 'kept', kept }, edits: [] };
  });

describe.each(Object.keys(tinyConfigurations))('rows of %s that were kept', (family) => {
  let model: Model;
  beforeEach(async () => {
    model = await Model.load(
      tinyCheckpoint(tinyConfigurations[family as keyof typeof tinyConfigurations]),
      backend,
    ); // It is one of the keys.
  });
  afterEach(() => model.dispose());

  test.each([
    ['the first position', [0, 0, 0]],
    ['the last position', [4, 5, 2]],
    ['positions of their own', [1, 3, 0]],
  ])('give forks at %s the same logits and gradients as rows of the same plan', async (_, positions) => {
    if (positions.some((position) => position > 0) && !model.architecture.isCausal) return;
    const forks = edited(tokenRows, positions);
    const terms = prompts.map(({ length }, row) => ({
      row: prompts.length + row,
      site: logits,
      location: { positions: [length - 1] },
      ...crossEntropy([7 + row]),
    }));
    const of = [shift.parameters];
    const whole = await model.gradients({ rows: [...tokenRows, ...forks], terms, reads: lastLogits(3), of });
    const live = backend.liveTensors;
    const kept = await model.keep(
      { rows: tokenRows, reads: [] },
      { layer: 1, positions: new Map(positions.map((position, row) => [row, position])) },
    );
    const starts = keptRows(kept.rows);
    for (let turn = 0; turn < 2; turn++) {
      const found = await model.gradients({ rows: [...starts, ...forks], terms, reads: lastLogits(3), of });
      expect(found.objective).toBeCloseTo(whole.objective, 5);
      found.reads.forEach(({ value }, index) => {
        expect(value?.data).toEqual(whole.reads[index]?.value?.data);
      });
      const [theirs, ours] = [whole, found].map(({ of: [parameters] }) => [...(parameters?.by?.data ?? [])]);
      expect(ours).toHaveLength(16);
      ours?.forEach((value, at) => {
        expect(value).toBeCloseTo(theirs?.[at] ?? Number.NaN, 6);
      });
    }
    kept.dispose();
    expect(backend.liveTensors).toBe(live);
  });
});

describe('what cannot be kept, or done with what was', () => {
  let model: Model;
  beforeAll(async () => {
    model = await Model.load(tinyCheckpoint(tinyConfigurations.llama), backend);
  });
  afterAll(() => model.dispose());
  const keep = (layer: number, position: number) =>
    model.keep({ rows: tokenRows, reads: [] }, { layer, positions: new Map([[0, position]]) });

  test('is refused in a sentence', async () => {
    await expect(keep(9, 0)).rejects.toThrow('Nothing can be kept at layer 9');
    await expect(keep(1, 5)).rejects.toThrow('Row 0 cannot be kept from position 5 on: it has 5 positions.');
    const kept = await keep(1, 2);
    const [row] = kept.rows.values();
    if (!row) throw new Error('nothing was kept');
    const start = { kind: 'kept' as const, kept: row };
    const read = [{ row: 0, site: logits, location: { positions: [4] } }];
    await expect(model.run({ rows: [{ start, edits: [] }], reads: read })).rejects.toThrow(
      'Row 0 has run before and was kept, so it can only be forked from.',
    );
    const fork = { kind: 'fork' as const, parent: 0, layer: 1, position: 3 };
    const rows = [
      { start, edits: [] },
      { start: fork, edits: [] },
    ];
    await expect(model.run({ rows, reads: [] })).rejects.toThrow(PlanError);
    await expect(model.run({ rows, reads: [] })).rejects.toThrow(
      'Row 0 was kept at layer 1 from position 2 on; it cannot be forked from at layer 1, position 3.',
    );
    kept.dispose();
  });
});

test.each([
  tinyConfigurations.llama,
  { model_type: 'mamba', hidden_size: 8, num_hidden_layers: 3, state_size: 4, vocab_size: 31 },
  {
    model_type: 'mamba2',
    hidden_size: 8,
    num_hidden_layers: 3,
    num_heads: 4,
    head_dim: 4,
    n_groups: 2,
    state_size: 4,
    vocab_size: 31,
  },
])('a kept row of $model_type takes the bytes that are said beforehand', async (configuration) => {
  const model = await Model.load(tinyCheckpoint(configuration), backend);
  const said = keptBytes(model.architecture, { layer: 1, length: 5, position: 3 });
  const [row] = tokenRows;
  if (!row) throw new Error('no row');
  // The tables of positions come with the first run.
  await model.run({ rows: [row], reads: [{ row: 0, site: logits, location: { positions: [4] } }] });
  const before = backend.liveBytes;
  const kept = await model.keep({ rows: [row], reads: [] }, { layer: 1, positions: new Map([[0, 3]]) });
  expect(backend.liveBytes - before).toBe(said);
  kept.dispose();
  await model.dispose();
});
