import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { orthonormalGap, orthonormalized } from '../../autodiff/orthonormal.ts';
import { matMul } from '../../onnx/contraction.ts';
import { add, sub } from '../../onnx/elementwise.ts';
import { transpose } from '../../onnx/layout.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import type { GradientPlan } from '../backward/objective.ts';
import { crossEntropy } from '../backward/objectives.ts';
import { seededRandom, tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { type Fragment, PlanError, type Row } from '../plan/plan.ts';
import { Trainer } from './trainer.ts';

let backend: Backend;
beforeAll(() => {
  backend = createNodeBackend(1);
});
afterAll(() => backend.close());

function random(count: number, seed: number): Float32Array {
  const next = seededRandom(seed);
  return Float32Array.from({ length: count }, () => next());
}

function orthonormal(rows: number, columns: number, seed: number): Float32Array {
  const found = orthonormalized(random(rows * columns, seed), rows, columns);
  if (!found) throw new Error('dependent columns');
  return found;
}

const numbersOf = async (trainer: Trainer, name: string): Promise<Float32Array> => {
  const data = (await trainer.read())[name]?.data;
  if (!(data instanceof Float32Array)) throw new Error('no numbers');
  return data;
};

describe('orthonormal columns in training', () => {
  test.each([
    ['a basis', 48, 6],
    ['a rotation', 24, 24],
  ])('%s stays within 1e-5 of orthonormal over thousands of steps', async (_, rows, columns) => {
    const data = orthonormal(rows, columns, 4);
    const trainer = await Trainer.create(
      backend,
      { w: { data, shape: [rows, columns], isOrthonormal: true } },
      { kind: 'adam' },
    );
    expect(await numbersOf(trainer, 'w')).toEqual(data);
    let worst = 0;
    for (let step = 0; step < 3000; step++) {
      const gradient = backend.upload(random(rows * columns, 1000 + step), [rows, columns]);
      await trainer.step({ w: gradient }, 1e-2);
      backend.dispose(gradient);
      if (step % 100 === 99)
        worst = Math.max(worst, orthonormalGap(await numbersOf(trainer, 'w'), rows, columns));
    }
    expect(worst).toBeLessThan(1e-5);
    expect(trainer.steps).toBe(3000);
    await trainer.dispose();
    expect(backend.liveTensors).toBe(0);
  });

  test('find the span of the leading eigenvectors, which maximises tr WᵀAW', async () => {
    // A is diagonal with 1, 2, ... 10, so the maximum over bases of three is 10 + 9 + 8, at the last three axes.
    const [rows, columns] = [10, 3];
    const trainer = await Trainer.create(
      backend,
      { w: { data: orthonormal(rows, columns, 8), shape: [rows, columns], isOrthonormal: true } },
      { kind: 'sgd' },
    );
    for (let step = 0; step < 400; step++) {
      const w = await numbersOf(trainer, 'w');
      const descent = w.map((v, at) => -2 * (1 + Math.floor(at / columns)) * v);
      const gradient = backend.upload(descent, [rows, columns]);
      await trainer.step({ w: gradient }, 0.02);
      backend.dispose(gradient);
    }
    const w = await numbersOf(trainer, 'w');
    const trace = w.reduce((sum, v, at) => sum + (1 + Math.floor(at / columns)) * v * v, 0);
    expect(trace).toBeCloseTo(27, 4);
    await trainer.dispose();
  });
});

describe('columns that follow from Householder vectors', () => {
  type Matrix = readonly (readonly number[])[];
  // The cast is to what autodiff/expected/make_householder.py writes.
  const { rate, cases } = JSON.parse(
    readFileSync(new URL('../../autodiff/expected/householder.expected.json', import.meta.url), 'utf8'),
  ) as {
    readonly rate: number;
    readonly cases: readonly {
      readonly rows: number;
      readonly columns: number;
      readonly completion: Matrix;
      readonly gradients: readonly Matrix[];
      readonly path: readonly Matrix[];
    }[];
  };
  const parameterOf = ({
    rows,
    columns,
    completion,
  }: Omit<(typeof cases)[number], 'gradients' | 'path'>) => ({
    data: Float32Array.from(completion.flatMap((row) => row.slice(0, columns))),
    shape: [rows, columns],
    isOrthonormal: true,
    completion: Float32Array.from(completion.flat()),
  });
  const stepped = async (trainer: Trainer, gradient: Matrix) => {
    const tensor = backend.upload(Float32Array.from(gradient.flat()), [
      gradient.length,
      gradient[0]?.length ?? 0,
    ]);
    await trainer.step({ w: tensor }, rate);
    backend.dispose(tensor);
  };

  test.each(cases)('[$rows, $columns] take the path that PyTorch takes with Adam', async (given) => {
    const trainer = await Trainer.create(backend, { w: parameterOf(given) }, { kind: 'adam' });
    for (const [step, gradient] of given.gradients.entries()) {
      await stepped(trainer, gradient);
      const found = await numbersOf(trainer, 'w');
      (given.path[step] ?? []).flat().forEach((entry, at) => {
        expect(Math.abs((found[at] ?? Number.NaN) - entry)).toBeLessThan(2e-5);
      });
    }
    await trainer.dispose();
    expect(backend.liveTensors).toBe(0);
  });

  test('go on from a snapshot to the same bits', async () => {
    const [, given] = cases;
    if (!given) throw new Error('There is no case.');
    const w = parameterOf(given);
    const whole = await Trainer.create(backend, { w }, { kind: 'adamw', weightDecay: 0 }, { clip: 1 });
    const first = await Trainer.create(backend, { w }, { kind: 'adamw', weightDecay: 0 }, { clip: 1 });
    for (const gradient of given.gradients) await stepped(whole, gradient);
    for (const gradient of given.gradients.slice(0, 3)) await stepped(first, gradient);
    const from = await first.snapshot();
    expect(Object.keys(from.numbers)).toEqual(['w', 'w.vectors', 'w.first', 'w.second']);
    const second = await Trainer.create(backend, { w }, { kind: 'adamw', weightDecay: 0 }, { clip: 1, from });
    for (const gradient of given.gradients.slice(3)) await stepped(second, gradient);
    expect(await numbersOf(second, 'w')).toEqual(await numbersOf(whole, 'w'));
    const { 'w.vectors': _, ...without } = from.numbers;
    await expect(
      Trainer.create(
        backend,
        { w },
        { kind: 'adamw', weightDecay: 0 },
        { from: { steps: 3, numbers: without } },
      ),
    ).rejects.toThrow(
      "The state of a training has 0 numbers as the Householder vectors of 'w'; it needs 21.",
    );
    for (const trainer of [whole, first, second]) await trainer.dispose();
    expect(backend.liveTensors).toBe(0);
  });

  test('are refused where what they follow from begins otherwise, or they are as many as the rows', async () => {
    const [given] = cases;
    if (!given) throw new Error('There is no case.');
    const w = parameterOf(given);
    const create = (parameter: typeof w) => Trainer.create(backend, { w: parameter }, { kind: 'adam' });
    await expect(create({ ...w, completion: w.completion.toReversed() })).rejects.toThrow(
      "The completion of the parameter 'w' must be a matrix [5, 5] that begins with its columns.",
    );
    await expect(create({ ...w, data: w.completion, shape: [5, 5] })).rejects.toThrow(
      "The parameter 'w' has as many columns as rows, and Householder vectors are for fewer.",
    );
  });
});

describe('a step that is taken back', () => {
  test('keeps the previous numbers and count, and can be taken back once', async () => {
    const trainer = await Trainer.create(
      backend,
      { w: { data: Float32Array.of(1, 2), shape: [2] } },
      { kind: 'sgd' },
    );
    expect(trainer.revert()).toBe(false);
    const [small, large] = [Float32Array.of(1, 1), Float32Array.of(Number.NaN, 1)].map((data) =>
      backend.upload(data, [2]),
    );
    if (!small || !large) throw new Error('no gradient');
    await trainer.step({ w: small }, 0.5);
    await trainer.step({ w: large }, 0.5);
    expect([...(await numbersOf(trainer, 'w'))]).toEqual([Number.NaN, 1]);
    expect(trainer.revert()).toBe(true);
    expect([...(await numbersOf(trainer, 'w'))]).toEqual([0.5, 1.5]);
    expect(trainer.steps).toBe(1);
    expect(trainer.revert()).toBe(false);
    await trainer.dispose();
    for (const gradient of [small, large]) backend.dispose(gradient);
    expect(backend.liveTensors).toBe(0);
  });
});

describe('a rotation that is trained in a model', () => {
  const [width, rank] = [16, 3];
  const swap = (parameters: Fragment['parameters']): Fragment => ({
    key: 'swap a rotated subspace',
    parameters,
    build: ({ base, source, parameter }) => {
      const w = parameter('w');
      const towards = source ? sub(source, base) : base;
      return add(base, matMul(matMul(towards, w), transpose(w, [1, 0])));
    },
  });
  const site = { component: 'block_output', layer: 1 };
  const prompts = [
    [3, 17, 8, 25, 1],
    [5, 9, 21, 2, 14],
    [30, 12, 4, 6, 28],
  ];
  const plan = (parameters: Fragment['parameters']): GradientPlan => {
    const sources = prompts.map((tokens): Row => ({ start: { kind: 'tokens', tokens }, edits: [] }));
    const edited = prompts.map((_, row): Row => {
      const location = { positions: [4] };
      const source = { kind: 'row' as const, row: (row + 1) % prompts.length, site, location };
      return {
        start: { kind: 'fork', parent: row, layer: 1, position: 4 },
        edits: [{ site, location, fragment: swap(parameters), source }],
      };
    });
    return {
      rows: [...sources, ...edited],
      terms: prompts.map((_, row) => ({
        row: prompts.length + row,
        site: { component: 'logits', layer: null },
        location: { positions: [4] },
        ...crossEntropy([7 + row]),
      })),
      of: [parameters],
    };
  };

  test('lowers the objective, stays orthonormal, and leaves no tensor behind', async () => {
    const model = await Model.load(tinyCheckpoint(tinyConfigurations.llama), backend);
    const trainer = await Trainer.create(
      backend,
      { w: { data: orthonormal(width, rank, 6), shape: [width, rank], isOrthonormal: true } },
      { kind: 'adam' },
    );
    const objectives: number[] = [];
    let live = 0;
    for (let step = 0; step < 60; step++) {
      const { objective } = await model.gradients(plan(trainer.parameters), {
        onParameters: async ([gradients = {}]) => {
          await trainer.step(gradients, 0.02);
        },
      });
      objectives.push(objective);
      if (step === 0) live = backend.liveTensors;
    }
    expect(backend.liveTensors).toBe(live);
    const [first = 0, last = 0] = [objectives[0], objectives.at(-1)];
    expect(last).toBeLessThan(0.8 * first);
    expect(orthonormalGap(await numbersOf(trainer, 'w'), width, rank)).toBeLessThan(1e-5);
    await trainer.dispose();
    await model.dispose();
    expect(backend.liveTensors).toBe(0);
  });
});

test('a step measures what the parameters became, and a number that is none shows in the sum', async () => {
  const trainer = await Trainer.create(
    backend,
    {
      w: { data: Float32Array.of(1, 0, 0, 1, 0, 0), shape: [3, 2], isOrthonormal: true },
      b: { data: Float32Array.of(1, -2), shape: [2] },
    },
    { kind: 'sgd' },
  );
  const step = async (b: readonly number[]) => {
    const gradients = {
      w: backend.upload(new Float32Array(6), [3, 2]),
      b: backend.upload(Float32Array.from(b), [2]),
    };
    try {
      return await trainer.step(gradients, 0.5);
    } finally {
      for (const tensor of Object.values(gradients)) backend.dispose(tensor);
    }
  };
  const { w, b } = await step([-1, 2]);
  // |1 + 0.5| + |-2 - 1|
  expect(b).toEqual({ sum: 4.5 });
  expect(w?.sum).toBeCloseTo(2, 5);
  expect(w?.squares?.least).toBeCloseTo(1, 5);
  expect(w?.squares?.most).toBeCloseTo(1, 5);
  for (const none of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect((await step([0, none])).b?.sum).not.toSatisfy(Number.isFinite);
    expect(trainer.revert()).toBe(true);
  }
  expect((await trainer.read(['b'])).b?.data).toEqual(Float32Array.of(1.5, -3));
  await trainer.dispose();
});

describe('a trainer refuses', () => {
  test.each([
    ['numbers that do not fill their shape', { data: new Float32Array(5), shape: [2, 3] }, 'has 5 numbers'],
    [
      'a shape without an axis',
      { data: new Float32Array(1), shape: [] },
      'give a single number the shape [1]',
    ],
    [
      'more columns than rows',
      { data: new Float32Array(6), shape: [2, 3], isOrthonormal: true },
      'at least as many rows',
    ],
    [
      'columns that are not orthonormal',
      { data: Float32Array.of(1, 0.1, 0, 1), shape: [2, 2], isOrthonormal: true },
      'WᵀW is off the identity by 0.1',
    ],
  ])('%s', async (_, parameter, sentence) => {
    const made = Trainer.create(backend, { w: parameter }, { kind: 'adam' });
    await expect(made).rejects.toThrow(PlanError);
    await expect(made).rejects.toThrow(sentence);
    expect(backend.liveTensors).toBe(0);
  });

  test('a step without the gradient of a parameter', async () => {
    const trainer = await Trainer.create(
      backend,
      { w: { data: new Float32Array(2), shape: [2] } },
      { kind: 'sgd' },
    );
    await expect(trainer.step({}, 1)).rejects.toThrow("There is no gradient of the parameter 'w'.");
    await trainer.dispose();
    expect(backend.liveTensors).toBe(0);
  });
});
