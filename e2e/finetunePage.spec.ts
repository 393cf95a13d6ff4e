// Finetuning on the Align page, on the real engine, on WASM, with the embedded model: examples typed and pasted by keyboard, a
// method trained, cancelled and gone on with; its numbers are those of Node. What is wrong is said at its field.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { unzipSync } from 'fflate';
import { openModel } from '../src/checkpoint/openNode.ts';
import { finetuneGrowth } from '../src/experiments/finetune/growth.ts';
import { resolveFinetune } from '../src/experiments/finetune/resolve.ts';
import { type FinetuneResult, readFinetuneResult } from '../src/experiments/finetune/result.ts';
import { finetuneWork } from '../src/experiments/finetune/work.ts';
import { completed } from '../src/experiments/growth.ts';
import { createNodeBackend } from '../src/runtime/backends/nodeBackend.ts';
import { Model } from '../src/runtime/model.ts';
import { encodeLink } from '../src/share/link.ts';
import { openPage } from './fakeEngine.ts';
import {
  button,
  dropFile,
  expectAccessible,
  expectNoSidewaysScroll,
  inEveryLook,
  makeNarrow,
  region,
  watchConsole,
} from './pageChecks.ts';

const folder = new URL('../models/tiny-atlas/', import.meta.url);
test.skip(!existsSync(new URL('model.safetensors', folder)), 'models/tiny-atlas is not here');
test.describe.configure({ timeout: 400_000 });

const slow = { timeout: 120_000 };
const within = 2e-3;

let problems: readonly string[] = [];
test.beforeEach(({ page }) => {
  problems = watchConsole(page);
});
test.afterEach(() => {
  expect(problems, 'nothing is written to the console').toEqual([]);
});

interface Row {
  readonly prompt: string;
  readonly continuation: string;
}

const readJson = (name: string) =>
  JSON.parse(readFileSync(new URL(`../examples/finetune/${name}.json`, import.meta.url), 'utf8'));
const country: { readonly data: readonly Row[]; readonly testData: readonly Row[] } = readJson('country');
const stored = readFinetuneResult(readJson('results/country'));

const training = (page: Page): Locator => region(page, 'Training');
const method = (page: Page, place = 1): Locator =>
  page.getByRole('listitem', { name: `Method ${place}`, exact: true });

async function open(page: Page): Promise<void> {
  await page.goto('./?backend=wasm#finetune');
  await expect(page.getByText('Stored result')).toBeVisible(slow);
  await expect(page.getByText(/^5 adapters · /)).toBeVisible(slow);
}

const csv = (rows: readonly Row[]): string =>
  ['prompt,continuation', ...rows.map((row) => `"${row.prompt}","${row.continuation}"`)].join('\n');

async function press(page: Page, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

/** From an empty page, by keys alone: two examples typed, the others pasted behind them. */
async function teachByKeyboard(page: Page): Promise<void> {
  const [first, second, ...others] = country.data;
  if (!first || !second) throw new Error('There are no examples.');
  await button(page, 'Empty page').focus();
  await press(page, 'Enter');
  await page.getByRole('textbox', { name: 'Example 1, prompt' }).focus();
  await page.keyboard.insertText(first.prompt);
  await press(page, 'Tab');
  await page.keyboard.insertText(first.continuation);
  await button(page, 'Add an example').focus();
  await press(page, 'Enter');
  await expect(page.getByRole('textbox', { name: 'Example 2, prompt' })).toBeFocused();
  await page.keyboard.insertText(second.prompt);
  await press(page, 'Tab');
  await page.keyboard.insertText(second.continuation);
  await button(page, 'Paste or open a table').focus();
  await press(page, 'Enter');
  await page.getByLabel(/^First the columns/).focus();
  await page.keyboard.insertText(csv(others));
  await press(page, 'Tab', 'Space', 'Tab', 'Tab', 'Enter');
  await expect(page.getByRole('navigation', { name: 'Rows of examples' })).toContainText('1 to 8 of 50');
  const layers = method(page).getByLabel('Layers', { exact: true });
  await layers.focus();
  await press(page, 'Control+a');
  await page.keyboard.insertText('3');
  await button(page, 'Change settings').focus();
  await press(page, 'Enter');
  for (const [label, value] of [
    ['Batch', '10'],
    ['Epochs', '60'],
    ['Learning rate', '0.02'],
    ['Look every', '5'],
  ] as const) {
    await training(page).getByLabel(label, { exact: true }).focus();
    await press(page, 'Control+a');
    await page.keyboard.insertText(value);
  }
}

async function onNode({ experiment }: FinetuneResult): Promise<FinetuneResult> {
  const checkpoint = await openModel(folder.pathname);
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend);
  try {
    const finetune = resolveFinetune(model.architecture, await checkpoint.tokenizer(), experiment);
    return await completed(finetuneWork.run(model, finetune, {}), finetuneGrowth());
  } finally {
    await model.dispose();
    await backend.close();
    await checkpoint.close();
  }
}

