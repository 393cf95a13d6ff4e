// The rack of models that read more than a text, on the real engine: cables between sources of a T5, between pictures of a ViT
// and a BLIP, between sounds of a Whisper, by the keyboard. What an experiment that the page saved gives under
// Node is what the page says.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { openFolder as openCheckpoint } from '../src/checkpoint/openNode.ts';
import { readInterveneExperiment } from '../src/experiments/intervene/experiment.ts';
import { readInterveneInputs, resolveIntervene } from '../src/experiments/intervene/resolve.ts';
import { readInterveneResult } from '../src/experiments/intervene/result.ts';
import { runIntervene } from '../src/experiments/intervene/run.ts';
import { createNodeBackend } from '../src/runtime/backends/nodeBackend.ts';
import { Model } from '../src/runtime/model.ts';
import { dropFile, expectAccessible, expectNoSidewaysScroll, watchConsole } from './pageChecks.ts';
import { blip, hearing, picture, t5, tone, vit, whisper } from './readingModels.ts';
import { chooseFolder, openFolder, smallModelFolder } from './smallModel.ts';

const slow = { timeout: 60_000 };
test.describe.configure({ timeout: 240_000 });

const esm = {
  ...{ model_type: 'esm', vocab_size: 33, hidden_size: 12, num_hidden_layers: 2, num_attention_heads: 2 },
  ...{ intermediate_size: 16, max_position_embeddings: 40, position_embedding_type: 'rotary' },
  ...{ pad_token_id: 1, mask_token_id: 32 },
};
/** The vocabulary of ESM-2, in its order. */
const residues = ['<cls>', '<pad>', '<eos>', '<unk>', ...'LAGVSERTIDPKQNFYMHWCXBUZO.-', '<null_1>', '<mask>'];

const rack = (page: Page): Locator => page.getByRole('grid', { name: /^Sockets of/ });
const words = (page: Page): Locator => page.locator('.socket-words');
const component = (page: Page): Locator => page.getByRole('region', { name: 'Rack' }).getByLabel('Component');
const effect = (page: Page): Locator => page.getByRole('region', { name: /^(Next token|Class)/ });

async function begin(page: Page, folder: string, name: string): Promise<readonly string[]> {
  await openFolder(page, folder, name, '#patch');
  const problems = watchConsole(page);
  await page.getByRole('button', { name: 'Rack', exact: true }).click();
  await page.getByRole('button', { name: 'Begin with prompts for it' }).click(slow);
  return problems;
}

/** Press a key until the line under the rack says that a socket is looked at. */
async function goTo(page: Page, key: string, socket: RegExp): Promise<void> {
  for (let step = 0; step < 48; step++) {
    if (socket.test((await words(page).textContent()) ?? '')) return;
    await page.keyboard.press(key);
  }
  await expect(words(page)).toHaveText(socket);
}

/** A cable from a socket of the source to the same layer of the base, by keys alone. @param column as it is spoken */
async function hangCable(page: Page, layer: number, column: string): Promise<void> {
  await rack(page).focus();
  await goTo(page, 'ArrowUp', new RegExp(`^source, .*layer ${layer}, `));
  await goTo(page, 'ArrowLeft', /position 0,|, class|, 0\.00/);
  await goTo(page, 'ArrowRight', new RegExp(`^source, .*layer ${layer}, ${column}`));
  await page.keyboard.press('c');
  await goTo(page, 'ArrowDown', new RegExp(`Here: base, .*layer ${layer}, ${column}`));
  await page.keyboard.press('Enter');
  await expect(effect(page)).toContainText('with the cable', slow);
  await expect(effect(page)).toContainText(/in \d+/, slow);
}

async function saved(page: Page, what: string): Promise<unknown> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: what, exact: true }).click();
  return JSON.parse(readFileSync(await (await download).path(), 'utf8'));
}

