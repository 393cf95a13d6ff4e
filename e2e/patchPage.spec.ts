// The Patch page on the real engine, on WASM, with the embedded model: cables by mouse, by keys and by taps, what they do at
// once, pyvene's JSON and folders both ways, sweeps and links.

import { existsSync, readFileSync } from 'node:fs';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { readInterveneResult } from '../src/experiments/intervene/result.ts';
import { button, expectAccessible, expectFits, makeNarrow, watchConsole } from './pageChecks.ts';

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

const rack = (page: Page): Locator => page.getByRole('grid', { name: /^Sockets of/ });
const effect = (page: Page): Locator => page.getByRole('region', { name: /^Next token/ });
const cables = (page: Page): Locator => page.getByRole('region', { name: 'Cables' }).getByRole('listitem');

async function open(page: Page): Promise<void> {
  await page.goto('./?backend=wasm');
  await button(page, 'Patch').click();
  await expect(page.getByText(/^estimated in/)).toBeVisible({ timeout: 120_000 });
}

/** The prompts of pyvene's tutorial, one head by position. */
async function startTutorial(page: Page): Promise<void> {
  await page.getByRole('textbox', { name: 'Base' }).fill('The Louvre Museum is in downtown');
  await page.getByRole('textbox', { name: 'Source', exact: true }).fill('The Prado Museum is in downtown');
  await page.getByLabel('Component').selectOption('head_attention_value_output');
  await page.getByLabel('Across').selectOption('0');
  await expect(page.getByText(/^estimated in/)).toBeVisible({ timeout: 120_000 });
  await expect(page.getByText('·Madrid').first()).toBeVisible({ timeout: 120_000 });
}

/** What the editor shows. */
const json = async (page: Page): Promise<unknown> =>
  JSON.parse(await page.locator('.cm-content').evaluate((editor) => editor.textContent ?? ''));

const nested = {
  configuration: {
    representations: [{ layer: 0, component: 'head_attention_value_output', unit: 'h.pos' }],
  },
  unit_locations: { 'sources->base': [[[[[0]], [[3]]]], [[[[0]], [[3]]]]] },
};

/** The middle of a socket, by the rack's own geometry: gutter 56, head 34, two racks of 8 rows. */
async function socket(page: Page, run: 'source' | 'base', layer: number, column: number, columns: number) {
  await rack(page).evaluate((grid) => grid.scrollIntoView({ block: 'center' }));
  const box = await rack(page).boundingBox();
  if (!box) throw new Error('There is no rack.');
  const width = Math.floor(Math.min(76, Math.max(44, (box.width - 64) / columns)));
  const height = 26;
  const top = run === 'source' ? 0 : 34 + 8 * height + 10 + 20;
  return { x: box.x + 56 + (column + 0.5) * width, y: box.y + top + 34 + (7 - layer + 0.5) * height };
}

test('the nested intervention of the tutorial is built by mouse, undone to nothing and done again', async ({
  page,
}) => {
  await open(page);
  await startTutorial(page);
  const [from, to] = [await socket(page, 'source', 0, 3, 7), await socket(page, 'base', 0, 3, 7)];
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2, { steps: 4 });
  await page.mouse.move(to.x, to.y, { steps: 4 });
  await page.mouse.up();
  await expect(cables(page)).toHaveCount(1);
  await expect.poll(() => json(page)).toEqual(nested);
  // As the command line computes it: examples/intervene/nested.json.
  const stored = readInterveneResult(
    JSON.parse(readFileSync(new URL('examples/intervene/results/nested.json', root), 'utf8')),
  );
  const [best] = stored.after;
  await expect(effect(page)).toContainText(`·${best?.text.trim()}`);
  await expect(effect(page)).toContainText(`${((best?.probability ?? 0) * 100).toFixed(2)}`);
  while (await button(page, 'Undo').isEnabled()) {
    if ((await button(page, 'Undo').getAttribute('aria-disabled')) === 'true') break;
    await button(page, 'Undo').click();
  }
  await expect(cables(page)).toHaveCount(0);
  await expect(page.getByRole('textbox', { name: 'Base' })).not.toHaveValue(/Louvre/);
  while ((await button(page, 'Redo').getAttribute('aria-disabled')) !== 'true')
    await button(page, 'Redo').click();
  await expect(cables(page)).toHaveCount(1);
  await expect.poll(() => json(page)).toEqual(nested);
});

