// What every page of an experiment shares, on the Trace page over a fake engine: undo, files that open, runs that outlive a
// reload, marks by touch, the address, and where the focus is.

import { readFileSync } from 'node:fs';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { type FakeEngine, openPage } from './fakeEngine.ts';
import { fakeModel } from './fakeModel.ts';
import { button, dropFile, watchConsole } from './pageChecks.ts';

const small = fakeModel('small', 6, 128, 4);
let problems: readonly string[] = [];

test.beforeEach(({ page }) => {
  problems = watchConsole(page);
});

test.afterEach(() => {
  expect(problems, 'nothing is written to the console').toEqual([]);
});

const open = (page: Page, changes: Partial<FakeEngine> = {}) =>
  openPage(page, { model: small, place: 'Trace', ...changes });
const prompt = (page: Page): Locator => page.getByRole('textbox', { name: 'Prompt' });
const figure = (page: Page): Locator => page.getByRole('region', { name: /^Where |^Figure/ });
const pageTab = (page: Page, name: string): Locator =>
  page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name });
const done = (page: Page): Promise<void> => expect(figure(page)).toContainText('Computed here');
const marked = (page: Page): Locator => page.getByRole('listbox').getByRole('option', { selected: true });
const eiffel = 'The Eiffel Tower is located in the city of';

test('undo and redo lead through prompt, subject and settings, by keys and by buttons', async ({ page }) => {
  await open(page);
  await done(page);
  await expect(button(page, 'Undo')).toHaveAttribute('aria-disabled', 'true');
  const selected = marked(page);
  await prompt(page).fill('The Louvre is in');
  await expect(selected).toHaveText(['·Louvre']);
  await page.getByRole('option', { name: /^space is,/ }).click();
  await button(page, 'Change settings').click();
  await page.getByLabel('Samples', { exact: true }).fill('7');

  // In a text field of the document, where the browser has an undo of its own.
  await page.keyboard.press('Control+z');
  await expect(page.getByLabel('Samples', { exact: true })).toHaveValue('10');
  await expect(selected).toHaveText(['·is']);
  await page.keyboard.press('Control+z');
  await expect(selected).toHaveText(['·Louvre']);
  await button(page, 'Undo').click();
  await expect(prompt(page)).toHaveValue(eiffel);
  await expect(figure(page)).toContainText('Computed here');
  await page.keyboard.press('Control+Shift+z');
  await expect(prompt(page)).toHaveValue('The Louvre is in');
  await button(page, 'Redo').click();
  await button(page, 'Redo').click();
  await expect(page.getByLabel('Samples', { exact: true })).toHaveValue('7');
  await expect(button(page, 'Redo')).toHaveAttribute('aria-disabled', 'true');
});

test('an example opened over what was half typed says so, and one undo brings that back', async ({
  page,
}) => {
  await open(page);
  await done(page);
  await prompt(page).fill('The Louvre is in');
  await button(page, 'Indirect object').click();
  const notice = page.getByRole('region', { name: 'About what stood here' });
  await expect(notice).toContainText('one undo brings it back');
  await notice.getByRole('button', { name: 'Undo' }).click();
  await expect(prompt(page)).toHaveValue('The Louvre is in');
  await expect(notice).toBeHidden();
});

test('a saved result opens where it is dropped, and a broken one is a sentence', async ({ page }) => {
  await open(page);
  await done(page);
  await prompt(page).fill('The Louvre is in');
  await button(page, 'Run').click();
  await done(page);
  const download = page.waitForEvent('download');
  await button(page, 'Save as JSON').click();
  const saved = readFileSync(await (await download).path(), 'utf8');
  await prompt(page).fill('Something else');
  await expect(figure(page)).toContainText('Of an earlier input');
  await dropFile(page, 'trace-louvre.json', saved);
  await expect(figure(page)).toContainText('From a file');
  await expect(prompt(page)).toHaveValue('The Louvre is in');
  const notice = page.getByRole('region', { name: 'About this file' });
  const refused = [
    ['half.json', saved.slice(0, saved.length / 2), 'is not complete JSON'],
    ['newer.json', JSON.stringify({ ...JSON.parse(saved), version: 9 }), 'Use a newer Patchbay'],
    ['other.json', JSON.stringify({ ...JSON.parse(saved), kind: 'patch-result' }), 'put together from two'],
    ['none.json', '{"a": 1}', 'not an experiment of Patchbay'],
  ] as const;
  for (const [name, text, words] of refused) {
    await dropFile(page, name, text);
    await expect(notice).toContainText('This file was not opened.');
    await expect(notice).toContainText(words);
    await notice.getByRole('button', { name: 'Dismiss' }).click();
    await expect(notice).toBeHidden();
  }
  await expect(figure(page)).toContainText('From a file');
  await dropFile(page, 'eiffel.json', readFileSync('examples/eiffel-tower.json', 'utf8'));
  await expect(prompt(page)).toHaveValue(eiffel);
  await done(page);
});

