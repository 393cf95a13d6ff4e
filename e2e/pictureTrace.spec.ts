// A trace of a model that reads a picture, from choosing the picture to the squares over it, on the real engine.

import { readFileSync, rmSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { expectAccessible, expectNoSidewaysScroll, watchConsole } from './pageChecks.ts';
import { openFolder, smallModelFolder } from './smallModel.ts';

const slow = { timeout: 60_000 };
const config = {
  model_type: 'blip',
  text_config: {
    vocab_size: 31,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    max_position_embeddings: 20,
    bos_token_id: 2,
    sep_token_id: 3,
    is_decoder: true,
  },
  vision_config: {
    hidden_size: 12,
    intermediate_size: 16,
    num_hidden_layers: 3,
    num_attention_heads: 3,
    image_size: 24,
    patch_size: 4,
  },
};

/** Of a picture of 31 × 23 pixels the middle three quarters across are seen. */
const preprocessor = { size: { shortest_edge: 24 }, do_center_crop: true, crop_size: 24, resample: 3 };
const middle = '0.125 0 0.75 1';

test('a picture is given, its patches are marked, and the effect lies over it', async ({ page }) => {
  test.setTimeout(180_000);
  const folder = await smallModelFolder({ name: 'small-blip', config, preprocessor, words: 31 });
  await openFolder(page, folder, 'small-blip· 5 layers');
  const problems = watchConsole(page);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Trace' }).click();
  await page.getByRole('textbox', { name: 'Prompt' }).fill('w5 w9');
  await expect(page.locator('#run-why')).toContainText('This model reads a picture. Choose one', slow);

  await page
    .getByLabel('Picture', { exact: true })
    .setInputFiles(new URL('../src/media/expected/wide.png', import.meta.url).pathname);
  const grid = page.getByRole('img', { name: /^The picture, 6 by 6 patches/ });
  await expect(grid).toBeVisible();
  await expect(grid.locator('svg')).toHaveAttribute('viewBox', middle);
  const box = await grid.boundingBox();
  if (!box) throw new Error('The picture is not shown.');
  // From the second patch of the first row to the fourth of the third.
  await page.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.08);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.58, box.y + box.height * 0.42);
  await page.mouse.up();
  await expect(grid).toHaveAccessibleName(/corrupted are 1 to 3 across and 0 to 2 down/);
  await page.getByLabel('Parts').fill('3');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const figure = page.getByRole('region', { name: /^Where |^Figure/ });
  await expect(figure).toContainText('Computed here', slow);
  await expect(figure.getByRole('gridcell')).not.toHaveCount(0);
  await figure.getByLabel('Figure', { exact: true }).selectOption('Over the picture');
  const overlay = figure.getByRole('img', { name: /^Where restoring/ });
  await expect(overlay).toBeVisible();
  // Three layers, each the picture, a veil and nine squares.
  await expect(overlay.locator('use')).toHaveCount(3);
  await expect(overlay.locator('defs svg')).toHaveAttribute('viewBox', middle);
  await expect(overlay.locator('rect[fill-opacity]')).toHaveCount(30);
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);
  await page.getByRole('button', { name: 'Change settings' }).click();
  await page.getByLabel('How', { exact: true }).selectOption('Another in its place');
  await expect(page.locator('#run-why')).toContainText('Choose the other picture');
  await page
    .getByLabel('Other picture', { exact: true })
    .setInputFiles(new URL('../src/media/expected/grey.png', import.meta.url).pathname);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(figure).toContainText('exchanged with what “grey.png” has there', slow);
  await expect(figure).toContainText('Computed here', slow);
  await expectAccessible(page);
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as SVG', exact: true }).click();
  expect(readFileSync(await (await waiting).path(), 'utf8')).toContain('data:image/png;base64,');
  expect(problems).toEqual([]);
  rmSync(folder, { recursive: true });
});
