// Sweeps, paths and attributions on their own pages, on the real engine, on WASM, with the embedded model: files, results and
// links of these kinds open, run to what `patchbay run` gives, and nothing that a file holds is dropped.

import { existsSync, readFileSync } from 'node:fs';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { readAttributionResult } from '../src/experiments/attribute/result.ts';
import { metricOf } from '../src/experiments/metrics.ts';
import { type PatchResult, readPatchResult } from '../src/experiments/patch/result.ts';
import { button, dropFile, expectAccessible, expectNoSidewaysScroll, watchConsole } from './pageChecks.ts';

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

const textOf = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const figure = (page: Page): Locator => page.getByRole('region', { name: /, figure$/ });
const inUse = (page: Page) => expect(page.getByText('8 layers').first()).toBeVisible({ timeout: 120_000 });

async function savedJson(page: Page): Promise<unknown> {
  const download = page.waitForEvent('download');
  await button(page, 'Save as JSON').click();
  return JSON.parse(readFileSync(await (await download).path(), 'utf8'));
}

const probabilities = ({ panels }: PatchResult): readonly (number | null)[] =>
  panels.flatMap(({ cells }) => cells.map((cell) => cell && (metricOf(cell, 'probability')[0] ?? null)));

test('a file of path patching opens on its page, and runs to what the command line gives', async ({
  page,
}) => {
  await page.goto('./?backend=wasm#model');
  await inUse(page);
  const file = { ...JSON.parse(textOf('examples/patch/indirect-object-paths.json')), mlps: 'freeze' };
  const [first] = file.pairs;
  await dropFile(page, 'paths.json', JSON.stringify({ ...file, pairs: [first] }));
  await expect(figure(page)).toContainText('Computed here', { timeout: 120_000 });
  await expect(page.getByRole('textbox', { name: 'Clean', exact: true })).toHaveValue(first.clean);
  await page.getByText('The experiment as its file').click();
  await expect(page.locator('.cm-content')).toContainText('"kind": "path"');
  const saved = readPatchResult(await savedJson(page));
  expect(saved.experiment).toMatchObject({ mlps: 'freeze', pairs: [first] });

  // As it stands in the repository, computed by `patchbay run` on Node.
  await dropFile(page, 'paths.json', textOf('examples/patch/indirect-object-paths.json'));
  const known = readPatchResult(JSON.parse(textOf('examples/patch/results/indirect-object-paths.json')));
  await expect(page.getByRole('table')).toContainText(String(known.experiment.pairs[1]?.clean));
  await expect(figure(page)).toContainText('Computed here', { timeout: 120_000 });
  const again = readPatchResult(await savedJson(page));
  const [own, others] = [probabilities(again), probabilities(known)];
  expect(own.length).toBe(others.length);
  for (const [index, value] of own.entries()) expect(value).toBeCloseTo(others[index] ?? Number.NaN, 3);
});

test('a stored attribution opens with all its figures, as it was saved, and its pairs on the rack', async ({
  page,
}) => {
  await page.goto('./?backend=wasm#model');
  await inUse(page);
  const text = textOf('examples/attribute/results/indirect-object.json');
  await dropFile(page, 'attribution.json', text);
  await expect(figure(page)).toContainText('From a file');
  const sheets = page.getByLabel('Figure', { exact: true }).locator('option');
  await expect(sheets).toHaveText([
    'block_output',
    'attention_output',
    'mlp_output',
    'head_attention_value_output',
  ]);
  await page.getByLabel('Figure', { exact: true }).selectOption('3');
  await button(page, 'Table').click();
  const known = readAttributionResult(JSON.parse(text));
  const value = known.panels[3]?.attributions[7 * (known.panels[3].heads?.length ?? 1)] ?? Number.NaN;
  await expect(page.getByRole('table', { name: /^Attribution/ })).toContainText(
    value.toFixed(2).replace('-', '−'),
  );
  expect(await savedJson(page)).toEqual(known);
  await button(page, 'Open on the rack').click();
  await expect(page.getByRole('textbox', { name: 'Source', exact: true })).toHaveValue(
    String(known.experiment.pairs[0]?.clean),
  );
});

test('a link carries a sweep with its look, and a mistake in its text leaves it as it was', async ({
  page,
  context,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('./?backend=wasm#patch');
  await expect(figure(page)).toContainText(/Stored result|Reproduced here/, { timeout: 120_000 });
  await expectAccessible(page);
  await page.getByLabel('As in').selectOption('ioi');
  await expect(figure(page)).toContainText('change of the logit');
  await button(page, 'Copy link').click();
  await expect(page.getByText('Link copied.', { exact: false })).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  await page.setViewportSize({ width: 390, height: 900 });
  await expectNoSidewaysScroll(page);

  await page.goto('./?backend=wasm#model');
  await page.goto(link);
  await expect(page.getByLabel('As in')).toHaveValue('ioi', { timeout: 60_000 });
  await page.getByText('The experiment as its file').click();
  const editor = page.getByRole('textbox', { name: 'Experiment as JSON' });
  await editor.click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText('{ "kind": "patch", "version": 1, "model": "tiny-atlas", "pairs": [] }');
  await page.locator('.cm-lintRange-error').first().hover();
  await expect(page.locator('.cm-tooltip')).toContainText('There is no pair');
  await expect(page.getByRole('table').first()).toContainText('Daniel');
});
