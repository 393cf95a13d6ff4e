// Finetuning of models that read more than a text, on the real engine, on WASM: sources with a target, and pictures
// with classes, given by the controls of the pages; what is missing is said at its field, and what was saved opens again.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { readFinetuneResult } from '../src/experiments/finetune/result.ts';
import { button, dropFile, expectFits, region, watchConsole } from './pageChecks.ts';
import { picture, t5, tone, vit } from './readingModels.ts';
import { openFolder, smallModelFolder } from './smallModel.ts';

const slow = { timeout: 120_000 };
test.describe.configure({ timeout: 400_000 });

async function savedJson(page: Page): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Save as JSON').click()]);
  return readFileSync(await download.path(), 'utf8');
}

/** Drop files on a row, or on a field of it. */
async function dropOn(place: Locator, paths: readonly string[]): Promise<void> {
  const files = paths.map((path) => ({
    name: path.split('/').at(-1) ?? '',
    base64: readFileSync(path).toString('base64'),
  }));
  const transfer = await place.page().evaluateHandle((given) => {
    const made = new DataTransfer();
    for (const { name, base64 } of given) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      made.items.add(new File([bytes], name, { type: name.endsWith('.png') ? 'image/png' : '' }));
    }
    return made;
  }, files);
  await place.dispatchEvent('drop', { dataTransfer: transfer });
}

async function quickly(page: Page): Promise<void> {
  await region(page, 'Training').getByRole('button', { name: 'Change settings' }).click();
  await region(page, 'Training').getByLabel('Batch', { exact: true }).fill('2');
  await region(page, 'Training').getByLabel('Epochs', { exact: true }).fill('2');
}

