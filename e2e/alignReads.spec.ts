// Alignment of models that read more than a text, on the real engine, on WASM: sources with a target one by one at a site of the
// encoder, and pictures at a patch of a ViT.

import { readFileSync, rmSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { readAlignResult } from '../src/experiments/align/result.ts';
import { button, dropFile, expectAccessible, expectFits, region, watchConsole } from './pageChecks.ts';
import { picture, t5, vit } from './readingModels.ts';
import { openFolder, smallModelFolder } from './smallModel.ts';

const slow = { timeout: 120_000 };
test.describe.configure({ timeout: 400_000 });

async function trained(page: Page) {
  const training = region(page, 'Training');
  await training.getByRole('button', { name: 'Change settings' }).click();
  await training.getByLabel('Batch', { exact: true }).fill('1');
  await training.getByLabel('Epochs', { exact: true }).fill('2');
  await button(page, /^Run/).click();
  await expect(page.getByText('Computed here')).toBeVisible(slow);
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Save as JSON').click()]);
  return readAlignResult(JSON.parse(readFileSync(await download.path(), 'utf8')));
}

test('a T5 is aligned at its encoder on sources with a target, one by one', async ({ page }) => {
  const folder = await smallModelFolder({ name: 'small-t5', config: t5, words: 31 });
  await openFolder(page, folder, 'small-t5', '#align');
  const problems = watchConsole(page);
  await button(page, 'Begin on an empty page for it').click(slow);
  await page.getByLabel('One by one').check();
  for (const [at, base, source, label] of [
    [1, 'w5 w9 w7', 'w5 w6 w7', 'w8'],
    [2, 'w5 w6 w7', 'w5 w9 w7', 'w10'],
    [3, 'w5 w9 w2', 'w5 w6 w2', 'w8'],
    [4, 'w5 w6 w2', 'w5 w9 w2', 'w10'],
  ] as const) {
    if (at > 1) await button(page, 'Add an example').click();
    await page.getByLabel(`Example ${at}, base, source`).fill(base);
    await page.getByLabel(`Example ${at}, base, target`).fill('w4');
    await page.getByLabel(`Example ${at}, source, source`).fill(source);
    await page.getByLabel(`Example ${at}, label`, { exact: true }).fill(label);
    await page.getByLabel(`Example ${at}, positions`).fill('word 1');
  }
  await page.getByLabel('Component').selectOption('encoder.block_output');
  await page.getByLabel('Positions', { exact: true }).fill('word, last');
  await page.getByLabel('Kept to test, %').fill('50');
  await expectFits(page, 'align-t5');
  const result = await trained(page);
  expect(result.experiment.data).toMatchObject([
    { base: { prompt: 'w5 w9 w7', target: 'w4' }, source: 'w5 w6 w7', positions: { word: 1 } },
    {},
    {},
    {},
  ]);
  // Three layers of the encoder, and two positions, beside as many of the control.
  await expect(page.getByRole('gridcell')).toHaveCount(2 * 3 * 2);

  // A task may have many: eight are in view, and one that is wrong is led to.
  const data = Array.from({ length: 20 }, (_, at) => [result.experiment.data].flat()[at % 4]);
  const many = JSON.stringify({ ...result.experiment, data });
  await dropFile(page, 'many.json', many);
  const rows = page.getByRole('list', { name: 'Examples', exact: true }).getByRole('listitem');
  const pages = page.getByRole('navigation', { name: 'Rows of examples' });
  await expect(pages).toContainText('1 to 8 of 20', slow);
  await expect(rows).toHaveCount(8);
  await pages.getByRole('button', { name: 'Later' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await expect(pages).toContainText('17 to 20 of 20');
  await expect(rows).toHaveCount(4);
  // It is as far as it goes, and the focus has stayed.
  await page.keyboard.press('Enter');
  await expect(pages).toContainText('17 to 20 of 20');
  await page.getByLabel('Example 18, label', { exact: true }).fill('');
  await pages.getByRole('button', { name: 'Earlier' }).click();
  await expect(page.getByRole('listitem', { name: 'Example 9', exact: true })).toBeVisible();
  await expectFits(page, 'align-rows');
  const goTo = button(page, 'Go to example 18, which cannot be used');
  await goTo.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByLabel('Example 18, label', { exact: true })).toBeFocused();
  await expect(goTo).toHaveCount(0);
  await pages.getByRole('button', { name: 'Earlier' }).click();
  await button(page, 'Add an example').click();
  await expect(page.getByLabel('Example 21, base, source')).toBeFocused();
  await expect(page.getByLabel('Example 21, positions')).toHaveValue('word 1');
  await expect(rows).toHaveCount(5);
  // Another document begins at its first.
  await dropFile(page, 'many.json', many);
  await expect(pages).toContainText('1 to 8 of 20', slow);
  expect(problems).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a ViT is aligned at a patch of pictures', async ({ page }) => {
  const preprocessor = { size: 24, resample: 3 };
  const folder = await smallModelFolder({ name: 'small-vit', config: vit, preprocessor, words: 31 });
  await openFolder(page, folder, 'small-vit', '#align');
  const problems = watchConsole(page);
  await button(page, 'Begin on an empty page for it').click(slow);
  await expect(page.locator('.task-card')).toContainText('Example 1, the base, has no picture.');
  // What is no picture is refused at its field.
  await page
    .getByLabel('Example 1, base, picture')
    .setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') });
  await expect(page.getByRole('alert')).toHaveText(
    "'notes.txt' is neither a PNG nor a JPEG picture. Convert it to one.",
  );
  await expect(page.getByLabel('Example 1, base, picture')).toHaveValue('');
  for (const [at, base, source, label] of [
    [1, 'wide', 'grey', 'cat'],
    [2, 'grey', 'wide', 'owl'],
    [3, 'wide', 'wide', 'dog'],
  ] as const) {
    if (at > 1) await button(page, 'Add an example').click();
    await page.getByLabel(`Example ${at}, base, picture`).setInputFiles(picture(base));
    await page.getByLabel(`Example ${at}, source, picture`).setInputFiles(picture(source));
    await page.getByLabel(`Example ${at}, label`, { exact: true }).fill(label);
  }
  await page.getByLabel('Positions', { exact: true }).fill('0, 8');
  await page.getByLabel('Kept to test, %').fill('34');
  await expectFits(page, 'align-vit');
  const result = await trained(page);
  expect(result.positions).toEqual([0, 8]);
  expect(problems).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('where the names of classes cannot be read, why is said, and a class can be typed', async ({ page }) => {
  await page.addInitScript(() => {
    const send = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message: { readonly name?: string }) {
      if (message.name === 'describeTokens') throw new Error('The names were lost.');
      send.call(this, message);
    };
  });
  const preprocessor = { size: 24, resample: 3 };
  const folder = await smallModelFolder({ name: 'small-vit', config: vit, preprocessor, words: 31 });
  await openFolder(page, folder, 'small-vit', '#align');
  await button(page, 'Begin on an empty page for it').click(slow);
  await expect(page.getByRole('alert')).toHaveText(
    "The names of the model's classes could not be read: The names were lost. A class can still be typed.",
  );
  await page.getByLabel('Example 1, label', { exact: true }).fill('cat');
  await expectAccessible(page);
  rmSync(folder, { recursive: true });
});