async function savedResult(page: Page): Promise<FinetuneResult> {
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Save as JSON').click()]);
  return readFinetuneResult(JSON.parse(readFileSync(await download.path(), 'utf8')));
}

test('the example stands there with its stored result before a model has been loaded', async ({ page }) => {
  await openPage(page, { place: 'Trace', fragment: '#align', hangAtStep: 3 });
  const within = page.getByRole('navigation', { name: 'Within Align' });
  await expect(within.getByRole('button')).toHaveText(['Alignment', 'Finetuning']);
  await within.getByRole('button', { name: 'Finetuning' }).click();
  await expect(page.getByText('Stored result')).toBeVisible();
  const measures = page.getByRole('table', { name: 'Exact match and loss, before and after' });
  await expect(measures.getByRole('row').nth(1)).toContainText('0.00');
  const match = stored.adapters[0]?.final?.test.match ?? Number.NaN;
  await expect(measures.getByRole('row').nth(2)).toContainText(`${(100 * match).toFixed(2)}`);
  await expect(region(page, 'What is said to held-out prompts')).toContainText('are right with LoReFT');
  await expect(page.getByText('A model is needed for it.')).toBeVisible();
});

test('taught by keyboard, cancelled, gone on with; the numbers are those of Node, and it answers', async ({
  page,
  context,
}) => {
  await open(page);
  await teachByKeyboard(page);
  await expect(page.getByText(/^1 adapter · /)).toBeVisible(slow);
  // The last token of the prompt is where the method acts.
  const [row] = await page.getByRole('listitem', { name: 'Example 1', exact: true }).all();
  await expect(row?.locator('[data-subject="true"]') ?? page.locator('none')).toHaveCount(1, slow);

  await button(page, 'Run').focus();
  await press(page, 'Enter');
  await expect(training(page).getByText(/step \d+ of 240/)).toContainText(/step [1-9]\d of/, slow);
  await button(page, 'Cancel').focus();
  await press(page, 'Enter');
  const cancelled = page.getByText(/^Cancelled\. 0 of 1 adapter and (\d+) steps of the next are kept\.$/);
  await expect(cancelled).toBeVisible(slow);

  // Another tab finds what was trained.
  const other = await context.newPage();
  await other.goto('./?backend=wasm#finetune');
  const offer = other.getByRole('region', { name: 'About an unfinished finetuning' });
  await expect(offer).toContainText(/0 of 1 adapter and \d+ steps of the next are kept/, slow);
  await offer.getByRole('button', { name: 'Open it' }).click();
  await expect(button(other, 'Resume')).toBeVisible(slow);
  await other.close();

  await button(page, 'Resume').focus();
  await press(page, 'Enter');
  await expect(page.getByText(/^Computed here$/)).toBeVisible(slow);
  const found = await savedResult(page);
  const expected = await onNode(found);
  const [own, node] = [found.adapters[0], expected.adapters[0]];
  const losses = own?.steps.loss ?? [];
  expect(losses).toHaveLength(240);
  losses.forEach((loss, step) => {
    expect(Math.abs(loss - (node?.steps.loss[step] ?? Number.NaN))).toBeLessThan(within);
  });
  expect(Math.abs((own?.final?.test.loss ?? Number.NaN) - (node?.final?.test.loss ?? 0))).toBeLessThan(
    within,
  );
  expect(own?.final?.test.match).toBe(node?.final?.test.match);
  expect(own?.answers).toEqual(node?.answers);

  // The curves as a table, as a screen reader has them.
  await button(page, 'Curves as a table').focus();
  await press(page, 'Enter');
  const table = page.getByRole('table', { name: /^Loss, learning rate/ });
  await expect(table.getByRole('row')).toHaveCount(241);
  await expect(table.getByRole('row').last()).toContainText(losses.at(-1)?.toFixed(4) ?? '-');

  // A landmark that was not taught, by itself and with the method.
  const asked = country.testData[1];
  if (!asked) throw new Error('There is nothing to ask.');
  const ask = region(page, 'Ask it');
  await ask.getByLabel('Prompt').focus();
  await page.keyboard.insertText(asked.prompt);
  await press(page, 'Tab', 'Tab', 'Enter');
  await expect(page.getByRole('region', { name: /^With LoReFT/ }).locator('b')).toContainText(
    asked.continuation.trim(),
    slow,
  );
  await expect(region(page, 'By itself').locator('b')).not.toContainText(asked.continuation.trim());
});

