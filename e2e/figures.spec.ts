// Heatmaps in a browser: what keyboard, pointer and screen reader meet, and the files that leave the page.

import { expect, type Page, test } from '@playwright/test';
import { createServer, type ViteDevServer } from 'vite';
import type {} from './figures/main.ts';
import { expectAccessible } from './pageChecks.ts';

let server: ViteDevServer;
let address = '';

test.beforeAll(async () => {
  server = await createServer({
    root: `${import.meta.dirname}/..`,
    logLevel: 'error',
    cacheDir: '.cache/figures',
    optimizeDeps: { include: ['d3'], entries: ['e2e/figures/index.html'] },
    server: { port: 0, hmr: false, watch: null },
  });
  await server.listen();
  address = `${server.resolvedUrls?.local[0]}e2e/figures/index.html`;
});

test.afterAll(() => server.close());

async function open(page: Page, query = ''): Promise<readonly string[]> {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(`${address}?${query}`);
  await page.getByRole('grid').first().waitFor();
  return errors;
}

const focused = (page: Page) => page.locator('[role=gridcell]:focus');
const live = (page: Page) => page.locator('#live');

test('each panel is a grid with headers, one tab stop and cells that say what they are', async ({ page }) => {
  const errors = await open(page);
  await expect(page.getByRole('grid')).toHaveCount(3);
  const mlp = page.getByRole('grid', { name: 'MLP: probability of “Paris”' });
  await expect(mlp).toHaveAttribute('aria-rowcount', '7');
  await expect(mlp).toHaveAttribute('aria-colcount', '13');
  await expect(mlp.getByRole('columnheader')).toHaveCount(12);
  await expect(mlp.getByRole('rowheader', { name: 'token iffel (corrupted)' })).toHaveCount(1);
  await expect(mlp.getByRole('row').nth(3).getByRole('gridcell').nth(3)).toHaveAccessibleName(
    'MLP, layer 3, token iffel (corrupted), probability 0.320, 44 percent recovered',
  );
  await expect(page.locator('[role=gridcell][tabindex="0"]')).toHaveCount(3);
  await page.getByRole('button', { name: 'Before' }).focus();
  const stops: (string | null)[] = [];
  for (let i = 0; i < 4; i += 1) {
    await page.keyboard.press('Tab');
    stops.push(await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? null));
  }
  expect(stops.map((stop) => stop?.split(',')[0])).toEqual(['Residual state', 'MLP', 'Attention', undefined]);
  expect(errors).toEqual([]);
});

test('the keyboard reaches every cell, pins and unpins, and leaves the rest to the page', async ({
  page,
}) => {
  await open(page);
  await page.getByRole('button', { name: 'Before' }).focus();
  await page.keyboard.press('Tab');
  const expectCell = (start: string) => expect(live(page)).toHaveText(new RegExp(`^${start}`));
  await expectCell('Residual state, layer 0, token The,');
  for (const [key, start] of [
    ['ArrowDown', 'Residual state, layer 0, token E '],
    ['ArrowRight', 'Residual state, layer 1, token E '],
    ['PageDown', 'Residual state, layer 6, token E '],
    ['End', 'Residual state, layer 11, token E '],
    ['Control+End', 'Residual state, layer 11, token in,'],
    ['PageUp', 'Residual state, layer 6, token in,'],
    [']', 'MLP, layer 6, token in,'],
    [']', 'Attention, layer 6, token in,'],
    ['[', 'MLP, layer 6, token in,'],
    ['Control+Home', 'MLP, layer 0, token The,'],
    ['ArrowUp', 'MLP, layer 0, token The,'],
  ] as const) {
    await page.keyboard.press(key);
    await expectCell(start);
  }
  await page.keyboard.press('Enter');
  await expect(focused(page)).toHaveAttribute('aria-selected', 'true');
  await expect(focused(page)).toHaveAccessibleName(/, pinned A$/);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Space');
  await expect(focused(page)).toHaveAccessibleName(/layer 1,.*, pinned B$/);
  await expect(page.locator('[aria-selected=true]')).toHaveCount(2);
  await page.keyboard.press('Escape');
  await expect(page.locator('[aria-selected=true]')).toHaveCount(1);
  await page.keyboard.press('Escape');
  await expect(page.locator('[aria-selected=true]')).toHaveCount(0);
  // Leaving and coming back finds the same cell.
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Tab');
  await expectCell('MLP, layer 1, token The,');
});

