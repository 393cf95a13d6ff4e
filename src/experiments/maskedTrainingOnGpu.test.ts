// A training of a model that fills masks on WebGPU, against the same on Node, which PyTorch stands behind (maskedTraining.test.ts).
// In a process of its own, without onnxruntime's program for WASM.

import { expect, test } from 'vitest';
import { openModel } from '../checkpoint/openNode.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import { dawnDevice, openDawnBackend } from '../runtime/fixtures/dawnBackend.ts';
import { Model } from '../runtime/model.ts';
import { readAlignExperiment } from './align/experiment.ts';
import { resolveAlign } from './align/resolve.ts';
import { runAlign } from './align/run.ts';
import { expectedModel, mask, residuesTokenizer } from './fixtures/maskedModel.ts';

const pairs = [
  { base: [0, 9, mask, 14, 2], source: [0, 7, 20, 11, mask, 5, 2], label: 12 },
  { base: [0, mask, 8, 21, 6, 2], source: [0, 13, mask, 4, 2], label: 7 },
  { base: [0, 5, 17, mask, 2], source: [0, mask, 10, 2], label: 23 },
];

async function lossesOn(backend: Backend): Promise<readonly number[]> {
  const tokenizer = await residuesTokenizer();
  const checkpoint = await openModel(expectedModel('bert-relu'));
  const model = await Model.load(checkpoint, backend);
  const align = resolveAlign(
    model.architecture,
    tokenizer,
    readAlignExperiment({
      kind: 'align',
      version: 1,
      model: 'tiny',
      site: { component: 'block_output', layer: 0, position: 'mask' },
      intervention: { type: 'LowRankRotated', rank: 3 },
      data: pairs,
      testData: pairs,
      training: {
        batchSize: 3,
        epochs: 4,
        optimizer: 'sgd',
        shuffle: false,
        learningRate: 5,
        schedule: 'constant',
      },
    }),
  );
  const losses: number[] = [];
  for await (const update of runAlign(model, align)) if (update.kind === 'step') losses.push(update.loss);
  await model.dispose();
  await checkpoint.close();
  await backend.close();
  return losses;
}

const dawn = await dawnDevice();
const reason = 'reason' in dawn ? ` (skipped: ${dawn.reason})` : '';

test.skipIf('reason' in dawn)(`on WebGPU the steps are those of Node${reason}`, async () => {
  const right = await lossesOn(createNodeBackend(1));
  const found = await lossesOn(await openDawnBackend('number' in dawn ? dawn.number : 'null'));
  expect(right).toHaveLength(4);
  expect(Math.abs((right[3] ?? 0) - (right[0] ?? 0))).toBeGreaterThan(1e-2);
  right.forEach((loss, step) => {
    expect(found[step]).toBeCloseTo(loss, 3);
  });
});
