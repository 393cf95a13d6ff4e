import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { keepMinP, keepTopK, keepTopP, keepTypical, probabilities } from './filters.ts';
import { forbidRepeats, penalizeFrequency, penalizeRepetition } from './penalties.ts';
import { checkSampling, drawToken, filteredScores } from './sampling.ts';

interface Expected {
  readonly sequence: readonly number[];
  readonly chain: Readonly<Record<string, number>>;
  readonly cases: readonly {
    readonly kind: string;
    readonly seed: number;
    readonly scores: readonly number[];
    readonly filters: readonly {
      readonly name: string;
      readonly value: number;
      readonly kept: readonly number[];
    }[];
    readonly chain: readonly number[];
    readonly repetition: readonly number[];
    readonly noRepeat: Readonly<Record<string, readonly number[]>>;
  }[];
}

// Written by expected/make_filters.py; its shape is that of the script.
const expected = JSON.parse(
  readFileSync(new URL('./expected/filters.json', import.meta.url), 'utf8'),
) as Expected;

const filters: Readonly<Record<string, (scores: Float32Array, value: number) => void>> = {
  topK: keepTopK,
  topP: keepTopP,
  minP: keepMinP,
  typicalP: keepTypical,
};

const idsOf = (scores: Float32Array, isRemoved = false): number[] =>
  [...scores.keys()].filter((id) => (scores[id] === Number.NEGATIVE_INFINITY) === isRemoved);

describe.each(expected.cases)('of $kind scores, draw $seed', (given) => {
  test('each filter keeps the ids that transformers keeps', () => {
    for (const { name, value, kept } of given.filters) {
      const scores = Float32Array.from(given.scores);
      filters[name]?.(scores, value);
      expect({ name, value, kept: idsOf(scores) }).toEqual({ name, value, kept });
    }
  });

  test('all of them after each other keep what they keep there', () => {
    const place = { sequence: expected.sequence, promptLength: 2 };
    const scores = filteredScores(Float32Array.from(given.scores), expected.chain, place);
    expect(idsOf(scores)).toEqual(given.chain);
  });

  test('what was said is penalized and forbidden as there', () => {
    const penalized = Float32Array.from(given.scores);
    penalizeRepetition(penalized, expected.sequence, 1.3);
    expect([...penalized]).toEqual([...Float32Array.from(given.repetition)]);
    for (const [size, ids] of Object.entries(given.noRepeat)) {
      const scores = Float32Array.from(given.scores);
      forbidRepeats(scores, expected.sequence, Number(size));
      expect({ size, ids: idsOf(scores, true) }).toEqual({ size, ids });
    }
  });
});

test('in a large vocabulary the k largest stay, and of a mass the fewest that have it', () => {
  const scores = Float32Array.from({ length: 5000 }, (_, id) => Math.round(40 * Math.sin(id * id)) / 8);
  const sorted = [...scores].sort((a, b) => b - a);
  for (const k of [1, 37, 2500, 4999]) {
    const kept = scores.slice();
    keepTopK(kept, k);
    const least = sorted[k - 1] ?? 0;
    expect(idsOf(kept)).toEqual([...scores.keys()].filter((id) => (scores[id] ?? 0) >= least));
  }
  const kept = scores.slice();
  keepTopP(kept, 0.8);
  const shares = probabilities(scores);
  const massOf = (ids: readonly number[]) => ids.reduce((sum, id) => sum + (shares[id] ?? 0), 0);
  const ids = idsOf(kept).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0));
  expect(massOf(ids)).toBeGreaterThanOrEqual(0.8);
  expect(massOf(ids.slice(1))).toBeLessThan(0.8);
});

test('frequency and presence are subtracted for the reply alone', () => {
  const scores = Float32Array.of(1, 1, 1, 1);
  penalizeFrequency(scores, [1, 2, 1], 0.25, 0.5);
  expect([...scores]).toEqual([1, 0, 0.25, 1]);
});

const logits = Float32Array.of(1, 2, 0.5, 2, -1, 0);
const place = (position: number, sample = 0) => ({
  sequence: Array.from({ length: position }, () => 0),
  promptLength: position,
  sample,
});

test('without a temperature, and near 0, the most probable token follows, of equal ones the first', () => {
  expect(drawToken(logits, {}, place(3))).toBe(1);
  expect(drawToken(logits, { temperature: 0, topK: 2 }, place(3))).toBe(1);
  for (let position = 0; position < 200; position++)
    expect([1, 3]).toContain(drawToken(logits, { temperature: 1e-3 }, place(position)));
});

test.each([
  ['all tokens', { temperature: 1 }],
  ['a temperature', { temperature: 2.5 }],
  ['three tokens', { temperature: 1, topK: 3 }],
])('draws among %s fall as their probabilities say', (_, options) => {
  const draws = 20_000;
  const counts = new Float64Array(logits.length);
  for (let position = 1; position <= draws; position++) {
    const id = drawToken(logits, { ...options, seed: 11 }, place(position % 100, Math.floor(position / 100)));
    if (id !== undefined) counts[id] = (counts[id] ?? 0) + 1;
  }
  const shares = probabilities(filteredScores(logits, options, place(1)));
  let chiSquare = 0;
  shares.forEach((share, id) => {
    if (share === 0) expect(counts[id]).toBe(0);
    else chiSquare += ((counts[id] ?? 0) - share * draws) ** 2 / (share * draws);
  });
  // The 99.9th percentile of chi-square with five degrees of freedom.
  expect(chiSquare).toBeLessThan(20.52);
});

test('a draw depends on the seed, the sample and the position, and not on the batch', () => {
  const options = { temperature: 3, seed: 5 };
  const text = (sample: number, seed = 5) =>
    Array.from({ length: 40 }, (_, position) =>
      drawToken(logits, { ...options, seed }, place(position, sample)),
    );
  expect(text(1)).toEqual(text(1));
  expect(text(1)).not.toEqual(text(2));
  expect(text(1)).not.toEqual(text(1, 6));
});

test('nothing follows where the options leave no token', () => {
  const options = { noRepeatNgramSize: 1 };
  expect(
    drawToken(logits, options, { sequence: [0, 1, 2, 3, 4, 5], promptLength: 6, sample: 0 }),
  ).toBeUndefined();
});

test.each([
  [{ temperature: -1 }, "Sampling: 'temperature' is -1; it must be a number from 0 on"],
  [{ temperature: Number.NaN }, "'temperature' is NaN"],
  [{ topP: 0 }, "'topP' is 0; it must be above 0 and at most 1."],
  [{ topK: 1.5 }, "'topK' is 1.5"],
  [{ repetitionPenalty: 0 }, "'repetitionPenalty' is 0"],
  [{ seed: -3 }, "'seed' is -3; it must be a whole number from 0 to 4294967295."],
])('options %j are refused in a sentence', (options, message) => {
  expect(() => checkSampling(options)).toThrow(message);
});