/** What the page saved, run again under Node, is what it says. */
async function expectSame(page: Page, folder: string) {
  const result = readInterveneResult(await saved(page, 'Save result'));
  const experiment = readInterveneExperiment(await saved(page, 'Save experiment'));
  const backend = createNodeBackend(1);
  const checkpoint = await openCheckpoint(folder);
  const model = await Model.load(checkpoint, backend);
  try {
    const { architecture } = model;
    const inputs = await readInterveneInputs(architecture, experiment, async () =>
      checkpoint.preprocessor?.(),
    );
    const tokenizer = await checkpoint.tokenizer();
    const again = await runIntervene(model, resolveIntervene(architecture, tokenizer, experiment, inputs));
    expect(again.after.map(({ id }) => id)).toEqual(result.after.map(({ id }) => id));
    again.after.forEach(({ probability }, place) => {
      expect(Math.abs(probability - (result.after[place]?.probability ?? 0))).toBeLessThan(1e-4);
    });
    expect(result.after.some(({ probability }, at) => probability !== result.before[at]?.probability)).toBe(
      true,
    );
  } finally {
    await model.dispose();
    await checkpoint.close();
    await backend.close();
  }
  return experiment;
}

async function expectFits(page: Page): Promise<void> {
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
  await expectAccessible(page);
  await page.setViewportSize({ width: 1440, height: 900 });
}

