// A file that somebody brought as ONNX, aligned: its states are not kept, so its prompts run in every step.
import { expect, test } from 'vitest';
import { memorySource } from '../../checkpoint/sources/byteSource.ts';
import { smallTokenBytes } from '../../imported/fixtures/smallTokenOnnx.ts';
import { ImportedModel } from '../../imported/importedModel.ts';
import { createNodeRuntime } from '../../imported/nodeRuntime.ts';
import { tokenModel } from '../../imported/tokenModel.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { estimateAlign } from './estimate.ts';
import { readAlignExperiment } from './experiment.ts';
import { resolveAlign } from './resolve.ts';
import { completeAlign } from './work.ts';

const data = Array.from({ length: 6 }, (_, at) => ({
  base: [3 + at, 7, (5 * at) % 11, 2],
  source: [9, 4 + at, 6, at % 2],
  label: 4 + (at % 3),
}));

test('a rotation at a site of an ONNX file is trained, and it is said that its prompts run in each step', async () => {
  const runtime = await createNodeRuntime(1);
  const backend = createNodeBackend(1);
  const imported = await ImportedModel.open(memorySource('small.onnx', smallTokenBytes()), runtime);
  const model = await tokenModel(imported, backend);
  const align = resolveAlign(
    model.architecture,
    undefined,
    readAlignExperiment({
      kind: 'align',
      version: 1,
      model: 'small',
      site: { component: 'block_output', layer: 0, position: 'last' },
      intervention: { type: 'LowRankRotated', rank: 4 },
      data: data.slice(0, 4),
      testData: data.slice(4),
      training: { batchSize: 4, epochs: 12, learningRate: 0.1, schedule: 'constant' },
    }),
  );
  const estimate = estimateAlign(align, model.architecture);
  expect(estimate.prompts[0]).toMatchObject({ keptCount: 0, unkept: { train: 4, test: 2 } });
  const done: number[] = [];
  const result = await completeAlign(model, align, { onProgress: (count) => done.push(count) });
  expect(done.at(-1)).toBe(estimate.rowLayers);
  const [site] = result.sites;
  expect(site?.end).toBe('all-steps');
  const losses = site?.steps.loss ?? [];
  expect(losses).toHaveLength(12);
  // Of two blocks of width 8 with random weights there is little to find; it is found step by step.
  expect(Math.min(...losses)).toBeLessThan((losses[0] ?? 0) - 0.1);
  expect(site?.final?.orthonormalGap).toBeLessThan(1e-4);
  expect(result.notices.map(({ text }) => text)).toContain(
    'Of this model no states are kept between the steps, so the 6 prompts are run again in each. Shorter prompts or fewer examples train faster.',
  );
  await model.dispose();
  expect(backend.liveTensors).toBe(0);
  await backend.close();
  await imported.dispose();
  expect(runtime.liveSessions).toBe(0);
  await runtime.close();
});
