// Training in the tab, which has no page of its own: the built page's own worker, with the embedded model on WASM. The numbers
// are those of Node, the page answers meanwhile, and what stops a training loses nothing of it.

import { existsSync, readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { openModel } from '../src/checkpoint/openNode.ts';
import {
  type AlignExperiment,
  type AlignExperimentFile,
  readAlignExperiment,
} from '../src/experiments/align/experiment.ts';
import { numbersOfText } from '../src/experiments/align/numbersText.ts';
import { resolveAlign } from '../src/experiments/align/resolve.ts';
import type { AlignResult } from '../src/experiments/align/result.ts';
import { completeAlign } from '../src/experiments/align/work.ts';
import { createNodeBackend } from '../src/runtime/backends/nodeBackend.ts';
import { Model } from '../src/runtime/model.ts';
import { alignInPage, keepEngine, stopTraining, trainedSteps } from './engineOfPage.ts';
import { watchConsole } from './pageChecks.ts';

const folder = new URL('../models/tiny-atlas/', import.meta.url);
test.skip(!existsSync(new URL('model.safetensors', folder)), 'models/tiny-atlas is not in this checkout');
test.describe.configure({ timeout: 600_000 });

/** Beside its own first trace the page's engine has more to do here than elsewhere. */
const slow = { timeout: 120_000 };

const example = JSON.parse(
  readFileSync(new URL('../examples/align/gender-sites.json', import.meta.url), 'utf8'),
);
const gender = (more: Partial<AlignExperimentFile>): AlignExperiment =>
  readAlignExperiment({
    ...example,
    site: { component: 'block_output', layer: 6, position: 'last' },
    training: { batchSize: 16, epochs: 4, learningRate: 0.01 },
    ...more,
  });

async function onNode(experiment: AlignExperiment): Promise<AlignResult> {
  const checkpoint = await openModel(folder.pathname);
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend);
  try {
    const align = resolveAlign(model.architecture, await checkpoint.tokenizer(), experiment);
    return await completeAlign(model, align);
  } finally {
    await model.dispose();
    await backend.close();
    await checkpoint.close();
  }
}

async function open(page: Page): Promise<void> {
  await keepEngine(page);
  await page.goto('?backend=wasm');
  await expect(page.getByRole('button', { name: /^Model: .*tiny-atlas/ })).toBeVisible(slow);
}

/** Every loss, accuracy and direction of the first is that of the second, as near as float32 sums in another order are. */
function expectSame(found: AlignResult, expected: AlignResult, tolerance: number): void {
  expect(found.sites).toHaveLength(expected.sites.length);
  found.sites.forEach((site, index) => {
    const other = expected.sites[index];
    const [rotation, otherRotation] = [site, other].map((each) => {
      const text = each?.parameters.rotation;
      return text ? numbersOfText(text, 'rotation') : new Float32Array();
    });
    const pairs = [
      ...(site?.steps.loss ?? []).map((loss, at) => [loss, other?.steps.loss[at]]),
      ...[...(rotation ?? [])].map((x, at) => [x, otherRotation?.[at]]),
      [site?.final?.testAccuracy, other?.final?.testAccuracy],
      [site?.final?.trainAccuracy, other?.final?.trainAccuracy],
    ];
    expect(pairs.length).toBeGreaterThan(128);
    const differences = pairs.map(([a = Number.NaN, b = Number.NaN]) => Math.abs(a - b));
    expect(Math.max(...differences)).toBeLessThan(tolerance);
  });
}

test('one direction is trained on WASM to the numbers of Node, also when the page is frozen for a moment', async ({
  page,
  context,
}) => {
  const problems = watchConsole(page);
  const experiment = gender({});
  const expected = await onNode(experiment);
  expect(expected.sites[0]?.final?.testAccuracy).toBeGreaterThanOrEqual(0.95);
  await open(page);
  const { result } = await alignInPage(page, experiment);
  expect(result.backend.kind).toBe('wasm');
  expectSame(result, expected, 2e-3);

  const session = await context.newCDPSession(page);
  const training = alignInPage(page, experiment);
  await session.send('Page.setWebLifecycleState', { state: 'frozen' });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await session.send('Page.setWebLifecycleState', { state: 'active' });
  expectSame((await training).result, expected, 2e-3);
  expect(problems, 'nothing is written to the console').toEqual([]);
});

test('while a training runs the page answers; stopped, it leaves its steps, and the model is free', async ({
  page,
}) => {
  const problems = watchConsole(page);
  await open(page);
  const endless = gender({ training: { batchSize: 16, epochs: 10_000, learningRate: 0.01 } });
  let isOver = false;
  const training = alignInPage(page, endless).finally(() => {
    isOver = true;
  });
  await expect.poll(() => trainedSteps(page), slow).toBeGreaterThan(2);
  const prompt = page.getByRole('textbox', { name: 'Prompt' });
  const predicted = page.getByRole('button', { name: /^Add the most probable next token/ });
  await prompt.fill('The Colosseum is located in the city of');
  await expect(predicted).toContainText('Rome', slow);
  expect(isOver).toBe(false);
  await stopTraining(page);
  const { result, stepsMs } = await training;
  const [site] = result.sites;
  expect(stepsMs.length).toBeGreaterThan(2);
  expect(site?.end).toBe('begun');
  expect(site?.steps.loss).toHaveLength(stepsMs.length);
  await prompt.fill('The Eiffel Tower is located in the city of');
  await expect(predicted).toContainText('Paris', slow);
  expect(problems, 'nothing is written to the console').toEqual([]);
});