test('the same is built by keyboard alone, and a cable is dropped, hung and deleted by keys', async ({
  page,
}) => {
  await open(page);
  await startTutorial(page);
  await rack(page).focus();
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('ArrowUp');
  await expect(page.getByRole('gridcell')).toContainText(
    'source, head attention value output, layer 0, position 0',
  );
  for (let step = 0; step < 3; step++) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('c');
  await expect(page.getByText(/^A cable hangs from/)).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByText(/^A cable hangs from/)).toBeHidden();
  await page.keyboard.press('c');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('PageDown');
  await page.keyboard.press('PageDown');
  await page.keyboard.press('Enter');
  await expect(cables(page)).toHaveCount(1);
  await expect.poll(() => json(page)).toEqual(nested);
  await expect(page.getByRole('gridcell')).toContainText(/layer 0, position 3.*(measured|estimated)/);
  await page.keyboard.press('Delete');
  await expect(cables(page)).toHaveCount(0);
});

test('what is typed as JSON moves the cables, and a mistake leaves them', async ({ page }) => {
  await open(page);
  const editor = page.getByRole('textbox', { name: 'Configuration as JSON' });
  await editor.click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(
    '{ "configuration": { "layer": 3, "component": "mlp_output" }, "unit_locations": { "sources->base": 14 } }',
  );
  await expect(cables(page)).toHaveText([
    /Interchange: source mlp output 3, 14 “to” into base mlp output 3, 14 “to”/,
  ]);
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText('{ "configuration": { "layer": 3, "component": "mpl_output" } }');
  await page.locator('.cm-lintRange-error').first().hover();
  await expect(page.locator('.cm-tooltip')).toContainText("Did you mean 'mlp_output'");
  await expect(cables(page)).toHaveCount(1);
});

test('a pyvene folder opens, and gives pyvene’s probabilities', async ({ page }) => {
  await open(page);
  await startTutorial(page);
  await page.getByLabel('A folder that pyvene saved').setInputFiles(new URL('e2e/pyvene', root).pathname);
  await expect(page.getByText('Opened 1 intervention, at the last positions')).toBeVisible();
  await expect(cables(page)).toHaveText([/Low-rank rotated space: source block output 6, 6/]);
  // What pyvene 0.1.8 computes with this folder; see pyveneFolder.py.
  for (const part of ['·Paris', '96.30']) await expect(effect(page)).toContainText(part);
});

test('a vector is added to a socket, and the prediction changes as the library says', async ({ page }) => {
  await open(page);
  await startTutorial(page);
  const stored = readInterveneResult(
    JSON.parse(readFileSync(new URL('examples/intervene/results/addition.json', root), 'utf8')),
  );
  const [representation] = stored.experiment.configuration?.representations ?? [];
  await page.getByLabel('Component').selectOption('mlp_output');
  const at = await socket(page, 'base', 5, 6, 7);
  await page.mouse.click(at.x, at.y);
  await button(page, 'Vector or mean').click();
  await page.getByLabel('Vector', { exact: false }).first().selectOption('numbers');
  await page.getByLabel('What it does').selectOption('AdditionIntervention');
  await page.getByLabel('128 numbers').fill('1 2 3');
  await button(page, 'Hang it here').click();
  await expect(page.getByText('There are 3 numbers; this socket takes 128.')).toBeVisible();
  await page.getByLabel('128 numbers').fill(JSON.stringify(representation?.source_representation));
  await button(page, 'Hang it here').click();
  await expect(cables(page)).toHaveText([/Addition: a vector into base mlp output 5, 6 “downtown”/]);
  await expect(effect(page)).toContainText(((stored.after[0]?.probability ?? 0) * 100).toFixed(2));
});

