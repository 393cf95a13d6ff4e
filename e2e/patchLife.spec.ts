// What happens to cables and sweeps of the Patch page while the world around them changes: a folder that leaves and comes
// back, a run that is cancelled in a hidden tab, a model that is exchanged. On the real engine, on WASM.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { unzipSync } from 'fflate';
import { smallGguf } from '../src/checkpoint/expected/smallFiles.ts';
import { button, dropFile, watchConsole } from './pageChecks.ts';

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

const effect = (page: Page): Locator => page.getByRole('region', { name: /^Next token/ });
const cables = (page: Page): Locator => page.getByRole('region', { name: 'Cables' }).getByRole('listitem');

async function openExample(page: Page, name: string): Promise<void> {
  await page.goto('./?backend=wasm#intervene');
  await expect(page.getByText(/^estimated in/)).toBeVisible({ timeout: 120_000 });
  await button(page, name).click();
  await expect(cables(page)).toHaveCount(1);
  await expect(effect(page)).toContainText(/in \d/, { timeout: 60_000 });
}

/** The ten tokens, as they are written. */
const probabilities = (page: Page): Promise<readonly string[]> =>
  effect(page).getByRole('table').first().locator('tbody tr').allTextContents();

test('what is saved for pyvene opens again as the folder that it is, with the same probabilities', async ({
  page,
}) => {
  await openExample(page, 'Activation addition');
  const before = await probabilities(page);
  const download = page.waitForEvent('download');
  await button(page, 'Save for pyvene').click();
  const files = unzipSync(readFileSync(await (await download).path()));
  const folder = join(mkdtempSync(join(tmpdir(), 'patchbay-pyvene-')), 'saved');
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(files))
    writeFileSync(join(folder, name.split('/').at(-1) ?? name), bytes);
  await cables(page).getByRole('button').press('Delete');
  await expect(cables(page)).toHaveCount(0);
  await expect.poll(() => probabilities(page)).not.toEqual(before);
  await page.getByLabel('A folder that pyvene saved').setInputFiles(folder);
  await expect(cables(page)).toHaveCount(1);
  await expect.poll(() => probabilities(page), { timeout: 60_000 }).toEqual(before);
});

test('a sweep that is cancelled keeps its cells, and the rest comes in a hidden tab', async ({ page }) => {
  await page.goto('./?backend=wasm#model');
  await expect(page.getByText('8 layers').first()).toBeVisible({ timeout: 120_000 });
  const file = JSON.parse(
    readFileSync(new URL('examples/patch/indirect-object-positions.json', root), 'utf8'),
  );
  const heads = ['attention_value_output', 'query_output', 'key_output', 'value_output'].map((name) => ({
    component: `head_${name}`,
    by: 'head-position',
  }));
  await dropFile(
    page,
    'long.json',
    JSON.stringify({ ...file, pairs: file.pairs.slice(0, 2), sweeps: [...file.sweeps, ...heads] }),
  );
  await expect(page.getByText(/[1-9]\d* of [\d,\s]+ cells/).first()).toBeVisible({ timeout: 60_000 });
  await button(page, 'Cancel').click();
  await expect(page.getByText(/Cancelled\. [\d,\s]+ cells are kept\./)).toBeVisible();
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await button(page, 'Resume').click();
  await expect(page.getByRole('region', { name: /, figure$/ })).toContainText('Computed here', {
    timeout: 120_000,
  });
  await expect(page).toHaveTitle(/^Sweep done/);
});

test('cables that another model has no place for hang unused, and act again when theirs is back', async ({
  page,
}) => {
  await openExample(page, 'Activation addition');
  const before = await probabilities(page);
  const choose = () =>
    page
      .getByRole('button', { name: /^Model:/ })
      .first()
      .click();
  await choose();
  await page
    .getByLabel('Choose files', { exact: true })
    .last()
    .setInputFiles({
      name: 'small.gguf',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(smallGguf('llama')),
    });
  await expect(page.getByRole('button', { name: /^Model: small/ })).toBeVisible({ timeout: 60_000 });
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
  await expect(page.getByText('These hang unused')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Cables' })).toContainText(/layer|width/i);
  await choose();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: /tiny-atlas|embedded/i })
    .first()
    .click();
  await expect(page.getByRole('button', { name: /^Model: tiny-atlas/ })).toBeVisible({ timeout: 60_000 });
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
  await expect(page.getByText('These hang unused')).toBeHidden();
  await expect.poll(() => probabilities(page), { timeout: 60_000 }).toEqual(before);
});
