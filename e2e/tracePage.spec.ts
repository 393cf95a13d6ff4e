// The Trace page over a fake engine: every state of prompt, subject, run, figure and link, with axe in both themes.

import { expect, type Locator, type Page, test } from '@playwright/test';
import { encodeLink } from '../src/share/link.ts';
import { type FakeEngine, openPage } from './fakeEngine.ts';
import { fakeModel } from './fakeModel.ts';
import { button, expectAccessible, expectFits, inEveryLook, makeNarrow, watchConsole } from './pageChecks.ts';

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
const chip = (page: Page, name: RegExp): Locator => page.getByRole('option', { name });
const subject = (page: Page): Promise<(string | null)[]> =>
  page
    .getByRole('listbox')
    .getByRole('option', { selected: true })
    .evaluateAll((chips) => chips.map((each) => each.textContent));
const figure = (page: Page): Locator => page.getByRole('region', { name: /^Where |^Figure/ });
const cell = (page: Page): Locator => page.getByRole('region', { name: /^(Strongest cell|Cell)$/ });
const done = (page: Page): Promise<void> => expect(figure(page)).toContainText('Computed here');

test('the page is accessible in every look', async ({ page }) => {
  await makeNarrow(page);
  await open(page);
  await done(page);
  await expectFits(page, 'trace');
  await button(page, 'Change settings').click();
  await page.getByLabel('Samples', { exact: true }).fill('0');
  await button(page, 'Table').click();
  await page.getByRole('button', { name: /^This cell in pyvene/ }).click();
  await expect(figure(page)).toContainText('Of an earlier input');
  await expectFits(page, 'trace-opened');
  await inEveryLook(page, async () => {
    await page.getByRole('button', { name: /^Answer/ }).click();
    await expect(page.getByRole('dialog', { name: 'Answer' })).toBeVisible();
    await expectAccessible(page);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog', { name: 'Answer' })).toBeHidden();
  });
});

test('the subject is marked by dragging, by a shift-click and by the keyboard', async ({ page }) => {
  await open(page);
  await done(page);
  await prompt(page).fill('The old Tower Bridge stands in the city of');
  await expect.poll(() => subject(page)).toEqual(['·Tower', '·Bridge']);
  await expect(page.getByText(/guessed/)).toBeVisible();

  await chip(page, /^The,/).hover();
  await page.mouse.down();
  await chip(page, /^space old,/).hover();
  await chip(page, /^space Tower,/).hover();
  await page.mouse.up();
  await expect.poll(() => subject(page)).toEqual(['The', '·old', '·Tower']);
  await expect(page.getByText(/guessed/)).toBeHidden();

  await chip(page, /^space old,/).click();
  await chip(page, /^space stands,/).click({ modifiers: ['Shift'] });
  await expect.poll(() => subject(page)).toEqual(['·old', '·Tower', '·Bridge', '·stands']);

  await chip(page, /^space Bridge,/).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => subject(page)).toEqual(['·Bridge']);
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await expect.poll(() => subject(page)).toEqual(['·Bridge', '·stands', '·in']);
  await page.keyboard.press('Shift+ArrowLeft');
  await expect.poll(() => subject(page)).toEqual(['·Bridge', '·stands']);
});

test('a subject that was marked stays with its words when the text around it changes', async ({ page }) => {
  await open(page);
  await done(page);
  await prompt(page).fill('The old Tower stands in');
  await chip(page, /^space old,/).click();
  await prompt(page).fill('Look, the old Tower stands in');
  await expect.poll(() => subject(page)).toEqual(['·old']);
});

test('a change marks the figure as of an earlier input at once, and undoing it takes the mark away', async ({
  page,
}) => {
  await open(page);
  await done(page);
  await chip(page, /^space city,/).click();
  await expect(figure(page)).toContainText('Of an earlier input');
  await expect(button(page, 'Run')).toBeVisible();
  await button(page, 'Run').click();
  await done(page);
  await page.getByRole('navigation', { name: 'Examples' }).getByRole('button').first().click();
  await expect(figure(page)).not.toContainText('Of an earlier input');
});

