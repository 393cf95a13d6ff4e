// Models that read more than a text, on the real engine: a T5 traced from source to target, a Whisper by a sound, a question
// about a picture by its words, and sweeps of pairs of sources and of pictures, by the controls of their pages alone.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { writeWordTokenizer } from '../src/checkpoint/fixtures/wordTokenizer.ts';
import { readPatchResult } from '../src/experiments/patch/result.ts';
import { readSteerResult } from '../src/experiments/steer/result.ts';
import { readTraceResult } from '../src/experiments/trace/result.ts';
import { expectAccessible, expectNoSidewaysScroll, watchConsole } from './pageChecks.ts';
import { blip, fileOf, hearing, picture, t5, tone, whisper } from './readingModels.ts';
import { chooseFolder, openFolder, smallModelFolder } from './smallModel.ts';

const slow = { timeout: 60_000 };
test.describe.configure({ timeout: 180_000 });

const pages = (page: Page): Locator => page.getByRole('navigation', { name: 'Pages' });
const run = (page: Page): Locator => page.getByRole('button', { name: /^Run/ });
const traced = (page: Page): Locator => page.getByRole('region', { name: /^Where |^Figure/ });
const swept = (page: Page): Locator => page.getByRole('region', { name: /, figure$/ });

async function savedJson(page: Page): Promise<unknown> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as JSON', exact: true }).click();
  return JSON.parse(readFileSync(await (await download).path(), 'utf8'));
}

async function expectFits(page: Page): Promise<void> {
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page);
  await page.setViewportSize({ width: 1280, height: 720 });
}

