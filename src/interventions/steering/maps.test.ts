import { describe, expect, test } from 'vitest';
import { runOnNode } from '../../autodiff/expected/runOnNode.ts';
import { graph } from '../../onnx/graph.ts';
import { input } from '../../onnx/value.ts';
import { InterventionError } from '../intervention.ts';
import { type SteeringOptions, steering } from './maps.ts';

/** Length 5. */
const direction = Float32Array.of(3, 0, 4);
const unit = [0.6, 0, 0.8];
const states = [
  [1, 2, 3],
  [-2, 0.5, 1],
];

async function steered(options: SteeringOptions, strength = 1): Promise<readonly (readonly number[])[]> {
  const made = steering(direction, options);
  const source = made.sourceAt(strength);
  if (source.kind !== 'vector') throw new Error('no vector');
  const inputs = new Map(
    Object.entries(made.fragment.parameters).map(([name, { shape }]) => [
      name,
      input(name, 'float32', shape),
    ]),
  );
  const built = graph({
    out: made.fragment.build({
      base: input('base', 'float32', ['units', 3]),
      source: input('source', 'float32', ['units', 3]),
      parameter: (name) => inputs.get(name) ?? input(name, 'float32', []),
    }),
  });
  const given = Object.entries(made.fragment.parameters).map(([name, parameter]) => [
    name,
    { shape: parameter.shape, data: 'data' in parameter ? [...parameter.data] : [] },
  ]);
  const { out = new Float32Array() } = await runOnNode(built, {
    base: { shape: [2, 3], data: states.flat() },
    source: { shape: [2, 3], data: states.flatMap(() => [...source.data]) },
    ...Object.fromEntries(given),
  });
  return [[...out.subarray(0, 3)], [...out.subarray(3)]];
}

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, x, at) => sum + x * (b[at] ?? 0), 0);
const projection = (h: readonly number[]) => dot(h, unit);
const along = (h: readonly number[], amount: number) => h.map((x, at) => x + amount * (unit[at] ?? 0));

function expectClose(found: readonly (readonly number[])[], expected: readonly (readonly number[])[]) {
  expected.forEach((row, r) => {
    row.forEach((value, at) => {
      expect(found[r]?.[at]).toBeCloseTo(value, 5);
    });
  });
}

describe('a state that is steered', () => {
  test('is moved by the strength times the vector', async () => {
    expectClose(
      await steered({ map: { kind: 'add' } }, -2),
      states.map((h) => along(h, -10)),
    );
  });

  test('loses its component along the vector, or the share that is not kept', async () => {
    const found = await steered({ map: { kind: 'ablate' } });
    expectClose(
      found,
      states.map((h) => along(h, -projection(h))),
    );
    for (const h of found) expect(projection(h)).toBeCloseTo(0, 5);
    expectClose(
      await steered({ map: { kind: 'ablate', keep: 0.25 } }),
      states.map((h) => along(h, -0.75 * projection(h))),
    );
  });

  test('has the projection that is set, or at most the cap', async () => {
    for (const h of await steered({ map: { kind: 'set', to: 2 } })) expect(projection(h)).toBeCloseTo(2, 5);
    // Projections are 3 and -0.4: only the first is beyond.
    expectClose(await steered({ map: { kind: 'cap', at: 1 } }), [along([1, 2, 3], -2), [-2, 0.5, 1]]);
  });

  test('moves between two means, wherever it was', async () => {
    const from = Float32Array.of(1, 1, 1);
    const between = { map: { kind: 'between', from } } as const;
    const low = projection([1, 1, 1]);
    for (const h of await steered(between, 0)) expect(projection(h)).toBeCloseTo(low, 5);
    for (const h of await steered(between, 1)) expect(projection(h)).toBeCloseTo(low + 5, 5);
  });

  test('keeps its length where it is only to be turned', async () => {
    const found = await steered({ map: { kind: 'add' }, keepsNorm: true }, 3);
    found.forEach((h, row) => {
      const [before, moved] = [states[row] ?? [], along(states[row] ?? [], 15)];
      expect(Math.hypot(...h)).toBeCloseTo(Math.hypot(...before), 4);
      expect(dot(h, moved) / (Math.hypot(...h) * Math.hypot(...moved))).toBeCloseTo(1, 5);
    });
  });

  test('is left alone where its projection is not below the bound', async () => {
    expectClose(await steered({ map: { kind: 'add' }, whileBelow: 0 }), [
      states[0] ?? [],
      along([-2, 0.5, 1], 5),
    ]);
  });
});

test('a vector without a direction is refused', () => {
  const map = { kind: 'add' } as const;
  expect(() => steering(new Float32Array(3), { map })).toThrow(InterventionError);
  expect(() => steering(Float32Array.of(1, Number.NaN), { map })).toThrow('names no direction');
});
