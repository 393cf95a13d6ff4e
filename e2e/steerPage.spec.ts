// The Steer page: examples with their stored results before there is a model, and on the real engine with the embedded model a
// vector made by keyboard, what it does to a text, stopping, links and files.

import { existsSync } from 'node:fs';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { openPage } from './fakeEngine.ts';
import { button, expectAccessible, expectFits, inEveryLook, makeNarrow, watchConsole } from './pageChecks.ts';

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

const column = (page: Page, name: string): Locator => page.getByRole('region', { name, exact: true });
const token = (page: Page): Locator => page.getByRole('region', { name: 'The token that is pointed at' });

/** An empty page on the real engine. */
async function openEmpty(page: Page): Promise<void> {
  await page.goto('./?backend=wasm#steer');
  await expect(button(page, /^Model: .*tiny-atlas/)).toBeVisible({ timeout: 120_000 });
  await button(page, 'Start empty').click();
  await expect(page.getByRole('textbox', { name: 'Prompt', exact: true })).toHaveValue('');
}

const pairs = [
  ['The Trevi Fountain', 'The Orsay Museum'],
  ['The Spanish Steps', 'The Bastille Opera'],
  ['The Piazza Navona', 'The Pont Neuf'],
  ['The Roman Forum', 'The Grand Palais'],
] as const;

/** A vector from Paris to Rome, by keys alone. */
async function makeByKeyboard(page: Page): Promise<void> {
  await button(page, 'Make one of texts').focus();
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Text 1 towards' }).focus();
  for (const [place, [towards, away]] of pairs.entries()) {
    await page.keyboard.insertText(towards);
    await page.keyboard.press('Tab');
    await page.keyboard.insertText(away);
    if (place + 1 === pairs.length) break;
    if ((await page.getByRole('textbox', { name: `Text ${place + 2} towards` }).count()) === 0) {
      await button(page, 'Add a pair').focus();
      await page.keyboard.press('Enter');
    }
    await page.getByRole('textbox', { name: `Text ${place + 2} towards` }).focus();
  }
}

test('an example is there before a model, and accessible in every look', async ({ page }) => {
  await makeNarrow(page);
  await openPage(page, { place: 'Trace', fragment: '#steer', isEmbeddedServed: false });
  await inEveryLook(page, async () => {
    await expect(column(page, 'Unsteered')).toContainText('Paris');
    await expect(column(page, 'Steered')).not.toContainText('Paris');
    await expect(token(page)).toContainText('Before');
    await expect(page.getByText('Stored result')).toBeVisible();
  });
  // What can be opened is looked at as well.
  await button(page, 'More').first().click();
  await page
    .getByRole('button', { name: /^Open / })
    .first()
    .click();
  await expectFits(page, 'steer');
});