test('a cable between the sources of a T5 acts on its target, and is shared', async ({ page }) => {
  const folder = await smallModelFolder({ name: 'small-t5', config: t5, words: 31 });
  const problems = await begin(page, folder, 'small-t5');
  await page.getByLabel('Base', { exact: true }).fill('w5 w6 w7 w12');
  await page.getByLabel('Source', { exact: true }).fill('w5 w9 w7 w12');
  await page.getByLabel('Target of the base').fill('w4 w8');
  await page.getByLabel('Target of the source').fill('w4 w8');
  await expect(component(page)).toHaveValue('encoder.block_output');
  await hangCable(page, 1, 'position 1,');
  await expect(page.getByText('At 3 later positions')).toBeVisible();
  await expectFits(page);
  const experiment = await expectSame(page, folder);
  expect(experiment.base).toEqual({ prompt: 'w5 w6 w7 w12', target: 'w4 w8' });
  expect(experiment.configuration?.representations).toMatchObject([
    { layer: 1, component: 'encoder.block_output' },
  ]);

  // All of what the rack shows, by the same engine as a sweep: three layers of four words.
  await page.getByRole('button', { name: 'Measure all' }).click();
  await page.getByRole('button', { name: 'Heatmap' }).click();
  await expect(page.getByRole('region', { name: 'Rack' }).getByRole('gridcell')).toHaveCount(2 * 12, slow);
  await page.getByRole('button', { name: 'Heatmap' }).click();

  // Of the target there are other columns, and the link that is there brings all of it back.
  await component(page).selectOption('block_output');
  await rack(page).focus();
  await goTo(page, 'ArrowRight', /block output, layer \d, position 2, w8/);
  await component(page).selectOption('encoder.block_output');
  await expect(effect(page)).toContainText(/in \d+/, slow);
  await expect.poll(() => page.url()).toContain('#v1.');
  const url = page.url();
  await page.getByLabel('Base', { exact: true }).fill('w5');
  await expect(page.getByRole('region', { name: 'Cables' })).toContainText('Position 1 does not exist', slow);
  await page.goto('about:blank');
  await page.goto(url);
  await chooseFolder(page, folder, 'small-t5');
  await expect(page.getByLabel('Target of the base')).toHaveValue('w4 w8', slow);
  await expect(page.getByLabel('Base', { exact: true })).toHaveValue('w5 w6 w7 w12');
  await expect(effect(page)).toContainText(/in \d+/, slow);
  expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a cable between parts of two pictures changes the class of a ViT', async ({ page }) => {
  const preprocessor = { size: { height: 24, width: 24 }, resample: 3 };
  const folder = await smallModelFolder({ name: 'small-vit', config: vit, preprocessor, words: 31 });
  const problems = await begin(page, folder, 'small-vit');
  await expect(page.getByRole('region', { name: 'Rack' })).toContainText(
    'This model reads a picture. Choose one',
  );
  await page.getByLabel('Picture of the base', { exact: true }).setInputFiles(picture('wide'));
  await page.getByLabel('Picture of the source', { exact: true }).setInputFiles(picture('grey'));
  await hangCable(page, 1, 'row 2, column 3');
  await expect(effect(page)).toContainText('owl');
  await expect(
    page.getByRole('img', { name: /^The picture of the base; looked at is row 2, column 3/ }),
  ).toBeVisible();
  await expectFits(page);
  const experiment = await expectSame(page, folder);
  expect(experiment.unitLocations).toEqual({ 'sources->base': [[[[9]]], [[[9]]]] });
  // A link names pictures and does not hold them; a file does.
  await expect.poll(() => page.url().length).toBeLessThan(4_000);
  const text = JSON.stringify(experiment);
  await page.getByRole('button', { name: 'Swap' }).click();
  await dropFile(page, 'patch.json', text);
  await expect(page.getByRole('img', { name: /^The picture of the base/ })).toBeVisible(slow);
  await expect(effect(page)).toContainText(/in \d+/, slow);
  expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a cable between the pictures of a BLIP acts on its words', async ({ page }) => {
  const preprocessor = { size: 24, resample: 3 };
  const folder = await smallModelFolder({ name: 'small-blip', config: blip, preprocessor, words: 31 });
  const problems = await begin(page, folder, 'small-blip');
  await page.getByLabel('Base', { exact: true }).fill('w5 w9');
  await page.getByLabel('Source', { exact: true }).fill('w5 w9');
  await page.getByLabel('Picture of the base', { exact: true }).setInputFiles(picture('wide'));
  await page.getByRole('button', { name: 'The same picture as the base' }).click();
  await page.getByLabel('Picture of the source', { exact: true }).setInputFiles(picture('grey'));
  await hangCable(page, 2, 'row 1, column 2');
  await expectFits(page);
  const experiment = await expectSame(page, folder);
  expect(experiment.base).toMatchObject({ prompt: 'w5 w9', image: { name: 'wide.png' } });
  expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a cable between stretches of two sounds acts on what a Whisper writes', async ({ page }) => {
  const folder = await smallModelFolder({
    ...{ name: 'small-whisper', config: whisper, preprocessor: hearing, words: 31 },
  });
  const problems = await begin(page, folder, 'small-whisper');
  const wav = (name: string, buffer: Buffer) => ({ name, mimeType: 'audio/wav', buffer });
  const silent = tone();
  silent.fill(0, 44 + 8_000, 44 + 24_000);
  await page.getByLabel('Base', { exact: true }).fill('w5');
  await page.getByLabel('Source', { exact: true }).fill('w5');
  await page.getByLabel('Sound of the base').setInputFiles(wav('silent.wav', silent));
  await page.getByLabel('Sound of the source').setInputFiles(wav('tone.wav', tone()));
  await hangCable(page, 1, '0\\.24–');
  await expectFits(page);
  const experiment = await expectSame(page, folder);
  expect(experiment.sources).toMatchObject([{ prompt: 'w5', sound: { name: 'tone.wav' } }]);
  expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a model of proteins gets proteins to begin with, and what its prompts lack is said', async ({
  page,
}) => {
  const folder = await smallModelFolder({ name: 'small-esm', config: esm, words: 0 });
  rmSync(join(folder, 'tokenizer.json'));
  writeFileSync(join(folder, 'vocab.txt'), residues.join('\n'));
  writeFileSync(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({ tokenizer_class: 'EsmTokenizer', mask_token: '<mask>', unk_token: '<unk>' }),
  );
  await openFolder(page, folder, 'small-esm', '#patch');
  const problems = watchConsole(page);
  await page.getByRole('button', { name: 'Rack', exact: true }).click();
  await expect(page.getByRole('status').filter({ hasText: 'predicts what stands at <mask>' })).toBeVisible(
    slow,
  );
  await page.getByRole('button', { name: 'Begin with prompts for it' }).click();
  await expect(page.getByLabel('Base', { exact: true })).toHaveValue('MKTAYIAKQR<mask>SFVKSHFSRQ');
  // Behind the last layer another position is read by nobody.
  await hangCable(page, 0, 'position 15,');
  await expectFits(page);
  await expectSame(page, folder);
  await page.getByLabel('Base', { exact: true }).fill('MKTAY');
  await expect(page.getByText("and the prompt has none. Write '<mask>'").first()).toBeVisible(slow);
  expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  rmSync(folder, { recursive: true });
});
