import { afterAll, beforeAll, expect, test } from 'vitest';
import { greater } from '../../onnx/elementwise.ts';
import { gather } from '../../onnx/layout.ts';
import { reduceSum } from '../../onnx/reduction.ts';
import { constant, ShapeError } from '../../onnx/value.ts';
import type { Backend } from '../backends/backend.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { type Plan, PlanError, type Reduction } from '../plan/plan.ts';

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

const reduced = (component: string, layer: number | null, reduction: Reduction): Plan => ({
  rows: [{ start: { kind: 'tokens', tokens: [3, 17, 8, 25, 1, 30, 12] }, edits: [] }],
  reads: [{ row: 0, site: { component, layer }, location: { positions: [6] }, reduction }],
});
const pick = (...ids: readonly number[]): Reduction => ({
  key: 'pick',
  parameters: { ids: { data: Int32Array.from(ids), shape: [ids.length] } },
  build: (value, parameter) => ({ picked: gather(value, parameter('ids'), 1) }),
});

async function isRefused(plan: Plan, sentence: string, kind: new (message: string) => Error): Promise<void> {
  const before = backend.liveTensors;
  const failure = await model.run(plan).then(
    () => 'it ran',
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(kind);
  expect(failure).toMatchObject({ message: expect.stringContaining(sentence) });
  expect(backend.liveTensors).toBe(before);
}

test('parameters of another shape make another graph', async () => {
  const [two] = await model.run(reduced('logits', null, pick(7, 20)));
  const [three] = await model.run(reduced('logits', null, pick(7, 20, 5)));
  expect(two?.picked?.shape).toEqual([1, 2]);
  expect(three?.picked?.shape).toEqual([1, 3]);
  expect(three?.picked?.data.slice(0, 2)).toEqual(two?.picked?.data);
});

test('a component of pairs of positions is not reduced on the device, where its batches are padded', async () => {
  const sum: Reduction = { key: 'sum', build: (value) => ({ value }) };
  await isRefused(
    reduced('attention_weight', 1, sum),
    "The reduction 'sum' cannot be taken of 'attention_weight', whose batches are padded.",
    PlanError,
  );
});

test('a result without a row for each unit, or of truth values, is refused', async () => {
  const whole: Reduction = { key: 'whole', build: (value) => ({ sum: reduceSum(value) }) };
  await isRefused(
    reduced('logits', null, whole),
    "The reduction 'whole' gives 'sum' as float32 [1, 1]",
    ShapeError,
  );
  const signs: Reduction = {
    key: 'signs',
    build: (value) => ({ isPositive: greater(value, constant(0)) }),
  };
  await isRefused(
    reduced('logits', null, signs),
    "The reduction 'signs' gives 'isPositive' as bool",
    ShapeError,
  );
});