test('a tab that is closed in mid-training leaves what its last look had, and the next visit offers it', async ({
  page,
  context,
}) => {
  await open(page);
  const long = {
    ...readJson('country'),
    adapters: [{ type: 'LoReFT', rank: 1, layers: [3], positions: { last: 1 } }],
    training: { batchSize: 10, epochs: 2000, learningRate: 0.001, testEvery: 1 },
  };
  await dropFile(page, 'long.json', JSON.stringify(long));
  await expect(page.getByText(/^1 adapter · /)).toBeVisible(slow);
  await button(page, 'Run').click();
  await expect(training(page).getByText(/step \d+ of 10,000/)).toContainText(/step [1-9]\d of/, slow);
  await page.close();
  const next = await context.newPage();
  await next.goto('./?backend=wasm#finetune');
  const offer = next.getByRole('region', { name: 'About an unfinished finetuning' });
  await expect(offer).toContainText(/0 of 1 adapter and [1-9]\d* steps of the next are kept/, slow);
  await offer.getByRole('button', { name: 'Forget it' }).click();
  await expect(offer).toBeHidden();
  await next.reload();
  await expect(next.getByText('Stored result')).toBeVisible(slow);
  await expect(offer).toBeHidden();
});

test('what cannot be trained is said at its field, and nothing is lost', async ({ page }) => {
  await open(page);
  const saidAt = (field: Locator) =>
    field.evaluate(
      (element) => document.getElementById(element.getAttribute('aria-describedby') ?? '')?.textContent ?? '',
    );
  const expectSaid = async (field: Locator, value: string, sentence: RegExp) => {
    const before = await field.inputValue();
    await field.fill(value);
    await expect(field).toHaveAttribute('aria-invalid', 'true', slow);
    await expect.poll(() => saidAt(field), slow).toMatch(sentence);
    await field.fill(before);
    await expect(field).toHaveAttribute('aria-invalid', 'false', slow);
  };
  const first = (part: string) => page.getByRole('textbox', { name: `Example 1, ${part}`, exact: true });
  await expectSaid(first('prompt'), '', /^Example 1 has no prompt/);
  await expectSaid(first('continuation'), '', /^Example 1 has no continuation/);
  await expectSaid(first('prompt'), 'a '.repeat(200), /positions/);
  const lore = method(page);
  await button(page, 'Change method 1').click();
  await expectSaid(lore.getByLabel('Rank', { exact: true }), '129', /at most 128/);
  await expectSaid(lore.getByLabel('Layers', { exact: true }), '8', /no layer 8/);
  await expectSaid(lore.getByLabel('Last positions', { exact: true }), '0', /at least one position/);
  await button(page, 'Change settings').click();
  await expectSaid(training(page).getByLabel('Batch', { exact: true }), '51', /only 50 examples/);
  await expectSaid(training(page).getByLabel('Clip at', { exact: true }), '0', /above 0/);

  // A row that is wrong and out of view is led to.
  await page
    .getByRole('navigation', { name: 'Rows of examples' })
    .getByRole('button', { name: 'Later' })
    .click();
  await page.getByRole('textbox', { name: 'Example 12, continuation' }).fill('');
  await page
    .getByRole('navigation', { name: 'Rows of examples' })
    .getByRole('button', { name: 'Earlier' })
    .click();
  await button(page, 'Go to example 12, which cannot be used').click();
  await expect(page.getByRole('textbox', { name: 'Example 12, continuation' })).toBeFocused();
  await page.getByRole('textbox', { name: 'Example 12, continuation' }).fill(' France');

  // More positions than tokens: it acts on those that there are, and that is said before it runs.
  await lore.getByLabel('Last positions', { exact: true }).fill('40');
  await expect(training(page)).toContainText(/prompts have fewer positions than it asks for/, slow);
  await lore.getByLabel('Last positions', { exact: true }).fill('1');

  // A table that is none.
  await button(page, 'Paste or open a table').click();
  await page.getByLabel(/^First the columns/).fill('a,b\nc,d');
  await button(page, 'Take the examples').click();
  await expect(page.getByText(/'prompt' is not among them/)).toBeVisible();
  await page.keyboard.press('Escape');

  // A rate that diverges ends its method with a sentence, and the last good numbers stay.
  for (let left = 5; left > 1; left--) await button(page, `Remove method ${left}`).click();
  await lore.getByLabel('Method', { exact: true }).selectOption('NoReFT');
  await training(page).getByLabel('Optimiser', { exact: true }).selectOption('sgd');
  await training(page).getByLabel('Clip at', { exact: true }).fill('');
  await training(page).getByLabel('Learning rate', { exact: true }).fill('1e30');
  await button(page, 'Run').click();
  await expect(
    page.getByText(/so training stopped there and the last good parameters were kept/),
  ).toBeVisible(slow);
});

