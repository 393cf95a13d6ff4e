// The controls of sweeps, paths and attributions, on the real engine, on WASM, with the embedded model: what people change of
// an experiment without a line of JSON, each mistake at its field, and the text of the file beside them both ways.

import { existsSync, readFileSync } from 'node:fs';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { readAttributionResult } from '../src/experiments/attribute/result.ts';
import { readPatchResult } from '../src/experiments/patch/result.ts';
import { button, dropFile, expectFits, makeNarrow, watchConsole } from './pageChecks.ts';

const root = new URL('../', import.meta.url);
test.skip(!existsSync(new URL('models/tiny-atlas/model.safetensors', root)), 'models/tiny-atlas is not here');
test.describe.configure({ timeout: 300_000 });

let problems: readonly string[] = [];
test.beforeEach(({ page }) => {
  problems = watchConsole(page);
});
test.afterEach(() => {
  expect(problems, 'nothing is written to the console').toEqual([]);
});

const figure = (page: Page): Locator => page.getByRole('region', { name: /, figure$/ });
const field = (page: Page, name: string): Locator => page.getByLabel(name, { exact: true });
const run = (page: Page): Locator => page.getByRole('button', { name: /^Run/ });

async function open(page: Page, name: 'patch' | 'path' | 'attribute'): Promise<void> {
  await page.goto(`./?backend=wasm#${name}`);
  await expect(figure(page)).toContainText(/Stored result|Reproduced here/, { timeout: 120_000 });
}

async function savedJson(page: Page): Promise<unknown> {
  const download = page.waitForEvent('download');
  await button(page, 'Save as JSON').click();
  return JSON.parse(readFileSync(await (await download).path(), 'utf8'));
}

const pair = {
  clean: 'After Paul and Mark had lunch at the market, Paul gave a basket to',
  corrupted: 'After Paul and Mark had lunch at the market, Mark gave a basket to',
};

/** One pair alone, typed. */
async function typePair(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^\d+ pairs$/ }).click();
  await button(page, 'Only the first pair').click();
  await field(page, 'Clean').fill(pair.clean);
  await field(page, 'Corrupted').fill(pair.corrupted);
  // The answers of the pair that stood there are not those of this one, and the page says so.
  await page.getByRole('button', { name: 'Watch “Mark” against “Paul”' }).click();
  await expect(page.getByRole('button', { name: /^Answer:/ })).toHaveText(/·Mark/);
  await expect(page.getByRole('button', { name: /^Distractor:/ })).toHaveText(/·Paul/);
}

test('a sweep is put together by its controls alone, runs, and is undone step by step', async ({ page }) => {
  await open(page, 'patch');
  await typePair(page);
  await field(page, 'Preset').selectOption('headPositions');
  await field(page, 'Component').selectOption('head_query_output');
  await field(page, 'Heads').fill('0, 2-3');
  await field(page, 'Positions').fill('last');
  await field(page, 'Layers together').fill('3');
  await field(page, 'Direction').selectOption('corrupt');
  await expect(field(page, 'Preset')).toHaveValue('own');
  await expect(run(page)).toHaveAttribute('aria-disabled', 'false');
  await run(page).click();
  await expect(figure(page)).toContainText('Computed here', { timeout: 120_000 });
  const { experiment } = readPatchResult(await savedJson(page));
  expect(experiment).toMatchObject({
    kind: 'patch',
    pairs: [{ ...pair, answer: ' Mark', distractor: ' Paul' }],
    direction: 'corrupt',
    sweeps: [
      { component: 'head_query_output', by: 'head-position', window: 3, heads: [0, 2, 3], positions: 'last' },
    ],
  });
  while ((await button(page, 'Undo').getAttribute('aria-disabled')) !== 'true')
    await button(page, 'Undo').click();
  await expect(field(page, 'Preset')).toHaveValue('streams');
  await expect(field(page, 'Direction')).toHaveValue('restore');
  await expect(page.getByText(/^Pair 1 of \d+$/)).toBeVisible();
});

