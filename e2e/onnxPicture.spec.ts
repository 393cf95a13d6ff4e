// A picture for a model that somebody exported as ONNX: dropped, cropped as the model's files say, swept by patches, and the effect
// laid over the part of it that the model sees.

import { readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { visionBytes } from '../src/imported/fixtures/visionOnnx.ts';
import { expectAccessible, expectNoSidewaysScroll, watchConsole } from './pageChecks.ts';

const slow = { timeout: 60_000 };
const picture = 'src/media/expected/wide.png';
/** Of 31 × 23 pixels, 21 × 16 of which the middle 16 across are seen: from the third on. */
const preprocessor = { size: { shortest_edge: 16 }, do_center_crop: true, crop_size: 16, resample: 3 };
const middle = `${2 / 21} 0 ${16 / 21} 1`;

const file = (name: string, content: Uint8Array | string) => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(content),
});

/** Lets a file fall on a part of the page. */
async function drop(page: Page, label: string, path: string): Promise<void> {
  const bytes = readFileSync(path).toString('base64');
  const transfer = await page.evaluateHandle(
    ([name, base64]) => {
      const data = new DataTransfer();
      const content = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      data.items.add(new File([content], name, { type: 'image/png' }));
      return data;
    },
    ['wide.png', bytes] as const,
  );
  await page.getByLabel(label, { exact: true }).dispatchEvent('drop', { dataTransfer: transfer });
}

test('a picture is dropped on an input, its patches are swept, and the effect lies over what is seen of it', async ({
  page,
}) => {
  test.setTimeout(180_000);
  const problems = watchConsole(page);
  await page.goto('./?backend=wasm');
  await page
    .getByRole('button', { name: /^Model:|Choose a model/ })
    .first()
    .click();
  await page
    .getByLabel('Choose files', { exact: true })
    .last()
    .setInputFiles([
      file('vision.onnx', visionBytes()),
      file('preprocessor_config.json', JSON.stringify(preprocessor)),
      file('config.json', JSON.stringify({ id2label: { 0: 'cat', 1: 'dog', 2: 'bird' } })),
    ]);
  await expect(page.getByRole('button', { name: /^Model: vision.onnx/ })).toContainText('2 layers', slow);
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  await page.getByRole('button', { name: 'Sweep over its tensors' }).click();

  await drop(page, 'File for pixels, clean', picture);
  await expect(page.getByRole('img', { name: 'wide.png' })).toBeVisible();
  await page.getByLabel('What is put in comes from').selectOption('Noise');
  await expect(page.getByLabel('What is put in comes from')).toHaveValue('noise');
  await page.getByLabel('Patches down and across, at most').fill('4');
  await expect(page.getByLabel('Patches down and across, at most')).toHaveValue('4');
  // Noise on one patch of sixteen, in the second row and the third column.
  await page.getByText('The experiment as its file').click();
  const editor = page.getByRole('textbox', { name: 'Experiment as JSON' });
  await editor.click();
  await page.keyboard.press('Control+a');
  const experiment = {
    ...{ kind: 'tensors', version: 1, model: 'vision.onnx' },
    clean: { pixels: { picture: readFileSync(picture).toString('base64'), name: 'wide.png' } },
    ...{ noise: { tensor: 'pixels', positions: [6], level: 2, samples: 2, seed: 1 }, patches: [4, 4] },
    sites: [{ site: 'block_output' }],
  };
  await page.keyboard.insertText(JSON.stringify(experiment));
  await expect(page.getByLabel('Samples')).toHaveValue('2');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const cells = page.getByRole('gridcell');
  await expect(cells).toHaveCount(32, slow);
  await expect(page.locator('.run')).toContainText('32 cells in', slow);
  // Only that patch brings the clean run back, and does so wholly: nothing passes between patches.
  const values = await cells.evaluateAll((all) => all.map((cell) => cell.getAttribute('aria-label') ?? ''));
  const whole = values.flatMap((words, at) => (/difference[^,;]* 0\.0+\b|: 0\.0+\b/.test(words) ? [at] : []));
  expect(whole.map((at) => Math.floor(at / 2))).toEqual([6, 6]);
  const overlay = page.getByRole('img', { name: /^Where restoring/ });
  await expect(overlay).toHaveAccessibleDescription(/layer 0: most in row 2, column 3/);
  await expect(overlay.locator('use')).toHaveCount(2);
  await expect(overlay.locator('defs svg')).toHaveAttribute('viewBox', middle);
  await expectAccessible(page);
  for (const [width, colorScheme] of [
    [1440, 'light'],
    [1440, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme });
    await expectNoSidewaysScroll(page);
    await overlay.scrollIntoViewIfNeeded();
    await page.screenshot({ path: `test-results/onnx-picture-${width}-${colorScheme}.png`, fullPage: true });
  }
  await expectAccessible(page);
  expect(problems).toEqual([]);
});
