import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { add } from '../../onnx/elementwise.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { begunLater } from '../plan/later.ts';
import { type Fragment, type Plan, replace } from '../plan/plan.ts';

let backend: Backend;
beforeAll(() => {
  backend = createNodeBackend(1);
});
afterAll(() => backend.close());

const base = [3, 17, 8, 25, 1];
const source = [5, 9, 21, 2, 14];
const logits = { component: 'logits', layer: null };
const next = seededRandom(3);
const shiftOf = (width: number): Fragment => ({
  key: 'shift',
  parameters: { by: { data: Float32Array.from({ length: width }, () => next()), shape: [width] } },
  build: ({ base: value, parameter }) => add(value, parameter('by')),
});

/** Attention and recurrences. */
const configurations = [
  ...Object.values(tinyConfigurations),
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
];

/** A state of the source put into the base, and something added behind it. */
function planOf(layer: number, position: number, shift: Fragment): Plan {
  const site = { component: 'block_output', layer };
  return {
    rows: [
      { start: { kind: 'tokens', tokens: source }, edits: [] },
      {
        start: { kind: 'tokens', tokens: base },
        edits: [
          {
            site,
            location: { positions: [position] },
            fragment: replace,
            source: { kind: 'row', row: 0, site, location: { positions: [position] } },
          },
          {
            site: { component: 'block_input', layer: 1 },
            location: { positions: [4] },
            fragment: shift,
          },
        ],
      },
    ],
    reads: [{ row: 1, site: logits, location: { positions: [4] } }],
  };
}

describe.each(configurations)('states of $model_type that were kept', (configuration) => {
  let model: Model;
  beforeEach(async () => {
    model = await Model.load(tinyCheckpoint(configuration), backend);
  });
  afterEach(() => model.dispose());

  test('let rows begin at any layer and position, with the numbers that they have from the start', async () => {
    const shift = shiftOf(model.architecture.width);
    // What a family computes once for a length, such as angles, stays.
    await model.run(planOf(0, 2, shift));
    const live = backend.liveTensors;
    const kept = new Map<string, Awaited<ReturnType<Model['keepStates']>>['states']>();
    for (const tokens of [base, source]) {
      const read = { row: 0, site: logits, location: { positions: [4] } };
      const { states, reads } = await model.keepStates(tokens, [read]);
      const whole = await model.run({
        rows: [{ start: { kind: 'tokens', tokens }, edits: [] }],
        reads: [read],
      });
      expect(reads[0]?.value?.data).toEqual(whole[0]?.value?.data);
      kept.set(tokens.join(), states);
    }
    for (const [layer, position] of [
      [0, 2],
      [1, 0],
      [1, 4],
    ] as const) {
      const plan = planOf(layer, position, shift);
      const later = begunLater(model.architecture, plan, (tokens) => kept.get(tokens.join()));
      expect(model.schedule(later).tokenLayers).toBeLessThan(model.schedule(plan).tokenLayers);
      const [[whole], [found]] = [await model.run(plan), await model.run(later)];
      const theirs = [...(whole?.value?.data ?? [])].map(Number);
      found?.value?.data.forEach((value: number | bigint, at: number) => {
        expect(Number(value)).toBeCloseTo(theirs[at] ?? Number.NaN, 4);
      });
    }
    expect(() => kept.get(base.join())?.rowAt(1, 5)).toThrow('the prompt has 5 positions');
    for (const states of kept.values()) states.dispose();
    expect(backend.liveTensors).toBe(live);
  });
});