test('each mistake is a sentence at its field, and what stood there runs no more until it is right', async ({
  page,
}) => {
  await open(page, 'patch');
  await typePair(page);
  await field(page, 'Preset').selectOption('headPositions');
  const expectWrong = async (name: string, text: string, words: RegExp) => {
    const before = await field(page, name).inputValue();
    await field(page, name).fill(text);
    await expect(field(page, name)).toHaveAccessibleDescription(words);
    await expect(field(page, name)).toHaveAttribute('aria-invalid', 'true');
    await expect(run(page)).toHaveAttribute('aria-disabled', 'true');
    await expect(field(page, name)).toHaveValue(text);
    await field(page, name).fill(before);
    await expect(run(page)).toHaveAttribute('aria-disabled', 'false');
  };
  await expectWrong('Layers together', '99', /the model has 8 layers/);
  await expectWrong('Layers together', 'two', /whole number of layers/);
  await expectWrong('Heads', '3, 40', /names head 40/);
  await expectWrong('Positions', 'first', /numbers and ranges/);
  await expectWrong('Positions', '90', /names position 90/);
  await expectWrong(
    'Corrupted',
    'Mark gave a basket to',
    /the clean prompt has \d+ tokens, the corrupted one \d+/,
  );
  await expectWrong('Corrupted', '', /Type the corrupted prompt/);
  await expectWrong('Clean', ' ', /Type the clean prompt/);
});

test('a table of pairs is pasted, a missing column is said, and any of its pairs is shown and changed', async ({
  page,
}) => {
  await open(page, 'patch');
  await page.getByRole('button', { name: /^\d+ pairs$/ }).click();
  const form = page.getByRole('form', { name: 'Table of pairs' });
  await form.getByRole('textbox').fill('clean,answer\nx, y');
  await button(page, 'Take the pairs').click();
  await expect(form.getByRole('alert')).toContainText("The table has no column 'corrupted'");
  const rows = ['Paul', 'Mark'].map((name) =>
    [
      `"${pair.clean.replace('Paul gave', `${name} gave`)}"`,
      `"${pair.clean.replace('Paul gave', `${name === 'Paul' ? 'Mark' : 'Paul'} gave`)}"`,
    ].join(','),
  );
  await form.getByRole('textbox').fill(['clean,corrupted', ...rows].join('\n'));
  await button(page, 'Take the pairs').click();
  await expect(page.getByText('Pair 1 of 2')).toBeVisible();
  await button(page, 'Show pair 2').click();
  await expect(field(page, 'Clean')).toHaveValue(pair.corrupted);
  await field(page, 'Clean').fill('');
  await expect(button(page, 'Show pair 2, something in it is to be put right')).toBeVisible();
  await button(page, 'Remove this pair').click();
  await expect(field(page, 'Clean')).toHaveValue(pair.clean);
  await button(page, 'Run').click();
  await expect(figure(page)).toContainText('Computed here', { timeout: 120_000 });
});

test('an ablation asks for its prompts, and gives the second prompt back when it goes', async ({ page }) => {
  await open(page, 'patch');
  await typePair(page);
  await field(page, 'In its place').selectOption('resample');
  await expect(field(page, 'Corrupted')).toBeHidden();
  await expect(field(page, 'Prompts, one a line')).toHaveValue(`${pair.clean}\n${pair.corrupted}`);
  await field(page, 'Draws for each pair').fill('5');
  await expect(field(page, 'Draws for each pair')).toHaveAccessibleDescription(/draws 5 prompts/);
  await field(page, 'Draws for each pair').fill('1');
  await field(page, 'In its place').selectOption('mean');
  await button(page, 'Run').click();
  await expect(figure(page)).toContainText('Computed here', { timeout: 120_000 });
  expect(readPatchResult(await savedJson(page))).toMatchObject({
    meanOver: 'each position',
    corrupted: null,
  });
  await field(page, 'In its place').selectOption('none');
  await expect(field(page, 'Corrupted')).toHaveValue(pair.corrupted);
});

