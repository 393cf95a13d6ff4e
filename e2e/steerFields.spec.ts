// The controls of the Steer page over a stand-in for the engine: names, lines of texts, what a file brings, chats, and the curves
// of a stored sweep.

import { expect, type Locator, type Page, test } from '@playwright/test';
import { openPage } from './fakeEngine.ts';
import { button, expectAccessible, expectNoSidewaysScroll, watchConsole } from './pageChecks.ts';

let problems: readonly string[] = [];
test.beforeEach(({ page }) => {
  problems = watchConsole(page);
});
test.afterEach(() => {
  expect(problems, 'nothing is written to the console').toEqual([]);
});

const box = (page: Page, name: string): Locator => page.getByRole('textbox', { name, exact: true });
const applied = (page: Page, name: string): Locator =>
  page.getByRole('switch', { name: `Apply ${name}`, exact: true });

test('a name is taken when its field is left, and a name that another has is not', async ({ page }) => {
  await openPage(page, { place: 'Trace', fragment: '#steer' });
  await button(page, 'Start empty').click();
  await button(page, 'Random').click();
  await button(page, 'Random').click();
  await button(page, 'Open random 2').click();
  // Letter by letter it is another's name on the way.
  await box(page, 'Name').fill('');
  await box(page, 'Name').pressSequentially('random');
  await expect(page.getByText('Another vector is called “random”', { exact: false })).toBeVisible();
  await expect(applied(page, 'random 2')).toBeVisible();
  await box(page, 'Name').pressSequentially(' walk');
  await box(page, 'Name').press('Enter');
  await expect(applied(page, 'random walk')).toBeVisible();
  await expect(applied(page, 'random')).toBeVisible();
  await button(page, 'Undo').first().click();
  await expect(box(page, 'Name')).toHaveValue('random 2');
  // An edit gets a name of its own behind "More", where its unit is too once it sets a projection.
  await button(page, 'More').first().click();
  await page.getByLabel('What it does').selectOption('set');
  await expect(page.getByText('Write a number, such as 0: “to” of the map.').first()).toBeVisible();
  await expect(page.getByLabel('Unit of its numbers')).toHaveValue('relative');
});

test('a line with one side is a problem where pairs are wanted, and is said at the line', async ({
  page,
}) => {
  await openPage(page, { place: 'Trace', fragment: '#steer' });
  await button(page, 'Start empty').click();
  await button(page, 'Make one of texts').click();
  await box(page, 'Text 1 towards').fill('Good');
  await box(page, 'Text 1 away').fill('Bad');
  await box(page, 'Text 2 towards').fill('Fine');
  await expect(page.getByText('1 pair and 1 text alone', { exact: true })).toBeVisible();
  await page.getByLabel('Method').selectOption('pca-centred');
  const line = page.getByRole('listitem').filter({ has: box(page, 'Text 2 towards') });
  await expect(line.last()).toContainText('Line 2 has no text away');
  await expectAccessible(page);
});

for (const width of [1440, 390])
  test(`a sweep of one layer has curves, and what its file brings is named, at ${width}`, async ({
    page,
  }) => {
    await page.setViewportSize({ width, height: 900 });
    await openPage(page, { place: 'Trace', fragment: '#steer', isEmbeddedServed: false });
    await button(page, 'Effect and cost over strength').click();
    const curves = page.getByRole('img', { name: /reaches and costs by its strength/ });
    await expect(curves).toBeVisible();
    await expect(curves).toContainText('4 line charts over strength (relative)');
    await expect(page.getByText('a divergence of at most 2 for the cell that is chosen')).toBeVisible();
    await expectAccessible(page);
    await expectNoSidewaysScroll(page);
    const saving = page.waitForEvent('download');
    await button(page, 'Save these curves').click();
    expect((await saving).suggestedFilename()).toMatch(/-strengths\.svg$/);
    await button(page, 'Save the vectors').click();
    const along = page.getByRole('status').filter({ hasText: /^Saved .*\.zip with/ });
    await expect(along).toContainText('steer_pyvene.py');
    await expect(along).not.toContainText('.py.py');
    await button(page, 'Drop: a divergence of at most 2 for the cell that is chosen').click();
    await expect(page.getByText('a divergence of at most 2')).toHaveCount(0);
  });

test('a chat that cannot be sent says why and keeps its turns; it is forked, and changed into a text and back', async ({
  page,
}) => {
  await openPage(page, { place: 'Trace', fragment: '#steer', isChatting: true });
  await button(page, 'Start empty').click();
  await box(page, 'Prompt').fill('Where is the Louvre?');
  await button(page, 'Chat').click();
  await expect(box(page, 'You')).toHaveValue('Where is the Louvre?');
  await button(page, 'Send').click();
  await expect(page.getByRole('alert')).toContainText('Make a vector first');
  await button(page, 'Fork').click();
  await expect(page.getByLabel('Which of 2 prompts')).toHaveValue('1');
  await box(page, 'You').fill('And the Prado?');
  await page.getByLabel('Which of 2 prompts').selectOption('0');
  await expect(box(page, 'You')).toHaveValue('Where is the Louvre?');
  await button(page, 'Text').click();
  await expect(box(page, 'Prompt')).toHaveValue('Where is the Louvre?');
  await button(page, 'Chat').click();
  await page.getByLabel('Which of 2 prompts').selectOption('1');
  await expect(box(page, 'You')).toHaveValue('And the Prado?');
  await expectAccessible(page);
});