test('a run shows how far it is, is cancelled with its cells kept, and resumes to its end', async ({
  page,
}) => {
  await open(page, { hangAtBatch: 3 });
  await prompt(page).fill('The Louvre is in');
  await expect(page.getByText(/cells · .*layer passes/)).toBeVisible();
  await button(page, 'Run').click();
  const bar = page.getByRole('progressbar', { name: 'Tracing' });
  await expect(bar).toHaveAttribute('aria-valuenow', '38');
  await expect(bar).toHaveAttribute('aria-valuetext', /^\d+ of 72 cells/);
  await expect(figure(page)).toHaveAttribute('aria-busy', 'true');
  await button(page, 'Cancel').click();
  await expect(page.getByText(/^Cancelled\. \d+ cells are kept\.$/)).toBeVisible();
  await expect(figure(page)).toContainText('the rest not computed');
  await button(page, 'Resume').click();
  await done(page);
  await expect(figure(page).getByRole('gridcell', { name: /not computed yet/ })).toHaveCount(0);
});

test('a run that fails says why, and keeps what had arrived', async ({ page }) => {
  await open(page, { traceError: 'The device was lost.' });
  await prompt(page).fill('The Louvre is in');
  await button(page, 'Run').click();
  await expect(page.getByRole('alert')).toContainText('The device was lost. What had arrived is kept');
  await expect(button(page, 'Resume')).toBeVisible();
});

test('a device that is lost is a sentence, and the run goes on from the cells that had arrived', async ({
  page,
}) => {
  const traceError = 'The GPU device was lost (driver reset). Load the model again to go on.';
  await open(page, { traceError });
  await prompt(page).fill('The Louvre is in');
  await button(page, 'Run').click();
  await expect(page.getByRole('alert')).toContainText(
    `${traceError} What had arrived is kept; Resume goes on`,
  );
  const waiting = figure(page).getByRole('gridcell', { name: /not computed yet/ });
  expect(await waiting.count()).toBeLessThan(72);
  await button(page, 'Resume').click();
  await done(page);
  await expect(waiting).toHaveCount(0);
  await expect(page.getByRole('alert')).toBeHidden();
});

/** What the page is told when another tab comes in front of it, or goes. */
const setHidden = (page: Page, isHidden: boolean): Promise<void> =>
  page.evaluate(
    (visibilityState) => {
      Object.defineProperty(document, 'visibilityState', { configurable: true, value: visibilityState });
      document.dispatchEvent(new Event('visibilitychange'));
    },
    isHidden ? 'hidden' : 'visible',
  );

test('a run goes on in a hidden tab, whose title says how far it is and that it is over', async ({
  page,
}) => {
  await open(page, { hangAtBatch: 3 });
  await prompt(page).fill('The Louvre is in');
  await button(page, 'Run').click();
  await expect(page).toHaveTitle('37 % · Patchbay');
  await setHidden(page, true);
  await button(page, 'Cancel').click();
  await expect(page).toHaveTitle('Trace stopped · Patchbay');
  await button(page, 'Resume').click();
  await expect(page).toHaveTitle('Trace done · Patchbay');
  await done(page);
  await setHidden(page, false);
  await expect(page).toHaveTitle('Patchbay');
});

test('a model that the full storage could not keep is traced all the same, and the page says so', async ({
  page,
}) => {
  const notice =
    'The storage that this browser gives to the page is full, so small is not kept. It works all the same.';
  await open(page, { model: { ...small, notices: [notice] } });
  const notices = page.getByRole('region', { name: 'About this model' });
  await expect(notices).toContainText(notice);
  await prompt(page).fill('The Louvre is in');
  await button(page, 'Run').click();
  await done(page);
  await notices.getByRole('button', { name: 'Dismiss' }).click();
  await expect(notices).toBeHidden();
  await done(page);
});

