import { describe, expect, test } from 'vitest';
import { linearRecurrence } from '../../architectures/recurrence.ts';
import { evaluate, type Tensor } from '../../autodiff/expected/evaluate.ts';
import { gradients } from '../../autodiff/gradients.ts';
import { graph } from '../../onnx/graph.ts';
import { input } from '../../onnx/value.ts';

const [rows, width] = [2, 3];
const a = input('a', 'float32', ['rows', 'positions', width]);
const b = input('b', 'float32', ['rows', 'positions', width]);
const weight = input('weight', 'float32', ['rows', 'positions', width]);

type Numbers = Readonly<Record<'a' | 'b' | 'weight', Float64Array>>;

/** Decays between 0 and 1, and in one place 0 and 1 themselves; weights only on each row's own positions. */
function numbers(positions: number, own: number): Numbers {
  const count = rows * positions * width;
  const wave = (seed: number) => Float64Array.from({ length: count }, (_, i) => Math.sin(seed + 2.399 * i));
  const decays = wave(1).map((entry) => 0.5 + 0.5 * entry);
  decays.set([0, 1], width);
  const weights = wave(3).map((entry, i) => (Math.floor(i / width) % positions < own ? entry : 0));
  return { a: decays, b: wave(2), weight: weights };
}

/** Σ weight h, by the loop over positions that the recurrence is defined by. */
function objective({ a, b, weight }: Numbers, positions: number): number {
  let sum = 0;
  for (let row = 0; row < rows; row++)
    for (let channel = 0; channel < width; channel++) {
      let h = 0;
      for (let t = 0; t < positions; t++) {
        const at = (row * positions + t) * width + channel;
        h = (a[at] ?? 0) * h + (b[at] ?? 0);
        sum += (weight[at] ?? 0) * h;
      }
    }
  return sum;
}

/** Differences of the objective, one entry at a time: it is at most linear in each, so no step is too long. */
const differences = (given: Numbers, name: 'a' | 'b', positions: number): readonly number[] =>
  Array.from(given[name], (entry, i) => {
    const moved = (by: number) => ({ ...given, [name]: given[name].with(i, entry + by) });
    return objective(moved(0.5), positions) - objective(moved(-0.5), positions);
  });

describe.each([
  { positions: 6, own: 6, reach: 6 },
  { positions: 8, own: 8, reach: 4096 },
  { positions: 7, own: 3, reach: 3 },
  { positions: 5, own: 2, reach: 2 },
  { positions: 1, own: 1, reach: 4 },
])(
  'over $positions positions, of which a row has $own, with a reach of $reach',
  ({ positions, own, reach }) => {
    const given = numbers(positions, own);
    const tensors = Object.fromEntries(
      Object.entries(given).map(([name, data]): [string, Tensor] => [
        name,
        { shape: [rows, positions, width], data },
      ]),
    );
    const value = linearRecurrence(a, b, reach);

    test('the gradients of decays and of what is taken in are the differences of a loop over positions', () => {
      const [ofA, ofB] = gradients([{ value, gradient: weight }], [a, b]);
      if (!ofA || !ofB) throw new Error('There is no gradient.');
      const found = evaluate({ ofA, ofB }, tensors);
      for (const [name, gradient] of [
        ['a', found.ofA],
        ['b', found.ofB],
      ] as const) {
        const expected = differences(given, name, positions);
        expect(gradient?.shape).toEqual([rows, positions, width]);
        expected.forEach((entry, i) => {
          expect(gradient?.data[i]).toBeCloseTo(entry, 10);
        });
      }
    });
  },
);

test('the way back over many positions grows with their logarithm, and multiplies no matrices', () => {
  const wayBack = (reach: number) => {
    const [ofA] = gradients([{ value: linearRecurrence(a, b, reach), gradient: weight }], [a]);
    if (!ofA) throw new Error('There is no gradient.');
    return graph({ ofA }).operations.map(({ op }) => op);
  };
  expect(wayBack(4096)).not.toContain('MatMul');
  expect(wayBack(4096).length - wayBack(2048).length).toBe(wayBack(2048).length - wayBack(1024).length);
});