test('a T5 is finetuned on sources with a target, and what was saved opens again', async ({ page }) => {
  const folder = await smallModelFolder({ name: 'small-t5', config: t5, words: 31 });
  await openFolder(page, folder, 'small-t5', '#finetune');
  const problems = watchConsole(page);
  await button(page, 'Begin on an empty page for it').click(slow);
  await page.getByRole('textbox', { name: 'Example 1, source' }).fill('w5 w9 w7');
  await page.getByRole('textbox', { name: 'Example 1, target' }).fill('w4');
  await page.getByRole('textbox', { name: 'Example 1, continuation' }).fill('w8');
  await button(page, 'Paste or open a table').click();
  await page.getByLabel(/^First the columns/).fill('prompt,continuation,image\nw5,w6,cat.png');
  await page.getByLabel('Add to those that are there').check();
  await button(page, 'Take the examples').click();
  await expect(page.getByRole('alert')).toContainText("The column 'image' can hold names of files");
  await page
    .getByLabel(/^First the columns/)
    .fill('prompt,target,continuation\nw5 w6 w7,w4,w9\nw5 w10 w7,w4 w2,w11\nw5 w12 w7,,w13\nw5 w14,w4,w15');
  await button(page, 'Take the examples').click();
  await expect(page.getByRole('listitem', { name: 'Example 3' }).getByLabel('Example 3, target')).toHaveValue(
    'w4 w2',
  );
  // The tokens of the source, and behind the decoder's first those of the target with what is taught.
  await expect(page.getByRole('listitem', { name: 'Example 3' }).locator('.tune-tokens')).toHaveText(
    [/w5\s*w10\s*w7/, /w0\s*w4\s*w2.*w11/],
    slow,
  );
  await quickly(page);
  await expectFits(page, 'tune-t5');
  await button(page, /^Run/).click();
  await expect(page.getByText('Computed here')).toBeVisible(slow);
  await expect(region(page, 'Before and after')).toContainText('all steps', slow);
  const text = await savedJson(page);
  const result = readFinetuneResult(JSON.parse(text));
  expect(result.experiment.data[0]).toEqual({
    prompt: { prompt: 'w5 w9 w7', target: 'w4' },
    continuation: 'w8',
  });
  expect(result.experiment.data[3]).toEqual({ prompt: 'w5 w12 w7', continuation: 'w13' });
  const ask = region(page, 'Ask it');
  await ask.getByLabel('Source').fill('w5 w9');
  await ask.getByLabel('Target').fill('w4');
  await ask.getByLabel('New tokens').fill('2');
  await ask.getByRole('button', { name: 'Answer, with and without' }).click();
  await expect(ask.getByRole('region', { name: 'By itself' })).toContainText('Its first token has', slow);
  await button(page, 'Empty page').click();
  await dropFile(page, 'finetune.json', text);
  await expect(page.getByRole('textbox', { name: 'Example 1, target' })).toHaveValue('w4', slow);
  await expect(region(page, 'Before and after')).toContainText('all steps');
  expect(problems).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('a ViT is finetuned on pictures that are dropped on a row, with the names of its classes', async ({
  page,
}) => {
  const preprocessor = { size: 24, resample: 3 };
  const folder = await smallModelFolder({ name: 'small-vit', config: vit, preprocessor, words: 31 });
  await openFolder(page, folder, 'small-vit', '#finetune');
  const problems = watchConsole(page);
  await button(page, 'Begin on an empty page for it').click(slow);
  await expect(page.locator('.tune-examples')).toContainText('Example 1 has no picture. Choose one', slow);
  // A sound is refused where it is dropped, on the field and beside it, and the page takes it for no model.
  const sound = `${folder}/tone.wav`;
  writeFileSync(sound, tone());
  for (const place of [
    page.getByLabel('Example 1, picture'),
    page.getByRole('listitem', { name: 'Example 1' }),
  ]) {
    await dropOn(place, [sound]);
    await expect(page.getByRole('alert').last()).toHaveText(
      "'tone.wav' is neither a PNG nor a JPEG picture. Convert it to one.",
    );
  }
  await expect(page.getByRole('alert')).toHaveCount(2);
  // Several are the row's also where they fall on its one field.
  await dropOn(page.getByLabel('Example 1, picture'), [picture('wide'), picture('grey')]);
  await expect(page.getByRole('listitem', { name: 'Example 2' })).toContainText('grey.png');
  await expect(
    page.getByRole('listitem', { name: 'Example 1' }).locator('.seen-thumbnail image'),
  ).toHaveCount(1);
  await expect(page.locator('datalist#class-names option')).toHaveCount(3);
  await page.getByLabel('Example 1, class').fill('cot');
  await page.getByLabel('Example 2, class').fill('owl');
  await expect(page.locator('.tune-examples')).toContainText("The model has no class 'cot'", slow);
  await page.getByLabel('Example 1, class').fill('cat');
  await page.getByLabel('Held out, %').fill('50');
  await quickly(page);
  await region(page, 'Training').getByLabel('Batch', { exact: true }).fill('1');
  await expectFits(page, 'tune-vit');
  await button(page, /^Run/).click();
  await expect(page.getByText('Computed here')).toBeVisible(slow);
  await expect(region(page, 'Before and after')).toContainText('all steps', slow);
  await expect(region(page, 'What is said to held-out prompts')).toContainText(/(wide|grey)\.png/);
  const text = await savedJson(page);
  const { experiment } = readFinetuneResult(JSON.parse(text));
  expect(experiment.data.map(({ continuation }) => continuation)).toEqual(['cat', 'owl']);
  const ask = region(page, 'Ask it');
  await expect(ask).toContainText('There is no picture. Choose one, or drop it on its field.');
  await ask.getByLabel('Picture').setInputFiles(picture('wide'));
  await ask.getByRole('button', { name: 'Name its class, with and without' }).click();
  await expect(ask.getByRole('region', { name: 'By itself' })).toContainText(/cat|dog|owl/, slow);
  await button(page, 'Empty page').click();
  await dropFile(page, 'finetune.json', text);
  await expect(page.getByRole('listitem', { name: 'Example 2' })).toContainText('grey.png', slow);
  await button(page, 'Undo').first().click();
  await expect(page.getByRole('listitem', { name: 'Example 1' })).toContainText('has no picture');
  expect(problems).toEqual([]);
  rmSync(folder, { recursive: true });
});