test('a finished run survives a reload, and is not computed again', async ({ page }) => {
  await open(page);
  await done(page);
  await prompt(page).fill('The Louvre is in');
  await button(page, 'Run').click();
  await done(page);
  await expect.poll(() => page.url()).toContain('#v1.');
  await page.reload();
  await expect(figure(page)).toContainText('Computed here earlier, kept in this browser');
  await expect(prompt(page)).toHaveValue('The Louvre is in');
  await expect(page.getByText('in use is')).toBeHidden();
  await expect(button(page, 'Run again')).toBeVisible();
});

test.describe('by touch', () => {
  test.use({ hasTouch: true, viewport: { width: 390, height: 844 } });

  test('two taps mark from the first token to the last, and undo takes a stray tap back', async ({
    page,
  }) => {
    await open(page);
    await done(page);
    const selected = marked(page);
    const before = await selected.allTextContents();
    await page.getByRole('option', { name: /^space located,/ }).tap();
    await expect(selected).toHaveText(['·located']);
    await page.getByRole('option', { name: /^space the,/ }).tap();
    await expect(selected).toHaveText(['·located', '·in', '·the']);
    await page.getByRole('option', { name: /^The,/ }).tap();
    await expect(selected).toHaveText(['The']);
    while ((await button(page, 'Undo').getAttribute('aria-disabled')) === 'false')
      await button(page, 'Undo').tap();
    await expect(selected).toHaveText(before);
  });
});

test('the way back to the first entry shows what stood there, and the Model page has an address', async ({
  page,
}) => {
  await open(page);
  await done(page);
  const first = page.url();
  await prompt(page).fill('The Louvre is in');
  await button(page, 'Run').click();
  await done(page);
  await expect.poll(() => page.url()).toContain('#v1.');
  const link = page.url();
  await pageTab(page, 'Model').click();
  await expect.poll(() => page.url()).toContain('#model');
  await page.goBack();
  await expect(prompt(page)).toHaveValue('The Louvre is in');
  expect(page.url()).toBe(link);
  await expect(figure(page)).toContainText('Computed here');
  await page.goBack();
  await expect(prompt(page)).toHaveValue(eiffel);
  expect(page.url()).toBe(first);
  await page.goto(`${first.split('#')[0]}#model`);
  await page.reload();
  await expect(page.getByRole('region', { name: 'Next token' })).toBeVisible();
});

test('the focus stays at the run when its button goes, and returns to a cell from a dialog', async ({
  page,
}) => {
  await open(page, { hangAtBatch: 3 });
  await prompt(page).fill('The Louvre is in');
  await expect(button(page, 'Run')).toHaveAttribute('aria-disabled', 'false');
  await button(page, 'Run').focus();
  await page.keyboard.press('Enter');
  await expect(button(page, 'Cancel')).toBeFocused();
  // Before the first cells there is nothing to go on from, and the button would be Run again.
  const bar = page.getByRole('progressbar', { name: 'Tracing' });
  await expect(bar).toHaveAttribute('aria-valuenow', '38');
  await page.keyboard.press('Enter');
  await expect(button(page, 'Resume')).toBeFocused();
  await page.keyboard.press('Enter');
  await done(page);
  await expect(button(page, 'Run again')).toBeFocused();

  await page.keyboard.press('f');
  await expect(page.locator('#figure')).toBeFocused();
  const cell = page
    .getByRole('grid', { name: /Residual state/ })
    .getByRole('gridcell')
    .first();
  await cell.focus();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Words and shortcuts' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(cell).toBeFocused();
});

test('a list of models that was opened while the embedded one loads stays open', async ({ page }) => {
  await open(page, { stepMs: 150 });
  await page.getByRole('button', { name: /^Model:/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Choose a model' });
  await expect(dialog.getByRole('heading', { name: 'In use' })).toBeVisible();
  await expect(dialog).toBeVisible();
});

test('pinned cells are compared, and the strongest of each panel is named', async ({ page }) => {
  await open(page);
  await done(page);
  const cell = page.getByRole('region', { name: /^(Strongest cell|Cell)$/ });
  await expect(cell).toContainText('The strongest of MLP.');
  await expect(
    cell.getByRole('list', { name: 'The strongest cell of each panel' }).getByRole('listitem'),
  ).toHaveCount(3);
  const grid = page.getByRole('grid', { name: /Residual state/ });
  await grid.getByRole('gridcell').first().focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  // 0.1 + 0.6 · 1 / 6 and 0.1 + 0.6 · 2 / 6.
  const rows = cell.getByRole('table', { name: 'Pinned cells' }).getByRole('row');
  await expect(rows.nth(1)).toContainText(/Residual state 0.*0\.200.*17.%/);
  await expect(rows.nth(2)).toContainText(/Residual state 1.*0\.300.*33.%/);
});