test('heads are path-patched, and head 7.0 is read', async ({ page }) => {
  await open(page);
  await page.getByRole('region', { name: 'Sweep' }).getByRole('combobox').first().selectOption('paths');
  await button(page, 'Run the sweep').click();
  const cell = page
    .getByRole('region', { name: 'Sweep' })
    .getByRole('gridcell', { name: /layer 7.*head 0|head 0.*layer 7/i });
  await expect(cell).toHaveAttribute('aria-label', /0\.\d\d/, { timeout: 120_000 });
  await expect(page.getByRole('region', { name: 'Sweep' })).toContainText(
    'To the prediction: strongest at layer 7, head 0',
    { timeout: 60_000 },
  );
});

test('the rack is read as a heatmap with its table, and its sockets grow by keys', async ({ page }) => {
  await open(page);
  const height = async () => (await rack(page).boundingBox())?.height ?? 0;
  const before = await height();
  await rack(page).focus();
  await page.keyboard.press('+');
  await expect.poll(height).toBeGreaterThan(before * 1.1);
  await page.keyboard.press('0');
  await expect.poll(height).toBe(before);
  await button(page, 'Measure all').click();
  await button(page, 'Heatmap').click();
  const card = page.getByRole('region', { name: 'Rack' });
  const cell = card.getByRole('gridcell', { name: /^Measured, layer 7, token .*to, share/ }).last();
  await expect(cell).toHaveAttribute('aria-label', /share 1\.00/, { timeout: 60_000 });
  await card.getByRole('button', { name: 'Table' }).click();
  await expect(card.getByRole('table', { name: /^Measured/ })).toContainText('1.00');
  await expectAccessible(page);
});

test('a direction that an alignment has learned goes into a socket', async ({ page }) => {
  await open(page);
  await rack(page).focus();
  await page.keyboard.press('Enter');
  await button(page, 'Vector or mean').click();
  await page.getByLabel('Vector', { exact: false }).first().selectOption('file');
  await page.getByLabel(/^Numbers for 128 entries/).setInputFiles({
    name: 'short.json',
    mimeType: 'application/json',
    buffer: Buffer.from('[1, 2, 3]'),
  });
  await expect(page.getByText('holds no vector of 128 numbers')).toBeVisible();
  await page
    .getByLabel(/^Numbers for 128 entries/)
    .setInputFiles(new URL('examples/align/results/gender-declared.json', root).pathname);
  await page.getByLabel('Which').selectOption({ index: 0 });
  await page.getByLabel('What it does').selectOption('AdditionIntervention');
  await button(page, 'Hang it here').click();
  await expect(cables(page)).toHaveText([/Addition: a vector into base block output/]);
  await expect(effect(page)).toContainText('Logit difference');
});

test('an example opens from its link, with its cable and its view', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page);
  await button(page, 'Head that names').click();
  await expect(effect(page)).toContainText('69.89', { timeout: 60_000 });
  await button(page, 'Copy link').click();
  await expect(page.getByText('Link copied.')).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const other = await context.newPage();
  await other.goto(link);
  await expect(cables(other)).toHaveText(
    [/Interchange: source head attention value output 7, head 0, all positions/],
    {
      timeout: 60_000,
    },
  );
  await expect(other.getByLabel('Across')).toHaveValue('heads');
});

test('the page is accessible in every look', async ({ page }) => {
  await makeNarrow(page);
  await open(page);
  await expectFits(page, 'patch');
  // By two taps, at each width: a socket of the source, and one of the base.
  const columns = 15;
  for (const [width, column] of [
    [390, 2],
    [1440, 10],
  ] as const) {
    await page.setViewportSize({ width, height: 900 });
    const from = await socket(page, 'source', 5, column, columns);
    await page.mouse.click(from.x, from.y);
    const to = await socket(page, 'base', 5, column, columns);
    await page.mouse.click(to.x, to.y);
    await expect(cables(page)).toHaveCount(1);
    await expect(effect(page)).toContainText('Logit difference');
    await expectFits(page, 'patch-cable', [width]);
    await button(page, 'Undo').click();
    await expect(cables(page)).toHaveCount(0);
  }
});