test('cells are read, pinned and unpinned by pointer and by keyboard', async ({ page }) => {
  await open(page);
  await done(page);
  await expect(cell(page)).toContainText('Strongest cell');
  const grid = page.getByRole('grid', { name: /Residual state/ });
  const first = grid.getByRole('gridcell').first();
  await first.focus();
  await page.keyboard.press('ArrowRight');
  await expect(cell(page)).toContainText('Residual state, layer 1');
  await page.keyboard.press('Enter');
  await expect(cell(page).getByRole('button', { name: 'Pinned cell A' })).toHaveAttribute(
    'aria-pressed',
    'true',
  );
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await expect(cell(page)).toContainText('layer 2');
  // 0.1 + 0.6 · 3 / 6 of a clean 0.7 and a corrupted 0.1.
  await expect(cell(page)).toContainText(/Restored0\.400/);
  await expect(cell(page)).toContainText(/Recovered50 %/);
  await cell(page).getByRole('button', { name: 'Pinned cell A' }).click();
  await page.mouse.move(0, 0);
  await expect(cell(page)).toContainText('layer 1');
  await cell(page).getByRole('button', { name: 'Unpin A' }).click();
  await expect(cell(page).getByRole('button', { name: 'Pinned cell A' })).toBeHidden();
});

test('a stored figure names its tokens before there is a model', async ({ page }) => {
  await open(page, { hangAtStep: 0 });
  await expect(figure(page)).toContainText('Stored result');
  const top = cell(page).getByRole('table', { name: 'The most probable next tokens with this cell' });
  await expect(top.getByRole('rowheader').first()).toHaveText('·Paris');
  await expect(top).not.toContainText('#');
});

test('metric, colours, range and rows are views that need no run', async ({ page }) => {
  await open(page);
  await done(page);
  const grid = page.getByRole('grid', { name: /Residual state/ });
  await expect(grid.getByRole('gridcell').first()).toHaveAccessibleName(/probability 0\.200/);
  await page.getByLabel('Metric').selectOption('rank');
  await expect(grid.getByRole('gridcell').first()).toHaveAccessibleName(/rank 1/);
  await page.getByLabel('Metric').selectOption('divergence');
  await expect(grid.getByRole('gridcell').first()).toHaveAccessibleName(/divergence 0\.8/);
  await page.getByLabel('Colours').selectOption('cividis');
  await page.getByLabel('Range').selectOption('panel');
  await page.getByLabel('Rows').selectOption('layers-down');
  await expect(figure(page)).toContainText('Computed here');
  await button(page, 'Table').click();
  await expect(page.getByRole('table', { name: /Attention/ })).toContainText('0.8');
});

test('a damaged, a newer and a foreign link say so, and the page goes on', async ({ page }) => {
  const newer = await encodeLink({ trace: { kind: 'trace', version: 9 } });
  const cases = [
    ['#v1.AAAA', 'damaged'],
    ['#v7.AAAA', 'version 7'],
    [newer, 'newer Patchbay'],
    [await encodeLink({ unknown: 1 }), 'holds no trace'],
  ] as const;
  for (const [fragment, words] of cases) {
    await open(page, { fragment });
    const notice = page.getByRole('region', { name: 'About this link' });
    await expect(notice).toContainText('This link was not opened.');
    await expect(notice).toContainText(words);
    await done(page);
    await notice.getByRole('button', { name: 'Dismiss' }).click();
    await expect(notice).toBeHidden();
    await page.goto('about:blank');
  }
});