test('a T5 is traced from its source to its target, and a pair of sources is swept, and followed by its paths', async ({
  page,
}) => {
  const folder = await smallModelFolder({ name: 'small-t5', config: t5, words: 31 });
  await openFolder(page, folder, 'small-t5');
  const problems = watchConsole(page);
  await pages(page).getByRole('button', { name: 'Trace' }).click();
  await page.getByRole('textbox', { name: 'Prompt' }).fill('w5 w9 w7 w12 w3');
  await page.getByLabel('Target').fill('w4 w8');
  await run(page).click();
  await expect(traced(page)).toContainText('Computed here', slow);
  await traced(page).getByLabel('Figure', { exact: true }).selectOption('Source');
  await expect(traced(page).getByRole('gridcell')).toHaveCount(3 * 5);
  await expectFits(page);
  const trace = readTraceResult(await savedJson(page));
  expect(trace.tokens.map(({ text }) => text)).toEqual(['w0', 'w4', 'w8']);
  expect(trace.input?.columns.map(({ text }) => text)).toEqual(['w5', 'w9', 'w7', 'w12', 'w3']);

  await pages(page).getByRole('button', { name: 'Patch' }).click();
  await page.getByRole('button', { name: 'Sweep', exact: true }).click();
  await page.getByRole('button', { name: 'Begin a sweep for it' }).click(slow);
  await expect(page.locator('#run-why')).toContainText('Type the clean prompt');
  await page.getByLabel('Clean source').fill('w5 w9 w7');
  await page.getByLabel('Corrupted source').fill('w5 w6');
  await page.getByLabel('Target', { exact: true }).fill('w4 w8');
  await expect(page.locator('.sweep-pair')).toContainText(
    'the clean source has 3 tokens, the corrupted one 2',
    slow,
  );
  await page.getByLabel('Corrupted source').fill('w5 w6 w7');
  await run(page).click();
  await expect(swept(page)).toContainText('Computed here', slow);
  await expect(swept(page).getByRole('gridcell')).toHaveCount(3 * 3);
  await swept(page).getByLabel('Figure', { exact: true }).selectOption('block_output, by positions');
  await expect(swept(page).getByRole('gridcell')).toHaveCount(2 * 3);
  await expectFits(page);
  const sweep = readPatchResult(await savedJson(page));
  expect(sweep.pairs[0]?.source?.map(({ text }) => text)).toEqual(['w5', 'w9', 'w7']);
  expect(sweep.experiment.pairs).toEqual([{ clean: 'w5 w9 w7', corrupted: 'w5 w6 w7', target: 'w4 w8' }]);

  await page.getByRole('button', { name: 'Paths', exact: true }).click();
  await page.getByRole('button', { name: 'Begin a path patch for it' }).click(slow);
  await page.getByLabel('Clean source').fill('w5 w9 w7');
  await page.getByLabel('Corrupted source').fill('w5 w6 w7');
  await page.getByLabel('What sends').selectOption('encoder.head_attention_value_output');
  await expect(page.locator('.fieldset')).toContainText(
    ["'encoder.head_attention_value_output' sends: every way from there leads through the heads of cross"],
    slow,
  );
  await page.getByLabel('What receives').selectOption('head_cross_key_output');
  await expect(page.getByLabel('Heads that receive')).toHaveValue('1.0');
  await run(page).click();
  await expect(swept(page)).toContainText('Computed here', slow);
  await expect(swept(page).getByRole('gridcell')).toHaveCount(3 * 3);
  await expect(swept(page)).toContainText('To the cross-attention keys of 1.0');
  await expectFits(page);
  const { experiment } = readPatchResult(await savedJson(page));
  expect(experiment).toMatchObject({
    sending: 'encoder.head_attention_value_output',
    receivers: [{ component: 'head_cross_key_output', heads: [[1, 0]] }],
  });
  expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a Whisper is traced by a stretch of a sound', async ({ page }) => {
  const folder = await smallModelFolder({
    ...{ name: 'small-whisper', config: whisper, preprocessor: hearing, words: 31 },
  });
  await openFolder(page, folder, 'small-whisper');
  const problems = watchConsole(page);
  await pages(page).getByRole('button', { name: 'Trace' }).click();
  await page.getByRole('textbox', { name: 'Prompt' }).fill('w5 w9');
  await expect(page.locator('#run-why')).toContainText('This model reads a sound. Choose one', slow);
  await page
    .getByLabel('Sound', { exact: true })
    .setInputFiles({ name: 'tone.wav', mimeType: 'audio/wav', buffer: tone() });
  await page.getByLabel('Corrupted from').fill('0.2');
  await page.getByLabel('to', { exact: true }).fill('0.6');
  await page.getByLabel('Parts').fill('4');
  await run(page).click();
  await expect(traced(page)).toContainText('Computed here', slow);
  await expect(traced(page)).toContainText('on the sound from 0.2 to 0.6 seconds');
  await traced(page).getByLabel('Figure', { exact: true }).selectOption('Sound');
  await expect(traced(page).getByRole('gridcell')).toHaveCount(2 * 4);
  await expectFits(page);
  const { input } = readTraceResult(await savedJson(page));
  expect(input?.columns.map(({ text }) => text)).toEqual([
    '0.00–0.24 s',
    '0.24–0.50 s',
    '0.50–0.74 s',
    '0.74–1.00 s',
  ]);
  expect(problems).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a pair of pictures is swept, a part of one in the other, and drawn over the clean one', async ({
  page,
}) => {
  const preprocessor = { size: 24, resample: 3 };
  const folder = await smallModelFolder({ name: 'small-blip', config: blip, preprocessor, words: 31 });
  await openFolder(page, folder, 'small-blip', '#patch');
  const problems = watchConsole(page);
  await page.getByRole('button', { name: 'Begin a sweep for it' }).click();
  await expect(page.locator('#run-why')).toContainText('This model reads a picture. Choose one', slow);
  await page.getByLabel('Clean', { exact: true }).fill('w5 w9');
  await page.getByLabel('Picture', { exact: true }).setInputFiles(picture('wide'));
  await expect(page.locator('#run-why')).toContainText('Choose the corrupted picture, or type');
  await page.getByLabel('Corrupted picture').setInputFiles(picture('grey'));
  const grid = page.getByRole('img', { name: /^The picture, 6 by 6 patches/ });
  const box = await grid.boundingBox();
  if (!box) throw new Error('The picture is not shown.');
  await page.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.08);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.58, box.y + box.height * 0.42);
  await page.mouse.up();
  await expect(grid).toHaveAccessibleName(/corrupted are 1 to 3 across and 0 to 2 down/);
  await page.getByLabel('Parts').fill('3');
  await run(page).click();
  await expect(swept(page)).toContainText('Computed here', slow);
  const overlay = swept(page).getByRole('img', { name: /^Where a clean activation/ });
  // Three layers, each the picture, a veil and nine squares.
  await expect(overlay.locator('use')).toHaveCount(3);
  await expect(overlay.locator('rect[fill-opacity]')).toHaveCount(30);
  await expect(swept(page)).toContainText('“grey.png” in the patches 1 to 3 across and 0 to 2 down');
  await expectFits(page);
  const { experiment, input } = readPatchResult(await savedJson(page));
  expect(experiment.pairs[0]?.exchanged).toEqual({ patches: [1, 0, 4, 3] });
  expect(input?.corrupted).toHaveLength(9);
  // A link names the pictures and does not hold them.
  await expect.poll(() => page.url().length).toBeLessThan(4_000);
  await page.getByRole('button', { name: 'Attribution', exact: true }).click();
  await expect(page.getByLabel('Method')).toBeVisible();
  await expect(page.getByLabel('Parts')).toHaveAccessibleDescription(/^Squares across and down/);
  expect(problems).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a question about a picture is traced by its words and by patches, and pairs of questions are swept', async ({
  page,
}) => {
  const folder = join(mkdtempSync(join(tmpdir(), 'patchbay-model-')), 'small-answers');
  cpSync(fileOf('cli/conformance/expected/blip-answers/model'), folder, { recursive: true });
  writeWordTokenizer(folder, 29);
  writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify({ size: 12, resample: 3 }));
  await openFolder(page, folder, 'small-answers');
  const problems = watchConsole(page);
  await pages(page).getByRole('button', { name: 'Trace' }).click();
  await page.getByRole('textbox', { name: 'Prompt' }).fill('w5 w9 w7 w12');
  await expect(page.locator('#run-why')).toContainText('This model reads a picture. Choose one', slow);
  await page.getByLabel('Picture', { exact: true }).setInputFiles(picture('wide'));
  await page.getByLabel('Target').fill('w4');
  await run(page).click();
  await expect(traced(page)).toContainText('Computed here', slow);
  await expect(traced(page)).toContainText('Picture “wide.png”. Source “w5 w9 w7 w12”, target “w4”.');
  await traced(page).getByLabel('Figure', { exact: true }).selectOption('Question');
  await expect(traced(page).getByRole('gridcell')).toHaveCount(2 * 4);
  await expectFits(page);
  const { experiment, streams } = readTraceResult(await savedJson(page));
  expect(experiment).toMatchObject({ prompt: 'w5 w9 w7 w12', target: 'w4', image: { name: 'wide.png' } });
  expect(streams.map(({ component }) => component)).toContain('question.block_output');

  // A patch of the two across and two down.
  const grid = page.getByRole('img', { name: /^The picture, 2 by 2 patches/ });
  await grid.scrollIntoViewIfNeeded();
  const box = await grid.boundingBox();
  if (!box) throw new Error('The picture is not shown.');
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.1);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.9, box.y + box.height * 0.4);
  await page.mouse.up();
  await expect(grid).toHaveAccessibleName(/corrupted are 1 to 1 across and 0 to 0 down/);
  await page.getByLabel('Parts').fill('2');
  await run(page).click();
  await expect(traced(page)).toContainText('patches 1 to 1 across and 0 to 0 down', slow);
  await expect(traced(page)).toContainText('Computed here', slow);
  await traced(page).getByLabel('Figure', { exact: true }).selectOption('Over the picture');
  const overlay = traced(page).getByRole('img', { name: /^Where restoring/ });
  // Three layers of the vision stack, each the picture, a veil and four squares.
  await expect(overlay.locator('use')).toHaveCount(3);
  await expect(overlay.locator('rect[fill-opacity]')).toHaveCount(15);
  await expectFits(page);
  const seen = readTraceResult(await savedJson(page));
  expect(seen.picture).toMatchObject({ kind: 'image', corrupted: [2], grid: { across: 2, down: 2 } });
  expect(seen.streams.map(({ component }) => component)).toContain('vision.block_output');
  await page.getByRole('button', { name: 'Corrupt words instead' }).click();
  await expect(grid).toHaveAccessibleName('The picture, 2 by 2 patches');

  await pages(page).getByRole('button', { name: 'Patch' }).click();
  await page.getByRole('button', { name: 'Sweep', exact: true }).click();
  await page.getByRole('button', { name: 'Begin a sweep for it' }).click();
  await page.getByRole('textbox', { name: 'Clean question' }).fill('w5 w9 w7');
  await page.getByLabel('Picture', { exact: true }).setInputFiles(picture('wide'));
  await page.getByLabel('Corrupted picture', { exact: true }).setInputFiles(picture('grey'));
  await page.getByLabel('Target', { exact: true }).fill('w4');
  await page.getByLabel('Parts').fill('2');
  await run(page).click();
  await expect(swept(page)).toContainText('Computed here', slow);
  await expect(swept(page)).toContainText('“w5 w9 w7” about the picture “grey.png” with the target “w4”');
  const squares = swept(page).getByRole('img', { name: /^Where a clean activation/ });
  await expect(squares.locator('use').first()).toBeVisible();
  await expectFits(page);
  const patched = readPatchResult(await savedJson(page));
  expect(patched.picture?.grid).toEqual({ across: 2, down: 2 });
  expect(patched.panels.map(({ component, cells }) => [component, cells.length])).toEqual([
    ['vision.block_output', 3 * 5],
    ['question.block_output', 2 * 3],
    ['block_output', 2 * 2],
  ]);
  expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a T5 is steered from its source, by a vector of sources', async ({ page }) => {
  const folder = await smallModelFolder({ name: 'small-t5', config: t5, words: 31 });
  await openFolder(page, folder, 'small-t5');
  const problems = watchConsole(page);
  await pages(page).getByRole('button', { name: 'Steer' }).click();
  await page.getByRole('button', { name: 'Start empty' }).click(slow);
  await page.getByRole('button', { name: 'Make one of texts' }).click();
  await page.getByLabel('Component', { exact: true }).selectOption('encoder.block_output');
  await page.getByLabel('Text 1 towards', { exact: true }).fill('w5 w9 w7');
  await page.getByLabel('Text 1 away', { exact: true }).fill('w5 w6');
  await page.getByRole('textbox', { name: 'Prompt' }).fill('w4 w8 w12');
  await page.getByLabel('Target', { exact: true }).fill('w3');
  await run(page).click();
  await expect(page.getByText('Computed here', { exact: true })).toBeVisible(slow);
  await expectFits(page);
  const { prompts, experiment, vectors } = readSteerResult(await savedJson(page));
  expect(prompts[0]).toMatchObject({ tokens: [0, 3], source: [4, 8, 12] });
  expect(experiment.prompts).toEqual([{ prompt: 'w4 w8 w12', target: 'w3' }]);
  expect(vectors[0]?.component).toBe('encoder.block_output');
  expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a BLIP is steered about a picture, by a vector of pictures', async ({ page }) => {
  const preprocessor = { size: 24, resample: 3 };
  const folder = await smallModelFolder({ name: 'small-blip', config: blip, preprocessor, words: 31 });
  await openFolder(page, folder, 'small-blip');
  const problems = watchConsole(page);
  await pages(page).getByRole('button', { name: 'Steer' }).click();
  await page.getByRole('button', { name: 'Start empty' }).click(slow);
  await page.getByRole('button', { name: 'Make one of texts' }).click();
  await page.getByLabel('Text 1 towards, picture').setInputFiles(picture('wide'));
  await page.getByLabel('Text 1 away, picture').setInputFiles(picture('grey'));
  await expect(page.locator('#run-why')).toContainText('Choose a picture', slow);
  await page.getByLabel('Picture', { exact: true }).setInputFiles(picture('wide'));
  await run(page).click();
  await expect(page.getByText('Computed here', { exact: true })).toBeVisible(slow);
  await expectFits(page);
  const { experiment, prompts } = readSteerResult(await savedJson(page));
  expect(prompts[0]?.tokens).toEqual([2]);
  expect(experiment.prompts[0]).toMatchObject({ prompt: '', image: { name: 'wide.png' } });

  // A link names the picture and does not hold it: its field says so.
  await expect.poll(() => page.url()).toContain('#v1.');
  await page.reload();
  await chooseFolder(page, folder, 'small-blip');
  const field = page.getByLabel('Picture', { exact: true });
  await expect(field).toHaveAccessibleDescription(/with “wide\.png”, which a link does not hold/, slow);
  await field.setInputFiles(picture('wide'));
  await expect(field).toHaveAccessibleDescription('wide.png');
  expect(problems.filter((problem) => !problem.includes('404'))).toEqual([]);
  rmSync(folder, { recursive: true });
});