test('a file, a link, the table, the folders and the vector for the Steer page', async ({ page }, info) => {
  await open(page);
  // A link of the kind opens here, wherever the page is.
  const experiment = {
    ...stored.experiment,
    title: 'From a link',
    adapters: [{ type: 'SteeringVector', layers: [5] }],
  };
  await page.goto(`./?backend=wasm${await encodeLink({ finetune: experiment })}`);
  await expect(method(page).getByLabel('Layers', { exact: true })).toHaveValue('5', slow);
  await expect(method(page).getByLabel('Method', { exact: true })).toHaveValue('SteeringVector');

  // A file of examples, and a result.
  const file = info.outputPath('examples.json');
  writeFileSync(file, JSON.stringify(country.data.slice(0, 3)));
  await button(page, 'Paste or open a table').click();
  await page.getByLabel('A file of examples', { exact: true }).setInputFiles(file);
  await expect(page.getByRole('list', { name: 'Examples', exact: true }).getByRole('listitem')).toHaveCount(
    3,
  );
  await dropFile(page, 'result.json', JSON.stringify(stored));
  await expect(page.getByText('From a file')).toBeVisible(slow);

  const saved = async (name: string) => {
    const [download] = await Promise.all([page.waitForEvent('download'), button(page, name).click()]);
    return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
  };
  const zip = await saved('Save its folder');
  expect(zip.name).toBe('adapter-1-LoReFT-rank-1-layer-3-last-1.zip');
  const files = unzipSync(zip.bytes);
  expect(Object.keys(files)).toEqual(
    expect.arrayContaining(['config.json', 'numbers.safetensors', 'adapter.json', 'result.json']),
  );
  await expect(page.getByText(/It is for pyreft/)).toBeVisible();
  const again = readFinetuneResult(JSON.parse(new TextDecoder().decode(files['result.json'])));
  expect(again).toEqual(stored);
  expect((await saved('Save as safetensors')).name).toBe(
    'adapter-1-LoReFT-rank-1-layer-3-last-1.safetensors',
  );
  expect((await saved('Save as CSV')).bytes.toString()).toContain('adapter,prompt,continuation,said,match');
  expect((await saved('Save as SVG')).bytes.toString()).toContain('<svg');

  // A plain vector that makes every prompt go on with one word does the same on the Steer page.
  const word = ' Germany';
  const taught = (rows: readonly Row[]) => rows.map(({ prompt }) => ({ prompt, continuation: word }));
  const vector = {
    ...readJson('country'),
    title: 'One word',
    adapters: [{ type: 'SteeringVector', layers: [6], positions: { last: 1 } }],
    data: taught(country.data.slice(0, 20)),
    testData: taught(country.testData.slice(0, 4)),
    training: { batchSize: 10, epochs: 30, learningRate: 0.5, testEvery: 30 },
  };
  await dropFile(page, 'vector.json', JSON.stringify(vector));
  await expect(page.getByText(/^1 adapter · /)).toBeVisible(slow);
  await button(page, 'Run').click();
  await expect(page.getByText(/^4 of 4 are right with Steering vector/)).toBeVisible(slow);
  await button(page, 'Steer with it').click();
  await expect(page.getByRole('navigation', { name: 'Pages' }).locator('[aria-current="page"]')).toHaveText(
    'Steer',
  );
  await button(page, 'Run').click();
  await expect(region(page, 'Steered').first()).toContainText(word.trim(), slow);
  await expect(region(page, 'Unsteered').first()).not.toContainText(word.trim());
});

test('the page is accessible in every look', async ({ page }, info) => {
  const expectAllFits = (name: string) =>
    inEveryLook(page, async ({ width, colorScheme }) => {
      await page.screenshot({
        path: info.outputPath(`${name}-${width}-${colorScheme}.png`),
        fullPage: true,
      });
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
    });
  await makeNarrow(page);
  await open(page);
  await expect(page.locator('[data-subject="true"]').first()).toBeVisible(slow);
  await expectAllFits('page');
  await button(page, 'Curves as a table').click();
  await button(page, 'Change settings').click();
  await page.getByRole('radio', { name: /^Held out/ }).click();
  await page.getByRole('textbox', { name: 'Held-out example 2, continuation' }).fill('');
  // Tokens that come under the rows move what is below them: all have theirs but the one without a continuation.
  const rows = page.getByRole('list', { name: 'Held-out examples' }).getByRole('listitem');
  const withTokens = rows.filter({ has: page.locator('.tune-tokens') });
  await expect(withTokens).toHaveCount((await rows.count()) - 1, slow);
  await region(page, 'Ask it').getByLabel('Prompt').fill('The Reichstag is in the city of');
  await button(page, 'Answer, with and without').click();
  await expect(page.getByRole('region', { name: /^With LoReFT/ }).locator('b')).not.toBeEmpty(slow);
  await expectAllFits('opened');
});
