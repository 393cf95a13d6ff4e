// The rack while it is measured and the world goes on: a device that is lost half way, a run that is cancelled, a tab that is
// hidden. The engine is the real one, on WASM; what of a run reaches the page is held or lost between the two.

import { existsSync } from 'node:fs';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { lostSentence, nextRun, withLossyWorker } from './lossyWorker.ts';
import { button, expectAccessible, watchConsole } from './pageChecks.ts';

const root = new URL('../', import.meta.url);
test.skip(!existsSync(new URL('models/tiny-atlas/model.safetensors', root)), 'models/tiny-atlas is not here');
test.describe.configure({ timeout: 300_000 });

let problems: readonly string[] = [];
test.beforeEach(async ({ page }) => {
  problems = watchConsole(page);
  await withLossyWorker(page);
});
test.afterEach(() => {
  expect(problems, 'nothing is written to the console').toEqual([]);
});

const rack = (page: Page): Locator => page.getByRole('region', { name: 'Rack' });
const measured = (page: Page, value: RegExp): Locator =>
  rack(page)
    .getByRole('grid', { name: /^Measured/ })
    .getByRole('gridcell', { name: value });
const missing = (page: Page): Locator => measured(page, /not computed yet/);

async function open(page: Page): Promise<void> {
  await page.goto('./?backend=wasm#intervene');
  await expect(page.getByText(/^estimated in/)).toBeVisible({ timeout: 120_000 });
  await button(page, 'Heatmap').click();
}

/** Every cell that the grid has, and has a number. */
async function expectWhole(page: Page): Promise<void> {
  await expect(button(page, 'Measure all')).toBeVisible({ timeout: 120_000 });
  await expect(missing(page)).toHaveCount(0);
  expect(await measured(page, /share/).count()).toBeGreaterThan(8 * 10);
}

test('a device lost while the rack is measured is a sentence; the sockets stay, and the rest is measured', async ({
  page,
}) => {
  await open(page);
  await nextRun(page, 'lost', 2);
  await button(page, 'Measure all').click();
  await expect(rack(page).getByRole('alert')).toHaveText(
    `${lostSentence} What was measured stays; Measure the rest goes on from there.`,
  );
  const left = await missing(page).count();
  expect(left).toBeGreaterThan(0);
  expect(await measured(page, /share −?\d/).count()).toBeGreaterThan(0);
  await expectAccessible(page);
  await button(page, 'Measure the rest').click();
  await expectWhole(page);
  await expect(rack(page).getByRole('alert')).toBeHidden();
});

test('measuring that is cancelled in a hidden tab keeps its sockets, and goes on from there', async ({
  page,
}) => {
  await open(page);
  await nextRun(page, 'held', 2);
  await button(page, 'Measure all').click();
  const bar = rack(page).getByRole('progressbar', { name: 'Measuring' });
  await expect(bar).toBeVisible();
  await expect.poll(() => measured(page, /share −?\d/).count()).toBeGreaterThan(0);
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await button(page, 'Cancel').click();
  await expect(bar).toBeHidden();
  await expect(missing(page).first()).toBeAttached();
  // What the rack shows beside it does not take the rest for its own.
  await page.getByLabel('Component').selectOption('mlp_output');
  await expect(button(page, 'Measure all')).toBeVisible();
  await page.getByLabel('Component').selectOption('block_output');
  await button(page, 'Measure the rest').click();
  await expectWhole(page);
});

test('a preset’s sweep whose device is lost says so on the rack, and resumes to its whole figure', async ({
  page,
}) => {
  await open(page);
  await nextRun(page, 'lost', 2);
  const sweep = page.getByRole('region', { name: 'Sweep' });
  await button(page, 'Run the sweep').click();
  await expect(sweep.getByRole('alert')).toContainText(
    `${lostSentence} What had arrived is kept; Resume goes on from there.`,
  );
  await sweep.getByRole('button', { name: 'Resume' }).click();
  await expect(sweep).toContainText('Computed here', { timeout: 120_000 });
});
