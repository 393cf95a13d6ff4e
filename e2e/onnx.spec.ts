// A model that somebody exported as ONNX, chosen from the disk: its structure is shown, and a prompt is traced through it.

import { expect, type Page, test } from '@playwright/test';
import { type FileServer, serveHub } from '../src/checkpoint/expected/fileServer.ts';
import { externalFiles, partName } from '../src/imported/fixtures/externalOnnx.ts';
import { residualBytes } from '../src/imported/fixtures/smallOnnx.ts';
import { smallTokenBytes, smallTokens } from '../src/imported/fixtures/smallTokenOnnx.ts';
import { expectAccessible, watchConsole } from './pageChecks.ts';

test.describe.configure({ timeout: 120_000 });

const slow = { timeout: 60_000 };
let problems: readonly string[] = [];

test.beforeEach(({ page }) => {
  page.setDefaultTimeout(30_000);
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
  await expect(page.getByText("'tokenizer.json' is missing in small.onnx").first()).toBeVisible(slow);
  const half = smallTokenBytes().slice(0, 900);
  await page
    .getByLabel('Choose files', { exact: true })
    .last()
    .setInputFiles([file('small.onnx', half), words()]);
  await expect(page.getByText(/'small.onnx' is not an ONNX file/).first()).toBeVisible(slow);
});

/** The page of sweeps over the tensors of the model in use. */
async function toTensors(page: Page): Promise<void> {
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  await page.getByRole('button', { name: 'Sweep over its tensors' }).click();
}

test('a model that reads numbers shows its structure, asks for them, and is swept', async ({ page }) => {
  await page.goto('./?backend=wasm');
  await choose(page, [file('residual.onnx', residualBytes())]);
  await expect(page.getByRole('button', { name: /^Model: residual/ })).toBeVisible(slow);
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  const structure = page.getByRole('region', { name: 'Structure' });
  await expect(structure).toContainText('2 layers, x → y');
  await structure.getByRole('searchbox').fill('relu');
  await expect(structure.getByRole('status')).toHaveText('2 found');
  await expectAccessible(page);

  await toTensors(page);
  await expect(page.getByText('Give the input x (float32 [batch, 2])').first()).toBeVisible(slow);
  await page.getByRole('textbox', { name: /^x/ }).first().fill('[1, 1]');
  await page.getByRole('textbox', { name: /^x/ }).last().fill('[1, 0]');
  await page.getByLabel('Measured is').selectOption('scalar');
  await page.getByLabel('Another component or tensor').fill('act/Relu');
  await page.getByRole('button', { name: 'Sweep it too' }).click();
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const cells = page.getByRole('gridcell');
  await expect(cells).toHaveCount(4, slow);
  // (1, 0) + (1, 2) is (2, 2), and so (4, 4); (2, 0) + (3, 2) is (5, 2).
  for (const [at, value] of ['10.000', '10.000', '8.000', '7.000'].entries())
    await expect(cells.nth(at)).toHaveAttribute('aria-label', new RegExp(`\\b${value}\\b`));
  await expectAccessible(page);

  await page.getByLabel('Cells', { exact: true }).selectOption('gradient');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page.getByText('The cells are worked out to first order').first()).toBeVisible(slow);
  // The slope at the corrupted x1, (2, 0), is (2, 1), and at x2 (1, 1).
  for (const [at, value] of ['7.000', '10.000', '6.000', '7.000'].entries())
    await expect(cells.nth(at)).toHaveAttribute('aria-label', new RegExp(`\\b${value}\\b`));

  // In the clean run, where an ablation begins, the difference to it has no slope but zero.
  await page.getByLabel('What is put in comes from').selectOption('ablation');
  await page.getByLabel('Measured is').selectOption('squared');
  await expect(page.locator('#run-why')).toContainText(
    'it has no slope there but zero. Watch an entry, or leave "method" out to run each cell.',
    slow,
  );

  const edge = page.getByRole('button', { name: 'Tensor /layer.0/Add_output_0 [batch, 2]' }).first();
  await edge.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Do not sweep /layer.0/Add_output_0' })).toBeVisible();
});

test('on WebGPU the stages run on the GPU, which is listed, and give WASM’s numbers', async ({ page }) => {
  const swept: Record<string, readonly number[]> = {};
  for (const backend of ['wasm', 'webgpu']) {
    await page.goto('about:blank');
    await page.goto(`./?backend=${backend}`);
    await choose(page, [file('residual.onnx', residualBytes())]);
    await expect(page.getByRole('button', { name: /^Model: residual/ })).toBeVisible(slow);
    if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
    const stages = page.getByRole('table', { name: 'Stages' });
    if (backend === 'webgpu') {
      await expect(stages.getByRole('cell', { name: 'GPU', exact: true })).toHaveCount(3);
      await expect(page.getByText('3 of its 3 stages run on the GPU.').first()).toBeVisible();
      await expectAccessible(page);
    } else await expect(stages).toHaveCount(0);
    await toTensors(page);
    await page.getByRole('textbox', { name: /^x/ }).first().fill('[1, 1]');
    await page.getByRole('textbox', { name: /^x/ }).last().fill('[1, 0]');
    await page.getByLabel('Measured is').selectOption('scalar');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    const cells = page.getByRole('gridcell');
    await expect(cells).toHaveCount(2, slow);
    swept[backend] = (
      await cells.evaluateAll((all) => all.map((cell) => cell.getAttribute('aria-label') ?? ''))
    ).map((label) => Number(/(-?[\d.]+)\D*$/.exec(label)?.[1]));
  }
  expect(swept.wasm).toHaveLength(2);
  for (const [at, value] of (swept.wasm ?? []).entries()) expect(swept.webgpu?.[at]).toBeCloseTo(value, 3);
});

test('a model that reads no prompts says so on the pages of prompts', async ({ page }) => {
  await page.goto('./?backend=wasm');
  await choose(page, [file('residual.onnx', residualBytes())]);
  await expect(page.getByRole('button', { name: /^Model: residual/ })).toBeVisible(slow);
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Trace' }).click();
  await expect(
    page.getByText(/residual.onnx reads no (tokens|prompts)|'tokenizer.json' is missing/).first(),
  ).toBeVisible(slow);
});

test.describe('from an imitated Hub', () => {
  let hub: FileServer;
  test.beforeEach(async () => {
    const { model, part } = externalFiles();
    const files = { 'onnx/model.onnx': model, [`onnx/${partName}`]: part };
    hub = await serveHub({ repositories: { 'lab/net': files }, revisions: ['main'] });
  });
  test.afterEach(() => hub[Symbol.asyncDispose]());

  test('a file opens by its name, with the weights beside it', async ({ page }) => {
    await page.addInitScript(() => Object.defineProperty(navigator, 'serviceWorker', { value: undefined }));
    await page.goto('./?backend=wasm#model');
    await page
      .getByRole('button', { name: /^Model:|Choose a model/ })
      .first()
      .click();
    // Until there is a model its chooser stands on the page as well, and goes when the embedded one is there.
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Advanced', { exact: true }).click();
    await dialog.getByLabel('Address of the Hub').fill(hub.url);
    await dialog.getByLabel('Model id').fill('lab/net:onnx/model.onnx');
    await dialog.getByRole('button', { name: 'Load from the Hub' }).click();
    await expect(page.getByRole('button', { name: 'Model: lab/net@main:onnx/model.onnx' })).toBeVisible(slow);
    expect(hub.requests.some(({ path }) => path.endsWith(partName))).toBe(true);
  });
});
