// Names and ways of one's own for a model that somebody exported as ONNX: renamed, corrected, chosen, taken back, carried by a
// link; with the keyboard alone.

import { expect, type Page, test } from '@playwright/test';
import { residualBytes } from '../src/imported/fixtures/smallOnnx.ts';
import { expectAccessible, expectNoSidewaysScroll, watchConsole } from './pageChecks.ts';

test.describe.configure({ timeout: 120_000 });

const slow = { timeout: 60_000 };

/** The page of sweeps over the tensors of two residual blocks. */
async function opened(page: Page): Promise<void> {
  await page
    .getByRole('button', { name: /^Model:|Choose a model/ })
    .first()
    .click();
  await page
    .getByLabel('Choose files', { exact: true })
    .last()
    .setInputFiles([
      { name: 'residual.onnx', mimeType: 'application/octet-stream', buffer: Buffer.from(residualBytes()) },
    ]);
  await expect(page.getByRole('button', { name: /^Model: residual/ })).toBeVisible(slow);
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
}

async function toTensors(page: Page): Promise<void> {
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  await page.getByRole('button', { name: 'Sweep over its tensors' }).click();
  await page.getByRole('textbox', { name: /^x/ }).first().fill('[1, 1]');
  await page.getByRole('textbox', { name: /^x/ }).last().fill('[1, 0]');
  await page.getByLabel('Measured is').selectOption('scalar');
}

test('a component is renamed by keyboard, swept under its name, taken back, and carried by the link', async ({
  page,
}) => {
  const problems = watchConsole(page);
  await page.goto('./?backend=wasm');
  await opened(page);
  await toTensors(page);
  const structure = page.getByRole('region', { name: 'Structure' });
  await structure.locator('summary').first().click();
  await structure.getByRole('button', { name: 'Rename act/Relu', exact: true }).focus();
  await page.keyboard.press('Enter');
  const field = structure.getByRole('textbox', { name: 'Another name for act/Relu' });
  await expect(field).toBeFocused();
  await page.keyboard.type('chain');
  await page.keyboard.press('Enter');
  await expect(field).toHaveAccessibleDescription(/'chain' stands for the tensors/);
  await page.keyboard.press('Escape');
  await expect(structure.getByRole('button', { name: 'Rename act/Relu', exact: true })).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.type('gate');
  await page.keyboard.press('Enter');
  await expect(structure).toContainText('called gate');

  const tensors = page.getByRole('combobox', { name: 'Tensors of gate' });
  await expect(tensors).toHaveValue('/layer.{layer}/act/Relu_output_0');
  await expect(tensors).toHaveAccessibleDescription(/^2 layers: Relu_output_0 to Relu_output_0/);
  await page.getByLabel('Another component or tensor').fill('gate');
  await page.getByRole('button', { name: 'Sweep it too' }).click();
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const cells = page.getByRole('gridcell');
  await expect(cells).toHaveCount(4, slow);
  // Of relu(x W): the clean (1, 2) makes (2, 2) of (1, 0), and so (4, 4); the clean (3, 2) makes (5, 2) of (2, 0).
  for (const [at, value] of ['10.000', '10.000', '8.000', '7.000'].entries())
    await expect(cells.nth(at)).toHaveAttribute('aria-label', new RegExp(`\\b${value}\\b`));
  await expectAccessible(page);
  await expectNoSidewaysScroll(page);

  // Other tensors under the same name: those of the sum.
  await tensors.fill('/layer.{layer}/Ad_output_0');
  await expect(tensors).toHaveAccessibleDescription(/no tensor '\/layer.0\/Ad_output_0'. Did you mean/);
  await expect(page.locator('#run-why')).toContainText("'gate' is named as", slow);
  await tensors.fill('/layer.{layer}/Add_output_0');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(cells.nth(3)).toHaveAttribute('aria-label', /\b10\.000\b/, slow);

  const link = page.url();
  await page.getByRole('button', { name: 'Undo' }).first().click();
  await expect(tensors).not.toHaveValue('/layer.{layer}/Add_output_0');
  await page.getByRole('button', { name: 'Remove the name gate' }).click();
  await expect(page.getByRole('button', { name: 'Do not sweep gate' })).toHaveCount(0);

  await page.goto('about:blank');
  await page.goto(link);
  await opened(page);
  await expect(page.getByRole('combobox', { name: 'Tensors of gate' })).toHaveValue(
    '/layer.{layer}/Add_output_0',
    slow,
  );
  expect(problems).toEqual([]);
});

test('another chain is named by its ends, and positions are said to lie along another axis', async ({
  page,
}) => {
  const problems = watchConsole(page);
  await page.goto('./?backend=wasm');
  await opened(page);
  await toTensors(page);
  const chain = page.getByLabel('Chain', { exact: true });
  await expect(chain.locator('option').first()).toHaveText(/^x → y: \d+ tensors?, 2 equal blocks/);
  await chain.selectOption('From one tensor to another');
  await page.getByRole('combobox', { name: 'From', exact: true }).fill('/layer.0/Add_output_0');
  const to = page.getByRole('combobox', { name: 'To', exact: true });
  await to.fill('/layer.0/linear/MatMul_output_0');
  await page.getByRole('button', { name: 'Sweep the chain' }).click();
  await expect(to).toHaveAccessibleDescription(/There is no chain from/, slow);
  await expectAccessible(page);
  await to.fill('z');
  await expect(to).toHaveAccessibleDescription(/no tensor 'z'/);
  await to.fill('y');
  await page.getByRole('button', { name: 'Do not sweep block_output' }).click();
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  // Between the first block and the end all passes through the first sum, and the second.
  await expect(page.getByRole('gridcell')).toHaveCount(2, slow);

  await page.getByLabel('Another component or tensor').fill('act/Relu');
  await page.getByRole('button', { name: 'Sweep it too' }).click();
  const axes = page.getByLabel('Positions of act/Relu lie along');
  await expect(axes.locator('option')).toHaveText(['as found: no axis', 'no axis', 'axis 1 (2)']);
  await axes.selectOption('axis 1 (2)');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  // Two layers by two places.
  await page.getByLabel('Figure', { exact: true }).selectOption({ label: 'act/Relu' });
  await expect(page.getByRole('gridcell')).toHaveCount(4, slow);
  expect(problems).toEqual([]);
});
