// What alignments show on the embedded model: one direction carries the gender of a name. Compared with pyvene on the same
// data and seeds in bench/align/agree.ts.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import type { Backend } from '../../runtime/backends/backend.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { type AlignExperimentFile, readAlignExperiment } from './experiment.ts';
import { resolveAlign } from './resolve.ts';
import type { AlignResult } from './result.ts';
import { genderExamples, type PromptItem } from './templates.ts';
import { completeAlign } from './work.ts';

const folder = new URL('../../../models/tiny-atlas/', import.meta.url);
const items: { readonly pronoun: readonly PromptItem[] } = JSON.parse(
  readFileSync(new URL('evaluation-prompts.json', folder), 'utf8'),
);

let backend: Backend;
let checkpoint: Checkpoint;
let model: Model;
beforeAll(async () => {
  backend = createNodeBackend(1);
  checkpoint = await openModel(folder.pathname);
  model = await Model.load(checkpoint, backend);
});
afterAll(async () => {
  await model.dispose();
  await checkpoint.close();
  await backend.close();
});

async function align(more: Partial<AlignExperimentFile>): Promise<AlignResult> {
  const tokenizer = await checkpoint.tokenizer();
  const experiment = readAlignExperiment({
    kind: 'align',
    version: 1,
    model: 'tiny-atlas',
    data: genderExamples(items.pronoun, tokenizer, { size: 200, seed: 1 }),
    training: { batchSize: 16, epochs: 5, learningRate: 0.01 },
    ...more,
  });
  return completeAlign(model, resolveAlign(model.architecture, tokenizer, experiment));
}

test('one direction at the name carries its gender in layer 2, and nothing does in the last layer', async () => {
  const { sites, factual, unedited } = await align({
    site: { component: 'block_output', layer: [2, 7], position: 'name' },
    intervention: { type: 'LowRankRotated', rank: 1 },
  });
  const [good, wrong] = sites.map((site) => site?.final);
  expect(factual && factual.right / factual.of).toBeGreaterThan(0.98);
  expect(good?.testAccuracy).toBeGreaterThanOrEqual(0.95);
  expect(good?.trainAccuracy).toBeGreaterThanOrEqual(0.95);
  expect(good?.orthonormalGap).toBeLessThan(1e-5);
  // An untrained direction does next to nothing, and after the last attention nobody reads the name.
  expect(good?.controlAccuracy).toBeLessThan(0.7);
  expect(wrong?.testAccuracy).toBe(unedited);
  expect(unedited).toBeLessThan(0.65);
}, 120_000);

test('a boundary closes to less than half the width, and what it leaves in carries the gender', async () => {
  const { sites } = await align({
    site: { component: 'block_output', layer: 3, position: 'name' },
    intervention: { type: 'BoundlessRotated' },
    training: { batchSize: 16, epochs: 10, learningRate: 0.01 },
  });
  const [final] = sites.map((site) => site?.final);
  expect(final?.testAccuracy).toBeGreaterThanOrEqual(0.9);
  expect(final?.boundary?.share).toBeLessThan(0.5);
  expect(final?.boundary?.dimensions).toBeLessThan(64);
  expect(final?.orthonormalGap).toBeLessThan(1e-5);
}, 120_000);
