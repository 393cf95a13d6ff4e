// A model that somebody exported as ONNX, chosen from the disk: its structure is shown, and a prompt is traced through it.

import { expect, type Page, test } from '@playwright/test';
import { smallTokenBytes, smallTokens } from '../src/imported/fixtures/smallTokenOnnx.ts';
import { expectAccessible, watchConsole } from './pageChecks.ts';

test.describe.configure({ timeout: 300_000 });

const slow = { timeout: 120_000 };
let problems: readonly string[] = [];

test.beforeEach(({ page }) => {
  problems = watchConsole(page);
});

test.afterEach(() => {
  expect(problems, 'nothing is written to the console').toEqual([]);
});

const tokenizer = {
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  model: {
    type: 'WordLevel',
    vocab: Object.fromEntries(Array.from({ length: smallTokens.words }, (_, id) => [`w${id}`, id])),
    unk_token: 'w0',
  },
};

const file = (name: string, content: Uint8Array | string) => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(content),
});

const model = () => file('small.onnx', smallTokenBytes());
const words = () => file('tokenizer.json', JSON.stringify(tokenizer));

async function choose(page: Page, files: readonly ReturnType<typeof file>[]): Promise<void> {
  await page
    .getByRole('button', { name: /^Model:|Choose a model/ })
    .first()
    .click();
  await page
    .getByLabel('Choose files', { exact: true })
    .last()
    .setInputFiles([...files]);
}

test('an ONNX file opens with its layers and components, and a prompt is traced through it', async ({
  page,
}) => {
  await page.goto('./?backend=wasm');
  await choose(page, [model(), words()]);
  await expect(page.getByRole('button', { name: /^Model: small/ })).toBeVisible(slow);
  await expect(page.getByRole('button', { name: /^Model: small/ })).toContainText('2 layers');
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');

  await page.getByRole('textbox', { name: 'Prompt' }).fill('w1 w5 w9 w2');
  const chips = page.getByRole('listbox').getByRole('option');
  await expect(chips).toHaveCount(4, slow);
  await chips.nth(1).click();
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page.getByRole('gridcell')).toHaveCount(3 * smallTokens.layers * 4, slow);
  await expect(page.getByText('Opened as ONNX').first()).toBeVisible();

  await page.goto(`${page.url().split('#')[0]}#model`);
  await expect(page.locator('[data-site]').first()).toBeVisible(slow);
  await expectAccessible(page);
});

test('a file without its tokenizer, and one that is cut off, are refused with a sentence', async ({
  page,
}) => {
  await page.goto('./?backend=wasm');
  await choose(page, [model()]);
  await expect(page.getByText("tokenizer.json is not beside 'small.onnx'").first()).toBeVisible(slow);
  const half = smallTokenBytes().slice(0, 900);
  await page
    .getByLabel('Choose files', { exact: true })
    .last()
    .setInputFiles([file('small.onnx', half), words()]);
  await expect(page.getByText(/'small.onnx' is not an ONNX file/).first()).toBeVisible(slow);
});
