// What is wrong with an ONNX file that is chosen on the page, or with what is asked of it, each in a sentence where it is seen.

import { expect, type Page, test } from '@playwright/test';
import { externalFiles, partName } from '../src/imported/fixtures/externalOnnx.ts';
import { branchBytes, pairsBytes } from '../src/imported/fixtures/refusedOnnx.ts';
import { expectAccessible, watchConsole } from './pageChecks.ts';

test.describe.configure({ timeout: 120_000 });

const slow = { timeout: 60_000 };
let problems: readonly string[] = [];

test.beforeEach(({ page }) => {
  problems = watchConsole(page);
});

test.afterEach(() => {
  expect(problems, 'nothing is written to the console').toEqual([]);
});

const file = (name: string, content: Uint8Array | string) => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(content),
});

type Chosen = readonly ReturnType<typeof file>[];

const give = (page: Page, files: Chosen) =>
  page
    .getByLabel('Choose files', { exact: true })
    .last()
    .setInputFiles([...files]);

async function toChooser(page: Page): Promise<void> {
  await page.goto('./?backend=wasm');
  await page
    .getByRole('button', { name: /^Model:|Choose a model/ })
    .first()
    .click();
}

async function toTensors(page: Page, label: RegExp): Promise<void> {
  await expect(page.getByRole('button', { name: label })).toBeVisible(slow);
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  await page.getByRole('button', { name: 'Sweep over its tensors' }).click();
}

/** The bytes with one text in another's place, of as many letters. */
function renamed(bytes: Uint8Array, from: string, to: string): Uint8Array {
  expect(to).toHaveLength(from.length);
  return Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll(from, to), 'latin1');
}

test('weights that lie beside a file are asked for, must be whole, inside its folder and there once', async ({
  page,
}) => {
  const { model, part } = externalFiles();
  await toChooser(page);
  const dialog = page.getByRole('dialog');
  await give(page, [file('net.onnx', model)]);
  await expect(dialog).toContainText(
    /The weights are in 'model.onnx_data' \(0\.0 MB\), which is not here. Choose both files together./,
    slow,
  );
  await give(page, [file('net.onnx', model), file(partName, part.slice(0, 10))]);
  await expect(dialog).toContainText(/asks for bytes up to \d+ of 'model.onnx_data', which has 10./, slow);
  await expectAccessible(page);
  await give(page, [file('net.onnx', renamed(model, partName, '../secret.bin..')), file(partName, part)]);
  await expect(dialog).toContainText(/points outside the folder \('..\/secret.bin..'\); it is not/, slow);
  await give(page, [file('net.onnx', model), file(partName, part), file(partName, part)]);
  await expect(dialog).toContainText(
    /2 of the files are called 'model.onnx_data', and which of them belongs to 'net.onnx' cannot be told/,
    slow,
  );
  await give(page, [file('net.onnx', model), file('net.onnx', model)]);
  await expect(dialog).toContainText('There are 2 ONNX files (net.onnx, net.onnx). Choose one of them', slow);
  // Whatever the weights are called, and in a folder of their own.
  const named = renamed(model, partName, 'weights/encoder');
  await give(page, [file('net.onnx', named), file('encoder', part)]);
  await expect(page.getByRole('button', { name: /^Model: net.onnx/ })).toBeVisible(slow);
});

test('a tensor of the branch that is not taken is refused with what chooses the branch', async ({ page }) => {
  await toChooser(page);
  await give(page, [file('choice.onnx', branchBytes())]);
  await toTensors(page, /^Model: choice/);
  const sentence =
    /'relu' is computed in the branch of 'choice' that is not taken where chooses is false. .*--fix chooses=true/;
  const field = page.getByLabel('Another component or tensor');
  await field.fill('relu');
  await expect(field).toHaveAccessibleDescription(sentence);
  await field.fill('idle');
  await expect(field).toHaveAccessibleDescription(/'idle' bears on no output where chooses is false/);
  // A file may ask for it all the same.
  await page.getByRole('textbox', { name: /^x/ }).first().fill('[1, 1]');
  await page.getByRole('textbox', { name: /^x/ }).last().fill('[1, 0]');
  await page.getByText('The experiment as its file').click();
  await page.getByRole('textbox', { name: 'Experiment as JSON' }).click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(
    JSON.stringify({
      ...{ kind: 'tensors', version: 1, model: 'choice.onnx', clean: { x: { numbers: [1, 1] } } },
      ...{ ablation: { value: 0 }, sites: [{ site: 'relu' }] },
    }),
  );
  await expect(page.locator('#run-why')).toContainText(sentence, slow);
  await expect(page.locator('.site-list .field-problem')).toContainText(sentence);
  await expectAccessible(page);
});

test('a tensor of thousands of millions of numbers is refused by its size before it is computed', async ({
  page,
}) => {
  await toChooser(page);
  await give(page, [file('pairs.onnx', pairsBytes())]);
  await toTensors(page, /^Model: pairs/);
  await expect(page.getByRole('button', { name: /^Model: pairs/ })).toContainText('no repeated layers');
  await expect(page.locator('#run-why')).toContainText('Give the input down (float32 [batch, n, 1])');
  const down = Array.from({ length: 40_000 }, () => [1.5]);
  const across = [Array.from({ length: 30_000 }, () => 2.5)];
  await page.getByLabel('File for down, clean').setInputFiles([file('down.json', JSON.stringify(down))]);
  await page
    .getByLabel('File for across, clean')
    .setInputFiles([file('across.json', JSON.stringify(across))]);
  await page.getByLabel('What is put in comes from').selectOption('A number (ablation)');
  const field = page.getByLabel('Another component or tensor');
  if (!(await page.getByRole('button', { name: 'Do not sweep pairs' }).isVisible())) {
    await field.fill('pairs');
    await page.getByRole('button', { name: 'Sweep it too' }).click();
  }
  await expect(page.locator('#run-why')).toContainText(
    "'pairs' would hold 1,200,000,000 numbers (4.8 GB) with these inputs, [1, 40000, 30000]; more than 268,435,456 are",
    slow,
  );
});