test('pointing shows the cell in every panel, and a click pins at most four', async ({ page }) => {
  await open(page);
  const cells = page.getByRole('grid').nth(1).getByRole('gridcell');
  await cells.nth(2 * 12 + 3).hover();
  await expect(live(page)).toHaveText(/^MLP, layer 3, token iffel/);
  const readouts = page.locator('svg > g > g[aria-hidden]').last().locator('text', { hasText: 'layer 3' });
  // 0.02 + 0.4 exp(-1 / 16) + 0.6 exp(-18 - 4), 0.02 + 0.3, 0.02 + 0.74 exp(-18 - 6.25).
  await expect(readouts).toHaveText([/0\.396$/, /0\.320$/, /0\.020$/]);
  await page.mouse.move(2, 2);
  await expect(live(page)).toBeEmpty();
  for (const index of [0, 13, 26, 39, 52]) await cells.nth(index).click();
  await expect(page.locator('[aria-selected=true]')).toHaveCount(4);
  await cells.nth(13).click();
  await expect(page.locator('[aria-selected=true]')).toHaveCount(3);
});

test('a batch redraws the cells that arrived and no others, and focus stays', async ({ page }) => {
  await open(page);
  await page.getByRole('gridcell').nth(5).focus();
  const before = await page.getByRole('gridcell').nth(5).elementHandle();
  const touched = await page.evaluate(() => {
    const whole = window.figurePage.description();
    const arrived = (count: number) => ({
      ...whole,
      range: { start: 0, end: 1 },
      panels: whole.panels.map((panel) => ({
        ...panel,
        values: panel.values.map((row, location) =>
          row.map((value, layer) => (location * 12 + layer < count ? value : undefined)),
        ),
      })),
    });
    const { show } = window.figurePage;
    return [72, 0, 10, 10, 15, 72].map((count) => show(arrived(count)).touched);
  });
  // First the range changes: only colours that differ. Then 3 panels of 72 cells go, and come by 10, 0, 5 and 57.
  expect(touched.slice(1)).toEqual([216, 30, 0, 15, 171]);
  expect(await focused(page).evaluate((element, old) => element === old, before)).toBe(true);
});

test('another figure keeps the focus as near as it can', async ({ page }) => {
  await open(page);
  await page
    .getByRole('gridcell')
    .nth(5 * 12 + 11)
    .focus();
  await page.evaluate(() => window.figurePage.show(window.figurePage.description(), 390));
  await expect(focused(page)).toHaveAccessibleName(/^Residual state, layer 11, token in,/);
  await expect(page.locator('svg')).toHaveAttribute('width', '390');
  await page.evaluate(() => window.figurePage.dispose());
  await expect(page.locator('svg')).toHaveCount(0);
});

for (const theme of ['light', 'dark']) {
  for (const figure of ['trace', 'unfinishedTrace', 'headMap', 'awkwardTrace']) {
    test(`axe finds nothing in ${figure}, ${theme}`, async ({ page }) => {
      const errors = await open(page, `figure=${figure}&theme=${theme}`);
      await page.getByRole('gridcell').nth(3).focus();
      await page.keyboard.press('Enter');
      await expectAccessible(page);
      expect(errors).toEqual([]);
    });
  }
}

test('the exported SVG is one well-formed document and the PNG is twice its size', async ({ page }) => {
  for (const figure of ['trace', 'awkwardTrace']) {
    await open(page, `figure=${figure}`);
    const result = await page.evaluate(async () => {
      const text = window.figurePage.svg();
      const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');
      const picture = await createImageBitmap(await window.figurePage.png());
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      const context = canvas.getContext('2d');
      context?.drawImage(picture, 0, 0);
      const colours = new Set<number>();
      const pixels = new Uint32Array(
        context?.getImageData(0, 0, picture.width, picture.height).data.buffer ?? [],
      );
      for (const pixel of pixels) colours.add(pixel);
      return {
        error: parsed.querySelector('parsererror')?.textContent ?? null,
        title: parsed.querySelector('title')?.textContent,
        height: Number(parsed.documentElement.getAttribute('height')),
        picture: [picture.width, picture.height],
        colours: colours.size,
      };
    });
    expect(result.error).toBeNull();
    expect(result.title).toBe(
      figure === 'trace' ? 'Where restoring one state brings back “Paris”' : 'Tokens <like> & "these"',
    );
    expect(result.picture).toEqual([1920, 2 * result.height]);
    expect(result.colours).toBeGreaterThan(50);
  }
});
