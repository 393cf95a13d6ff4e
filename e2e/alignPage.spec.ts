// The Align page on the real engine, on WASM, with the embedded model: a task declared by keyboard from an empty page, trained,
// cancelled and gone on with; its numbers are those of Node. What is wrong is said at its field.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { openModel } from '../src/checkpoint/openNode.ts';
import { resolveAlign } from '../src/experiments/align/resolve.ts';
import { type AlignResult, readAlignResult } from '../src/experiments/align/result.ts';
import { completeAlign } from '../src/experiments/align/work.ts';
import { createNodeBackend } from '../src/runtime/backends/nodeBackend.ts';
import { Model } from '../src/runtime/model.ts';
import { button, expectFits, makeNarrow, region, watchConsole } from './pageChecks.ts';

const folder = new URL('../models/tiny-atlas/', import.meta.url);
test.skip(!existsSync(new URL('model.safetensors', folder)), 'models/tiny-atlas is not here');
test.describe.configure({ timeout: 400_000 });

const slow = { timeout: 120_000 };

let problems: readonly string[] = [];
test.beforeEach(({ page }) => {
  problems = watchConsole(page);
});
test.afterEach(() => {
  expect(problems, 'nothing is written to the console').toEqual([]);
});

/** A field of the training; what is trained again has fields of the same names. */
const setting = (page: Page, label: string): Locator =>
  page.getByRole('region', { name: 'Training', exact: true }).getByLabel(label, { exact: true });

async function open(page: Page): Promise<void> {
  await page.goto('./?backend=wasm#align');
  await expect(region(page, 'Can the model do it?')).toContainText('311 of 311', slow);
}

async function type(page: Page, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    if (key === 'Tab' || key === 'Enter') await page.keyboard.press(key);
    else await page.keyboard.insertText(key);
  }
}

const names = ['Adam', 'Alan', 'Brian', 'David', 'Alice', 'Amy', 'Claire', 'Emily'];
const isHe = (name: string) => names.indexOf(name) < 4;

/** From an empty page, by keys alone: three variables, the prompt, the label, what is interchanged. */
async function declareGender(page: Page): Promise<void> {
  await button(page, 'Empty page').focus();
  await page.keyboard.press('Enter');
  await type(page, 'Tab', 'Tab', 'Tab', 'Tab', 'name', 'Tab', 'Tab', names.join('\n'), 'Tab', 'Enter');
  await expect(page.getByRole('textbox', { name: 'Variable' }).nth(1)).toBeFocused();
  const genders = names.map((name) => `${name} = ${isHe(name) ? 'male' : 'female'}`).join('\n');
  await type(page, 'gender', 'Tab', 'Tab', 'Tab', 'name', 'Tab', genders, 'Tab', 'Enter');
  await expect(page.getByRole('textbox', { name: 'Variable' }).nth(2)).toBeFocused();
  await type(page, 'pronoun', 'Tab', 'Tab', 'Tab', 'gender', 'Tab', 'male = he\nfemale = she', 'Tab', 'Tab');
  await type(page, 'We all like {name} because', 'Tab', ' {pronoun}', 'Tab', 'gender', 'Tab');
  await page.keyboard.press('Control+a');
  await type(page, '96', 'Tab', 'pronoun');
  await expect(region(page, 'Can the model do it?')).toContainText('8 of 8', slow);
}

async function onNode({ experiment }: AlignResult): Promise<AlignResult> {
  const checkpoint = await openModel(folder.pathname);
  const backend = createNodeBackend(1);
  const model = await Model.load(checkpoint, backend);
  try {
    return await completeAlign(
      model,
      resolveAlign(model.architecture, await checkpoint.tokenizer(), experiment),
    );
  } finally {
    await model.dispose();
    await backend.close();
    await checkpoint.close();
  }
}

async function savedResult(page: Page): Promise<AlignResult> {
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Save as JSON').click()]);
  return readAlignResult(JSON.parse(readFileSync(await download.path(), 'utf8')));
}

