import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { input, ShapeError } from '../onnx/value.ts';
import { evaluate, type Tensor } from './expected/evaluate.ts';
import { gradients } from './gradients.ts';
import { householderColumns } from './householder.ts';
import { optimizerStep, scheduleOf } from './optimizers.ts';
import { orthonormalGap } from './orthonormal.ts';

type Matrix = readonly (readonly number[])[];

interface Expected {
  readonly rate: number;
  readonly cases: readonly {
    readonly rows: number;
    readonly columns: number;
    readonly start: Matrix;
    readonly completion: Matrix;
    readonly gradients: readonly Matrix[];
    readonly path: readonly Matrix[];
  }[];
}

// The cast is to what expected/make_householder.py writes.
const expected = JSON.parse(
  readFileSync(new URL('expected/householder.expected.json', import.meta.url), 'utf8'),
) as Expected;

const tensor = (matrix: Matrix): Tensor => ({
  shape: [matrix.length, matrix[0]?.length ?? 0],
  data: Float64Array.from(matrix.flat()),
});
const zeros = (rows: number, columns: number): Tensor => ({
  shape: [rows, columns],
  data: new Float64Array(rows * columns),
});

describe.each(expected.cases)('columns [$rows, $columns]', ({ rows, columns, ...given }) => {
  const completion = input('completion', 'float32', [rows, rows]);
  const vectors = input('vectors', 'float32', [rows, columns]);
  const w = householderColumns(completion, vectors);
  const whole = tensor(given.completion);

  test('begin with those of the completion, and whatever stands above the diagonal', () => {
    const above = Float64Array.from({ length: rows * columns }, (_, at) =>
      Math.floor(at / columns) <= at % columns ? 7 : 0,
    );
    const raw = { shape: [rows, columns], data: above };
    const { found } = evaluate({ found: w }, { completion: whole, vectors: raw });
    given.start.flat().forEach((entry, at) => {
      expect(found?.data[at]).toBeCloseTo(entry, 6);
    });
  });

  test('take the path that PyTorch takes with Adam', () => {
    const gradient = input('gradient', 'float32', [rows, columns]);
    const [pulled] = gradients([{ value: w, gradient }], [vectors]);
    if (!pulled) throw new Error('There is no gradient.');
    const moment = (name: string) => input(name, 'float32', [rows, columns]);
    const next = optimizerStep(
      { kind: 'adam' },
      {
        parameter: vectors,
        gradient: pulled,
        moments: { first: moment('first'), second: moment('second') },
        schedule: input('schedule', 'float32', [3]),
      },
    );
    let state: Readonly<Record<string, Tensor>> = {
      vectors: zeros(rows, columns),
      first: zeros(rows, columns),
      second: zeros(rows, columns),
    };
    for (const [step, along] of given.gradients.entries()) {
      const schedule = {
        shape: [3],
        data: Float64Array.from(scheduleOf({ kind: 'adam' }, step + 1, expected.rate)),
      };
      const made = evaluate(
        {
          'next.vectors': next.parameter,
          ...Object.fromEntries(Object.entries(next.moments).map(([name, value]) => [`next.${name}`, value])),
        },
        { ...state, completion: whole, gradient: tensor(along), schedule },
      );
      state = Object.fromEntries(Object.entries(made).map(([name, value]) => [name.slice(5), value]));
      const { found } = evaluate(
        { found: w },
        { completion: whole, vectors: state.vectors ?? zeros(rows, columns) },
      );
      (given.path[step] ?? []).flat().forEach((entry, at) => {
        expect(Math.abs((found?.data[at] ?? Number.NaN) - entry)).toBeLessThan(1e-5);
      });
      expect(orthonormalGap(found?.data ?? [], rows, columns)).toBeLessThan(1e-6);
    }
  });
});

test('a matrix with as many columns as rows has none', () => {
  const square = input('square', 'float32', [3, 3]);
  expect(() => householderColumns(square, square)).toThrow(ShapeError);
  expect(() => householderColumns(square, square)).toThrow('more rows than columns, not [3, 3]');
});
