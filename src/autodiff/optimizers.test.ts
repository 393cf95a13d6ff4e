import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { input } from '../onnx/value.ts';
import { evaluate, type Tensor } from './expected/evaluate.ts';
import { momentNames, type OptimizerSettings, optimizerStep, scheduleOf } from './optimizers.ts';
import { type RateSchedule, rateFactor } from './schedules.ts';

interface Expected {
  readonly rate: number;
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly paths: readonly { readonly settings: OptimizerSettings; readonly path: readonly number[][] }[];
  readonly schedules: readonly { readonly schedule: RateSchedule; readonly factors: readonly number[] }[];
}

// The cast is to what expected/make_optimizers.py writes.
const expected = JSON.parse(
  readFileSync(new URL('expected/optimizers.expected.json', import.meta.url), 'utf8'),
) as Expected;

const vector = (data: ArrayLike<number>): Tensor => ({ shape: [data.length], data: Float64Array.from(data) });

describe('optimisers take the path that PyTorch takes', () => {
  test.each(expected.paths.map(({ settings, path }) => [JSON.stringify(settings), settings, path] as const))(
    '%s',
    (_, settings, path) => {
      const size = expected.start.length;
      const names = momentNames(settings);
      const scope = {
        parameter: input('parameter', 'float32', [size]),
        gradient: input('gradient', 'float32', [size]),
        schedule: input('schedule', 'float32', [3]),
        moments: Object.fromEntries(names.map((name) => [name, input(name, 'float32', [size])])),
      };
      const { parameter, moments } = optimizerStep(settings, scope);
      let state: Readonly<Record<string, Tensor>> = {
        parameter: vector(expected.start),
        ...Object.fromEntries(names.map((name) => [name, vector(new Float64Array(size))])),
      };
      for (const [step, gradient] of expected.gradients.entries()) {
        const schedule = vector(scheduleOf(settings, step + 1, expected.rate));
        const next = evaluate(
          { 'next.parameter': parameter, ...prefixed(moments) },
          { ...state, gradient: vector(gradient), schedule },
        );
        state = Object.fromEntries(Object.entries(next).map(([name, tensor]) => [name.slice(5), tensor]));
        for (const [i, want] of (path[step] ?? []).entries())
          expect(Math.abs((state.parameter?.data[i] ?? Number.NaN) - want)).toBeLessThan(2e-6);
      }
    },
  );
});

function prefixed<T>(named: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [`next.${name}`, value]));
}

describe('rates follow the schedules of PyTorch and transformers', () => {
  test.each(
    expected.schedules.map(({ schedule, factors }) => [JSON.stringify(schedule), schedule, factors] as const),
  )('%s', (_, schedule, factors) => {
    for (const [step, factor] of factors.entries()) expect(rateFactor(schedule, step)).toBeCloseTo(factor, 7);
  });

  test('a constant rate stays what it is', () => {
    expect(rateFactor({ kind: 'constant' }, 1000)).toBe(1);
  });
});
