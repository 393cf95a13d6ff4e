import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import {
  accuracyOf,
  cosine,
  differenceOfMeans,
  principalDirection,
  projectionSpread,
  splitHalfCosine,
  thresholdOf,
} from './directions.ts';
import { logisticProbe } from './logisticProbe.ts';
import { activationAddition, readStates } from './states.ts';

interface Expected {
  readonly positive: readonly (readonly number[])[];
  readonly negative: readonly (readonly number[])[];
  readonly differences: readonly number[];
  readonly centredPairs: readonly number[];
  readonly means: readonly number[];
  readonly probe: { readonly weights: readonly number[]; readonly bias: number };
  readonly spread: number;
}

// Written by expected/make_directions.py; its shape is that of the script.
const expected = JSON.parse(
  readFileSync(new URL('./expected/directions.json', import.meta.url), 'utf8'),
) as Expected;
const positive = expected.positive.map((state) => Float32Array.from(state));
const negative = expected.negative.map((state) => Float32Array.from(state));

function expectClose(found: ArrayLike<number>, wanted: readonly number[]) {
  expect(found).toHaveLength(wanted.length);
  wanted.forEach((value, at) => {
    expect(found[at]).toBeCloseTo(value, 5);
  });
}

describe('of two classes', () => {
  test("the difference of means is NumPy's", () => {
    expectClose(differenceOfMeans(positive, negative), expected.means);
  });

  test("both principal directions are scikit-learn's, and they are not one vector", () => {
    const around = principalDirection(positive, negative, 'differences');
    const through = principalDirection(positive, negative, 'centred pairs');
    expectClose(around, expected.differences);
    expectClose(through, expected.centredPairs);
    expect(cosine(through, expected.means)).toBeGreaterThan(0.98);
    expect(Math.abs(cosine(around, expected.means))).toBeLessThan(0.7);
  });

  test("the probe is scikit-learn's logistic regression", () => {
    const { weights, bias } = logisticProbe(positive, negative);
    expectClose(weights, expected.probe.weights);
    expect(bias).toBeCloseTo(expected.probe.bias, 5);
  });

  test("the spread of projections is NumPy's, with one degree of freedom less", () => {
    expect(projectionSpread(expected.means, [...positive, ...negative])).toBeCloseTo(expected.spread, 5);
  });

  test('a threshold half way between the means tells the classes apart, and halves make like vectors', () => {
    const direction = differenceOfMeans(positive, negative);
    const threshold = thresholdOf(direction, positive, negative);
    expect(accuracyOf(direction, threshold, positive, negative)).toBeGreaterThan(0.9);
    // The other way round each state is on the wrong side.
    const turned = direction.map((entry) => -entry);
    expect(accuracyOf(turned, -threshold, positive, negative)).toBeLessThan(0.1);
    expect(splitHalfCosine(positive, negative, differenceOfMeans)).toBeGreaterThan(0.9);
  });
});

test.each([
  ['pairs of one class', () => differenceOfMeans(positive, []), 'There is no negative example'],
  ['what is no pair', () => principalDirection(positive, negative.slice(1), 'differences'), 'Give as many.'],
  ['states of two widths', () => differenceOfMeans(positive, [Float32Array.of(1)]), 'have different widths'],
  [
    'states with a NaN',
    () => logisticProbe([Float32Array.of(Number.NaN)], [Float32Array.of(1)]),
    'NaN or infinite',
  ],
  [
    'pairs that do not vary',
    () => principalDirection([Float32Array.of(1, 2)], [Float32Array.of(0, 0)], 'differences'),
    'Use the difference of means.',
  ],
])('%s are refused in a sentence', (_, make, message) => {
  expect(make).toThrow(message);
});

describe('states of a model', () => {
  let backend: Backend;
  let model: Model;
  beforeAll(async () => {
    backend = createNodeBackend(1);
    model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), backend);
  });
  afterAll(async () => {
    await model.dispose();
    await backend.close();
  });
  const texts = [
    [3, 17, 8, 25],
    [5, 9],
  ];
  const whole = async (tokens: readonly number[], component: string) => {
    const read = { row: 0, site: { component, layer: 1 }, location: { positions: 'all' as const } };
    const [result] = await model.run({
      rows: [{ start: { kind: 'tokens', tokens }, edits: [] }],
      reads: [read],
    });
    return result?.value?.data ?? new Float32Array();
  };

  test('are those at the token that is named, of all sites in one pass', async () => {
    const sites = ['block_output', 'head_attention_value_output'].map((component) => ({
      component,
      layer: 1,
    }));
    const [blocks, heads] = await readStates(model, texts, sites, -2);
    for (const [at, text] of texts.entries()) {
      const from = 16 * (text.length - 2);
      const expectSame = (found: Float32Array | undefined, all: ArrayLike<number>) =>
        expectClose(found ?? [], [...Array.prototype.slice.call(all, from, from + 16)]);
      expectSame(blocks?.[at], await whole(text, 'block_output'));
      expectSame(heads?.[at], await whole(text, 'head_attention_value_output'));
    }
    await expect(readStates(model, texts, sites, -3)).rejects.toThrow(
      'Text 2 has 2 tokens, and no token -3.',
    );
  });

  test('of two texts are subtracted position by position, and the first is the same in both', async () => {
    const site = { component: 'block_output', layer: 1 };
    const [same, other] = await activationAddition(model, [4, 7], [4, 9], site);
    const [plus, minus] = [await whole([4, 7], 'block_output'), await whole([4, 9], 'block_output')];
    expectClose(same ?? [], new Array(16).fill(0));
    expectClose(
      other ?? [],
      Array.from({ length: 16 }, (_, at) => (plus[16 + at] ?? 0) - (minus[16 + at] ?? 0)),
    );
    await expect(activationAddition(model, [1], [1, 2], site)).rejects.toThrow('Make them as long');
  });
});
