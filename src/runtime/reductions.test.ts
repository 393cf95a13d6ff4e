import { afterAll, beforeAll, expect, test } from 'vitest';
import { gather } from '../onnx/layout.ts';
import type { Backend } from './backend.ts';
import { Model } from './model.ts';
import { createNodeBackend } from './nodeBackend.ts';
import type { Plan, Reduction } from './plan.ts';
import { tinyCheckpoint, tinyConfigurations } from './tinyCheckpoint.ts';

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

test('parameters of another shape make another graph', async () => {
  const [two] = await model.run(reduced('logits', null, pick(7, 20)));
  const [three] = await model.run(reduced('logits', null, pick(7, 20, 5)));
  expect(two?.picked?.shape).toEqual([1, 2]);
  expect(three?.picked?.shape).toEqual([1, 3]);
  expect(three?.picked?.data.slice(0, 2)).toEqual(two?.picked?.data);
});