test('a vector is made by keyboard, moves the prediction, is turned off by a key, and comes back by its link', async ({
  page,
  context,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openEmpty(page);
  await makeByKeyboard(page);
  await page
    .getByRole('textbox', { name: 'Prompt', exact: true })
    .fill('The Louvre Museum can be found in the city of');
  await page.getByRole('textbox', { name: 'At layers', exact: true }).fill('1');
  await button(page, 'More').click();
  await page.getByLabel('Of the prompt').selectOption('all');
  await page.getByRole('textbox', { name: 'Strength of vector', exact: true }).fill('0.6');
  await expect(page.getByRole('list', { name: 'Where the edits act' })).toHaveText(
    /vector acts at positions 1 to \d+ of the prompt/,
  );
  await button(page, 'Run').focus();
  await page.keyboard.press('Enter');
  await expect(column(page, 'Unsteered').getByRole('option').first()).toHaveText('·Paris', {
    timeout: 120_000,
  });
  const steered = column(page, 'Steered').getByRole('option').first();
  await expect(steered).not.toHaveText('·Paris');
  await expect(steered).toHaveAttribute('aria-label', /here the text parts from the unsteered one/);
  await expect(page.getByText('Computed here', { exact: true })).toBeVisible({ timeout: 60_000 });
  // By its key to the token's numbers, by another to the edit.
  await steered.focus();
  await expect(token(page)).toContainText('steered, new token 1');
  await expect(token(page).getByRole('table', { name: 'Before' })).toContainText('·Paris');
  await expect(token(page)).toContainText('Projection on vector');
  await expect(page.locator('[data-spoken]')).toHaveText(/Steered: .*\./);
  await expect(page.getByText(/× vector = .* σ of projections/)).toBeVisible();
  await page.keyboard.press('1');
  await expect(page.getByRole('switch', { name: 'Apply vector' })).not.toBeChecked();
  await expect(page.getByText(/No edit is on/).first()).toBeVisible();
  await page.keyboard.press('1');
  await expect(page.getByText('Computed here', { exact: true })).toBeVisible();
  await expectAccessible(page);
  await button(page, 'Copy link').click();
  await expect(page.getByText(/^Link copied/)).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const other = await context.newPage();
  await other.goto(link);
  await expect(other.getByRole('textbox', { name: 'Prompt', exact: true })).toHaveValue(/Louvre/);
  await expect(column(other, 'Unsteered').getByRole('option').first()).toHaveText('·Paris', {
    timeout: 120_000,
  });
  await expect(other.getByRole('textbox', { name: 'Strength of vector', exact: true })).toHaveValue('0.6');
});

test('what was said stays when it is stopped, and what cannot be is a sentence at its field', async ({
  page,
}) => {
  await openEmpty(page);
  await button(page, 'Random').click();
  await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill('The');
  await button(page, /^Texts/).click();
  await page.getByRole('textbox', { name: 'New tokens' }).first().fill('10001');
  await expect(
    page.getByText('The number of new tokens must be a whole number from 1 to 10,000.').first(),
  ).toBeVisible();
  await page.getByRole('textbox', { name: 'New tokens' }).first().fill('60');
  await page.getByRole('textbox', { name: 'Temperature' }).fill('4');
  await page.getByRole('textbox', { name: 'Samples' }).fill('16');
  await page.getByRole('textbox', { name: 'Strength of random', exact: true }).fill('x');
  await expect(page.getByText('The strength must be a number, such as 0.5.').first()).toBeVisible();
  await page.getByRole('textbox', { name: 'Strength of random', exact: true }).fill('0.1');
  await button(page, 'Run').click();
  await expect(page.locator('[data-standing="filling"]')).toBeVisible({ timeout: 120_000 });
  const said = column(page, 'Steered').getByRole('option');
  await expect(said.first()).toBeVisible({ timeout: 120_000 });
  await button(page, 'Cancel').click();
  await expect(column(page, 'Steered')).toContainText('Stopped here; the text is kept.');
  await expect(said.first()).toBeVisible();
  await expect(button(page, 'Resume')).toBeVisible();
  await page.getByLabel('A file of a vector').setInputFiles({
    name: 'other.json',
    mimeType: 'application/json',
    buffer: Buffer.from('[1, 2, 3]'),
  });
  await expect(page.getByText(/“other” has 3 numbers.*it was made for another model/)).toBeVisible();
});

test('a chat has turns, a system prompt, and shows what the model reads', async ({ page }) => {
  await openPage(page, { place: 'Trace', fragment: '#steer', isChatting: true });
  await button(page, 'Chat').click();
  await page.getByRole('textbox', { name: 'You' }).fill('Where is the Louvre?');
  await button(page, 'Add a system prompt').click();
  await page.getByRole('textbox', { name: 'System' }).fill('Be brief.');
  await page.getByText(/^As the model reads it/).click();
  await expect(page.getByText('<|system|>Be brief.<|user|>Where is the Louvre?<|assistant|>')).toBeVisible();
  await expectAccessible(page);
});
