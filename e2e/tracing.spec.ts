// The main path of the Trace page on the real engine, on WASM, with the embedded model: what a researcher does on the first
// visit, and what the next reader gets from the link.

import { existsSync, readFileSync } from 'node:fs';
import { type Download, expect, type Page, test } from '@playwright/test';
import { readTraceResult, type TraceResult } from '../src/experiments/trace/result.ts';
import { button } from './pageChecks.ts';

const hasModel = existsSync(new URL('../models/tiny-atlas/model.safetensors', import.meta.url));
const hasStored = existsSync(new URL('../examples/results/eiffel-tower.json', import.meta.url));
test.skip(!hasModel, 'models/tiny-atlas is not in this checkout');
test.describe.configure({ timeout: 300_000 });

const slow = { timeout: 120_000 };
const problems: string[] = [];

test.beforeEach(({ context }) => {
  problems.length = 0;
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  context.on('weberror', (error) => problems.push(error.error().message));
});

test.afterEach(() => {
  expect(problems, 'nothing is written to the console').toEqual([]);
});

const figure = (page: Page) => page.getByRole('region', { name: /^Where |^Figure/ });
const cells = (page: Page) =>
  page.getByRole('gridcell').evaluateAll((all) => all.map((each) => each.ariaLabel));

async function save(page: Page, format: string): Promise<Buffer> {
  const waiting: Promise<Download> = page.waitForEvent('download');
  await button(page, `Save as ${format}`).click();
  const download = await waiting;
  expect(download.suggestedFilename()).toMatch(new RegExp(`^trace-.+\\.${format.toLowerCase()}$`));
  return readFileSync(await download.path());
}

const probabilityOf = ({ answerLogit, logSumExp }: TraceResult['clean']): number =>
  answerLogit.reduce((sum, logit, i) => sum + Math.exp(logit - (logSumExp[i] ?? 0)), 0) / answerLogit.length;

test('the stored figure stands at once, and is reproduced when the model is there', async ({ page }) => {
  test.skip(!hasStored, 'the examples have no stored results in this checkout');
  await page.goto('./?backend=wasm');
  await expect(figure(page).getByRole('gridcell')).toHaveCount(264);
  await expect(figure(page)).toContainText('Stored result');
  await expect(figure(page)).toContainText(/Reproduced here, largest difference \d+e−\d/, slow);
});

test('a prompt is typed, marked, run, cancelled, resumed, read, saved, and opened elsewhere from its link', async ({
  page,
  context,
  browser,
}) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('./?backend=wasm');
  const prompt = page.getByRole('textbox', { name: 'Prompt' });
  await prompt.fill('The Colosseum is located in the city of');
  await expect(
    page.getByRole('button', { name: /^Add the most probable next token, space Rome/ }),
  ).toBeVisible(slow);

  // The guess is the name; by keyboard it becomes one token, by mouse the whole name again.
  const chips = page.getByRole('listbox').getByRole('option');
  const marked = page.getByRole('listbox').getByRole('option', { selected: true });
  const text = async () => (await marked.allTextContents()).join('');
  await expect.poll(text).toBe('·Colosseum');
  const count = await marked.count();
  await chips.nth(1).focus();
  await page.keyboard.press('Enter');
  await expect(marked).toHaveCount(1);
  await page.keyboard.press('Shift+ArrowRight');
  await expect(marked).toHaveCount(2);
  await chips.nth(1).hover();
  await page.mouse.down();
  await chips.nth(count).hover();
  await page.mouse.up();
  await expect.poll(text).toBe('·Colosseum');

  // Cancelled once the first cells are there, and resumed.
  await expect(page.getByText(/cells · .*layer passes/)).toBeVisible();
  await button(page, 'Run').click();
  await expect(page.getByRole('progressbar', { name: 'Tracing' })).toHaveAttribute(
    'aria-valuetext',
    /[1-9]\d* of \d+ cells/,
    slow,
  );
  await button(page, 'Cancel').click();
  await expect(page.getByText(/cells are kept/)).toBeVisible();
  await button(page, 'Resume').click();
  await expect(figure(page)).toContainText('Computed here', slow);

  // Another metric asks nothing of the engine; a pin is lettered.
  const before = await cells(page);
  await page.getByLabel('Metric').selectOption('rank');
  await expect.poll(() => cells(page)).not.toEqual(before);
  await page.getByLabel('Metric').selectOption('probability');
  await expect.poll(() => cells(page)).toEqual(before);
  await page.getByRole('gridcell').nth(12).click();
  await expect(page.getByRole('button', { name: 'Pinned cell A' })).toBeVisible();

  // The files say what the page says.
  const result = readTraceResult(JSON.parse((await save(page, 'JSON')).toString('utf8')));
  const samples = result.streams[0]?.cells[1];
  if (!samples) throw new Error('the first cells are computed');
  const shown = /probability (\d\.\d+)/.exec(before[result.layerCount] ?? '')?.[1];
  expect(Number(shown)).toBeCloseTo(probabilityOf(samples), 3);
  const csv = (await save(page, 'CSV')).toString('utf8').trim().split('\n');
  expect(csv).toHaveLength(1 + 2 + result.streams.length * result.layerCount * result.positions.length);
  const svg = (await save(page, 'SVG')).toString('utf8');
  expect(svg).toMatch(/^<svg .*Colosseum.*seed 1.*<\/svg>\s*$/s);
  const png = await save(page, 'PNG');
  expect(png.subarray(1, 4).toString('latin1')).toBe('PNG');
  expect(png.readUInt32BE(16)).toBe(2240);

  await button(page, 'Copy link').click();
  await expect(page.getByText(/^Link copied/)).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const after = await cells(page);

  const elsewhere = await (await browser.newContext()).newPage();
  await elsewhere.goto(link);
  await expect(elsewhere.getByRole('textbox', { name: 'Prompt' })).toHaveValue(
    'The Colosseum is located in the city of',
  );
  await expect(figure(elsewhere)).toContainText('Computed here', slow);
  expect(await cells(elsewhere)).toEqual(after);
  await expect(elsewhere.getByRole('button', { name: 'Pinned cell A' })).toBeVisible();
});