test('gender is declared by keyboard, trained, cancelled, gone on with, and hangs as a cable', async ({
  page,
  context,
}) => {
  await open(page);
  await declareGender(page);
  await expect(region(page, 'Examples')).toContainText('gender comes from the source');
  await page.getByLabel('Layers', { exact: true }).fill('2, 5-7');
  await page.getByLabel('Positions', { exact: true }).fill('name');
  await button(page, 'Change settings').click();
  await setting(page, 'Epochs').fill('8');
  await expect(page.getByText(/^4 sites · /)).toBeVisible(slow);
  await button(page, 'Run').click();
  const bar = page.getByRole('progressbar', { name: 'Training' });
  await expect(bar).toContainText(/[1-3] of 4 sites/, slow);
  await button(page, 'Cancel').click();
  await expect(page.getByText(/^Cancelled\. [1-3] sites are kept\.$/)).toBeVisible(slow);

  // Another tab finds what was trained.
  const other = await context.newPage();
  await other.goto('./?backend=wasm#align');
  const offer = region(other, 'About an unfinished alignment');
  await expect(offer).toContainText(/[1-3] of 4 sites are kept/, slow);
  await offer.getByRole('button', { name: 'Open it' }).click();
  await expect(button(other, 'Resume')).toBeVisible(slow);
  await other.close();

  await button(page, 'Resume').click();
  await expect(page.getByText(/^Computed here$/)).toBeVisible(slow);
  const found = await savedResult(page);
  const expected = await onNode(found);
  expect(found.sites).toHaveLength(4);
  found.sites.forEach((site, index) => {
    const node = expected.sites[index];
    const losses = site?.steps.loss ?? [];
    expect(losses).toHaveLength(40);
    losses.forEach((loss, step) => {
      expect(Math.abs(loss - (node?.steps.loss[step] ?? Number.NaN))).toBeLessThan(2e-3);
    });
    expect(site?.final?.testAccuracy).toBeCloseTo(node?.final?.testAccuracy ?? Number.NaN, 6);
    expect(site?.final?.controlAccuracy).toBeCloseTo(node?.final?.controlAccuracy ?? Number.NaN, 6);
  });

  // The curves as a table, as a screen reader has them.
  await button(page, 'Curves as a table').click();
  const table = page.getByRole('table', { name: /^Loss, learning rate/ });
  await expect(table.getByRole('row')).toHaveCount(41);
  const [site] = found.sites;
  await expect(table.getByRole('row').last()).toContainText(site?.steps.loss.at(-1)?.toFixed(4) ?? '-');

  const learned = region(page, /^What was learned at layer 2 at name/);
  await expect(learned).toContainText('of the prompts lie nearest the mean of their own value', slow);
  await button(page, 'Hang it as a cable').click();
  const effect = region(page, /^Next token, before and with the cable/);
  await expect(effect.getByRole('row').nth(1)).toContainText(/·(he|she)/, slow);
  const rows = await effect.getByRole('table').first().getByRole('row').allTextContents();
  const shares = (word: string) =>
    (rows.find((row) => row.startsWith(`·${word}`))?.match(/[\d.]+(?=\s%)/g) ?? []).map(Number);
  const [[heWas = 0, heIs = 0], [sheWas = 0, sheIs = 0]] = [shares('he'), shares('she')];
  expect(Math.sign(heWas - sheWas)).toBe(-Math.sign(heIs - sheIs));
  expect(Math.max(heIs, sheIs)).toBeGreaterThan(50);
});

test('what cannot be trained is said at its field, and nothing is lost', async ({ page }) => {
  await open(page);
  const said = (label: string) =>
    setting(page, label)
      .or(region(page, 'Task').getByLabel(label, { exact: true }))
      .evaluate(
        (field) => document.getElementById(field.getAttribute('aria-describedby') ?? '')?.textContent,
      );
  const expectSaid = async (label: string, value: string, sentence: RegExp, at = label) => {
    const field = setting(page, label).or(region(page, 'Task').getByLabel(label, { exact: true }));
    const before = await field.inputValue();
    await field.fill(value);
    await expect.poll(() => said(at), slow).toMatch(sentence);
    await field.fill(before);
    await expect(field).toHaveAttribute('aria-invalid', 'false', slow);
  };
  await expectSaid('Parents of gender', 'nam', /not declared/);
  await expectSaid('Parents of gender', 'pronoun', /in a circle/);
  await expectSaid('Table of pronoun', 'male = he', /says nothing of/);
  await expectSaid('Table of pronoun', 'male = he\nfemale = he', /have the label/, 'Interchanged');
  await expectSaid('Positions', 'nam, last', /no 'nam'/);
  await expectSaid('Rank', '129', /at most 128/);
  await expectSaid('Kept to test, %', '0.1', /leaves 0 to test/);
  await button(page, 'Change settings').click();
  await expectSaid('Batch', '500', /only 160 examples/);
  await expect(page.getByText(/^16 sites · /)).toBeVisible(slow);

  // A rate that diverges ends its site with a sentence, and the last good parameters.
  await page.getByLabel('Layers', { exact: true }).fill('7');
  await page.getByLabel('Positions', { exact: true }).fill('last');
  await setting(page, 'Epochs').fill('1');
  await setting(page, 'Learning rate').fill('1e30');
  await button(page, 'Run').click();
  await expect(region(page, /^Training of layer 7/)).toContainText('give a lower learning rate', slow);
});

test('the folder of a training opens here again, and one without its task says where it opens', async ({
  page,
}, info) => {
  await open(page);
  const [whole, bare] = ['whole', 'bare'].map((name) => info.outputPath(name));
  for (const made of [whole, bare]) mkdirSync(made ?? '', { recursive: true });
  const stored = new URL('../examples/align/results/gender-declared.json', import.meta.url);
  copyFileSync(stored, `${whole}/result.json`);
  writeFileSync(`${bare}/config.json`, '{}');
  await page.getByLabel('A folder of a training').setInputFiles(bare ?? '');
  await expect(page.getByText(/holds no result\.json/)).toBeVisible();
  await page.getByLabel('A folder of a training').setInputFiles(whole ?? '');
  await expect(region(page, 'The gender of a name, its causal model declared in the file')).toContainText(
    'From a file',
  );
  await expect(page.getByLabel('Layers', { exact: true })).toHaveValue('2, 7');
  await expect(region(page, /^What was learned at layer 2 at name/)).toContainText('logits', slow);
});

test('the page is accessible in every look', async ({ page }) => {
  await makeNarrow(page);
  await open(page);
  await expect(region(page, /^What was learned/)).toContainText('standard deviations apart', slow);
  await expectFits(page, 'align');
  await button(page, 'Curves as a table').click();
  await page.getByText('Train this site again with other settings').click();
  await page.getByText('A table of pairs').click();
  await button(page, 'Change settings').click();
  await expectFits(page, 'align-opened');
});
