import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Checkpoint, Tokenizer } from '../../checkpoint/checkpoint.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { Model } from '../../runtime/model.ts';
import { readLearned } from './learned.ts';
import { learnedBasis, shareIn } from './learnedBasis.ts';
import { readAlignResult } from './result.ts';
import { describeTask, ownAnswers, resolveTask } from './task.ts';

const stored = readAlignResult(
  JSON.parse(
    readFileSync(new URL('../../../examples/align/results/gender-declared.json', import.meta.url), 'utf8'),
  ),
);
const backend = createNodeBackend(1);
let checkpoint: Checkpoint;
let model: Model;
let tokenizer: Tokenizer;
beforeAll(async () => {
  checkpoint = await openModel(new URL('../../../models/tiny-atlas', import.meta.url).pathname);
  tokenizer = await checkpoint.tokenizer();
  model = await Model.load(checkpoint, backend);
});
afterAll(async () => {
  await model.dispose();
  await backend.close();
  await checkpoint.close();
});

const { experiment, layers, positions, factual } = stored;
const request = { data: experiment.data };

test('a task is described as it will be trained, and the model is asked every prompt once', async () => {
  const align = await resolveTask(model.architecture, tokenizer, request, {});
  const task = describeTask(align, request, model.architecture, tokenizer);
  expect([task.trainCount, task.testCount]).toEqual([stored.trainCount, stored.testCount]);
  expect(task.labels.map(({ text }) => text).toSorted()).toEqual([' he', ' she']);
  expect(task.labels.reduce((sum, { train, test: tested }) => sum + train + tested, 0)).toBe(200);
  expect(task.positionNames).toEqual(['name', 'frame']);
  for (const { base, source, positions: at, settings, label } of task.examples) {
    const [own = -1, other = -1] = at.name ?? [];
    expect(base.tokens[own]?.text).toBe(` ${settings?.base.name}`);
    expect(source.tokens[other]?.text).toBe(` ${settings?.source.name}`);
    expect(label).toBe(settings?.source.gender === 'male' ? ' he' : ' she');
  }
  expect(await ownAnswers(model, align, tokenizer, {})).toMatchObject({
    right: factual?.right,
    of: factual?.of,
  });
});

test('the direction of gender is read: names lie apart along it, and it promotes what its sign says', async () => {
  const [site] = stored.sites;
  const basis = site && learnedBasis(stored, site);
  const [layer = 0] = layers;
  const [position = 0] = positions;
  if (!basis) throw new Error('The stored result has no trained site.');
  const { component } = experiment.site;
  const found = await readLearned(model, tokenizer, { ...request, component, layer, position, basis });
  expect(found.values).toEqual(['female', 'male']);
  expect(found.separation?.nearest).toBe(1);
  expect(found.separation?.distance).toBeGreaterThan(2);
  expect(found.means[0]).toBeLessThan(found.means[1] ?? Number.NaN);
  // The learned column itself, up to its sign.
  expect(shareIn(basis, found.direction)).toBeCloseTo(1, 5);
  expect(found.meansCosine).toBeGreaterThan(0);
  const [first] = found.points;
  expect(first?.prompt).toContain('because');
  expect(found.tokens?.promoted).toHaveLength(10);
});