test('a link to another model says which, and offers ways on', async ({ page }) => {
  const trace = {
    kind: 'trace',
    version: 1,
    model: 'owner/large@main',
    prompt: 'The Louvre is in',
    subject: [1, 2],
  };
  await open(page, { fragment: await encodeLink({ trace }) });
  const notice = page.getByRole('region', { name: 'About this trace' });
  await expect(notice).toContainText('This trace is of owner/large@main; in use is tiny-atlas.');
  await expect(notice.getByRole('button', { name: 'Load owner/large@main' })).toBeVisible();
  await notice.getByRole('button', { name: 'Run on tiny-atlas' }).click();
  await done(page);
  await expect(prompt(page)).toHaveValue('The Louvre is in');
});

test('a run is a step in the history, and the way back shows its figure again', async ({ page }) => {
  await open(page);
  await done(page);
  await prompt(page).fill('The Louvre is in');
  await button(page, 'Run').click();
  await done(page);
  await expect.poll(() => page.url()).toContain('#v1.');
  const first = page.url();
  await prompt(page).fill('The Rhine is in');
  await expect(figure(page)).toContainText('Of an earlier input');
  await button(page, 'Run').click();
  await done(page);
  await expect.poll(() => page.url()).not.toBe(first);
  await page.goBack();
  await expect(prompt(page)).toHaveValue('The Louvre is in');
  await done(page);
  expect(page.url()).toBe(first);
  await page.goForward();
  await expect(prompt(page)).toHaveValue('The Rhine is in');
  await done(page);
});

test('what cannot be run is explained beside the button, and nothing is lost', async ({ page }) => {
  await open(page, { model: { ...small, maxPositions: 299 } });
  await done(page);
  const run = page.getByRole('button', { name: /^Run/ });
  const expectWhy = async (words: RegExp) => {
    await expect(run).toHaveAttribute('aria-disabled', 'true');
    await expect(run).toHaveAccessibleDescription(words);
  };
  await prompt(page).fill('');
  await expectWhy(/Type a prompt/);
  await prompt(page).fill('tower '.repeat(300).trim());
  await expectWhy(/300 tokens; a trace here takes at most 299/);
  await prompt(page).fill('The Louvre is in');
  await button(page, 'Change settings').click();
  const field = (name: string) => page.getByLabel(name, { exact: true });
  await field('Level').fill('0');
  await expectWhy(/level of 0 corrupts nothing/);
  await field('Level').fill('3');
  await field('Samples').fill('10000');
  await expectWhy(/At most 1,000 samples/);
  await field('Samples').fill('0');
  await expectWhy(/At least 1 sample/);
  await field('Samples').fill('2');
  await field('Window of MLP, in layers').fill('40');
  await expect(page.getByRole('list', { name: 'Worth knowing' })).toContainText('wider than the model');
  await field('How').selectOption('replace');
  await field('Text in its place').fill(' two words');
  await expectWhy(/another number of tokens/);
  await field('How').selectOption('zero');
  await expect(run).toHaveAttribute('aria-disabled', 'false');
});

test('prompts of one token, of emoji and of right-to-left text are traced', async ({ page }) => {
  await open(page);
  await done(page);
  for (const text of ['Paris', '🗼 is in 🇫🇷 and', 'برج إيفل في مدينة']) {
    await prompt(page).fill(text);
    await expect(button(page, 'Run')).toHaveAttribute('aria-disabled', 'false');
    await button(page, 'Run').click();
    await done(page);
  }
  await prompt(page).fill('Paris');
  await expect(page.getByRole('list', { name: 'Worth knowing' })).toContainText('whole prompt');
});

test('an answer that the model does not give is warned of; any token can be one', async ({ page }) => {
  await open(page);
  await done(page);
  await page.getByRole('button', { name: /^Answer/ }).click();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /London/ })
    .click();
  await expect(page.getByRole('list', { name: 'Worth knowing' })).toContainText(
    'own prediction is “Paris”, not “London”',
  );
  await page.getByRole('button', { name: /^Distractor/ }).click();
  await page.getByLabel('Another token').fill('Rome');
  await button(page, 'Use').click();
  await expect(page.getByRole('button', { name: /^Distractor/ })).toHaveText(/·Rome/);
});