test('a path says who sends and who receives what, and its text and its fields follow each other', async ({
  page,
}) => {
  await open(page, 'path');
  await typePair(page);
  await field(page, 'Preset').selectOption('paths');
  await field(page, 'What receives').selectOption('head_query_output');
  await field(page, 'Heads that receive').fill('0.0');
  await expect(field(page, 'Heads that receive')).toHaveAccessibleDescription(/no head comes before them/);
  await field(page, 'Heads that receive').fill('7.0, 7.');
  await expect(field(page, 'Heads that receive')).toHaveAccessibleDescription(/written layer.head/);
  await field(page, 'Heads that receive').fill('7.0, 7.1');
  await field(page, 'Heads that send').fill('3.0, 5.2');
  await field(page, 'MLPs between').selectOption('freeze');
  await page.getByText('The experiment as its file').click();
  await expect(page.locator('.cm-content')).toContainText('"mlps": "freeze"');
  const editor = page.getByRole('textbox', { name: 'Experiment as JSON' });
  await editor.click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(
    JSON.stringify({
      kind: 'path',
      version: 1,
      model: 'tiny-atlas',
      pairs: [{ ...pair, answer: ' Mark', distractor: ' Paul' }],
      direction: 'restore',
      senders: [[2, 1]],
      receivers: [{ component: 'head_key_output', heads: [[6, 3]] }],
    }),
  );
  await expect(field(page, 'Direction')).toHaveValue('restore');
  await expect(field(page, 'Heads that send')).toHaveValue('2.1');
  await expect(field(page, 'What receives')).toHaveValue('head_key_output');
  await expect(field(page, 'Heads that receive')).toHaveValue('6.3');
  await expect(field(page, 'MLPs between')).toHaveValue('recompute');
  await button(page, 'Run').click();
  await expect(figure(page)).toContainText('Computed here', { timeout: 120_000 });
});

test('an attribution is set to integrated gradients, of the components that are chosen', async ({ page }) => {
  await open(page, 'attribute');
  await typePair(page);
  for (const name of ['attention output', 'mlp output', 'head attention value output'])
    if (await field(page, name).isChecked()) await field(page, name).uncheck();
  await expect(field(page, 'block output')).toBeChecked();
  // At least one: the last stays, and the reason is there.
  await field(page, 'block output').click();
  await expect(page.getByText('name at least one').first()).toBeVisible();
  await field(page, 'mlp output').check();
  await field(page, 'Method').selectOption('integrated');
  await field(page, 'Steps').fill('0');
  await expect(field(page, 'Steps')).toHaveAccessibleDescription(/at least 1 step/);
  await field(page, 'Steps').fill('4');
  await field(page, 'Patch every cell too, and compare').uncheck();
  await button(page, 'Run').click();
  await expect(figure(page)).toContainText('Computed here', { timeout: 120_000 });
  const { experiment } = readAttributionResult(await savedJson(page));
  expect(experiment).toMatchObject({
    components: ['block_output', 'mlp_output'],
    steps: 4,
    compare: false,
  });
});

test('the fields are accessible in every look', async ({ page }) => {
  await makeNarrow(page);
  for (const name of ['patch', 'path', 'attribute'] as const) {
    await open(page, name);
    if (name === 'patch') await field(page, 'Layers together').first().fill('99');
    await expectFits(page, `sweep-${name}`);
    await page.goto('about:blank');
  }
});

test('a table that is dropped gives the page in view its pairs; a bad one, or one dropped elsewhere, is a sentence', async ({
  page,
}) => {
  await open(page, 'patch');
  await dropFile(page, 'pairs.csv', `clean,corrupted\n"${pair.clean}","${pair.corrupted}"\n`);
  await expect(field(page, 'Clean')).toHaveValue(pair.clean);
  await expect(button(page, 'Table of pairs')).toBeVisible();
  await dropFile(page, 'pairs.tsv', 'clean\tcorupted\na\tb\n');
  const notice = page.getByRole('region', { name: 'About this file' });
  await expect(notice).toContainText("The table has no column 'corrupted'");
  await expect(field(page, 'Clean')).toHaveValue(pair.clean);
  await page.goto('./?backend=wasm#intervene');
  await expect(page.getByRole('textbox', { name: 'Base' })).toBeVisible();
  await dropFile(
    page,
    'pairs.csv',
    `clean,corrupted\n"${pair.clean}","${pair.corrupted}"\n"${pair.corrupted}","${pair.clean}"\n`,
  );
  await expect(page.getByRole('textbox', { name: 'Base' })).toHaveValue(pair.corrupted);
  await expect(button(page, '2 pairs')).toBeVisible();
  await page.getByRole('button', { name: 'Trace', exact: true }).click();
  await dropFile(page, 'pairs.csv', 'clean,corrupted\na,b\n');
  await expect(notice).toContainText('The page Trace takes no table of pairs');
});
