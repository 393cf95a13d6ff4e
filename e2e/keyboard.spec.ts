// The whole page by keyboard alone, in the order of the tab stops.

import { expect, test } from '@playwright/test';
import { openPage } from './fakeEngine.ts';

test('every part of the page can be reached and used without a pointer', async ({ page }) => {
  await openPage(page, { place: 'Trace' });
  await expect(page.getByText('Computed here')).toBeVisible();
  const press = (...keys: readonly string[]) =>
    keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const focused = page.locator(':focus');

  await press('Tab');
  await expect(focused).toHaveText('Go to the content');
  await press('Tab');
  await expect(focused).toHaveText('Trace');
  await press('Tab');
  await expect(focused).toHaveText('Patch');
  await press('Tab');
  await expect(focused).toHaveText('Align');
  await press('Tab');
  await expect(focused).toHaveText('Steer');
  await press('Tab', 'Enter');
  await expect(focused).toHaveText('Model');
  await expect(page.getByText('in 42')).toBeVisible();

  // The model's chooser opens, holds the focus and gives it back.
  await press('Tab', 'Enter');
  await expect(page.getByRole('dialog', { name: 'Choose a model' })).toBeVisible();
  await press('Escape');
  await expect(focused).toHaveAccessibleName(/^Model: tiny-atlas/);

  await press('Tab', 'Space');
  await expect(page.getByRole('dialog', { name: 'Device' })).toBeVisible();
  await press('Escape');
  await expect(focused).toHaveAccessibleName(/^Device: WebGPU/);

  await press('Tab');
  await expect(focused).toHaveAccessibleName('Theme of the system');
  // The switch moves the focus in a task of its own, so each key waits for the one before.
  await press('ArrowRight');
  await expect(focused).toHaveAccessibleName('Light theme');
  await press('ArrowRight');
  await expect(focused).toHaveAccessibleName('Dark theme');
  await press('Space');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');

  await press('Tab', 'Enter');
  await expect(page.getByRole('dialog', { name: 'Words and shortcuts' })).toBeVisible();
  await press('Escape');
  // The dialog gives the focus back before the next key, or that key would be the dialog's.
  await expect(focused).toHaveAccessibleName(/^Words and shortcuts/);
  await press('Tab');
  await expect(focused).toHaveAccessibleName('Prompt');

  // Tokens: one stop, arrows within.
  await press('Tab');
  await expect(focused).toHaveAccessibleName(/^The, position 0, id \d+$/);
  await press('ArrowRight', 'ArrowRight');
  await expect(focused).toHaveAccessibleName(/^space Tower, position 2/);
  await expect(page.getByText(/^position 2 · id/)).toBeVisible();
  await press('End');
  await expect(focused).toHaveAccessibleName(/^space of, position 8/);
  await press('Tab');
  await expect(focused).toHaveAccessibleName(/^Add the most probable next token/);

  // The rack: one stop, arrows within, Enter pins.
  await press('Tab');
  await expect(focused).toHaveAccessibleName('block_input, layer 0, position by 576');
  await press('ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowRight', 'ArrowRight', 'ArrowRight');
  await expect(focused).toHaveAccessibleName('query_output, layer 3, position by 576');
  const inspector = page.getByRole('region', { name: 'Inspector' });
  await expect(inspector).toContainText('query_output');
  await press('Enter');
  await expect(focused).toHaveAttribute('aria-selected', 'true');
  await press('PageDown');
  await expect(focused).toHaveAccessibleName(/^query_output, layer 8/);
  await press('Control+End');
  await expect(focused).toHaveAccessibleName('logits, whole model, position by 49152');

  // The inspector: a link leads to the next socket, and the rack remembers where it was.
  await press('Tab', 'Shift+Tab');
  await expect(focused).toHaveAccessibleName(/^logits/);
  await press('Control+Home', 'Tab');
  await expect(focused).toHaveAccessibleName('attention_input layer 0');
  await press('Enter');
  await expect(inspector.getByText('attention_input', { exact: true })).toBeVisible();
  await expect(page.getByRole('gridcell', { selected: true })).toHaveAccessibleName(
    /^attention_input, layer 0/,
  );
  await expect(inspector.getByRole('button', { name: 'Unpin' })).toHaveAttribute('aria-pressed', 'true');
});

test('single keys are shortcuts until they are turned off, and never while typing', async ({ page }) => {
  await openPage(page);
  await expect(page.getByText('in 42')).toBeVisible();
  const help = page.getByRole('dialog', { name: 'Words and shortcuts' });
  await page.keyboard.press('?');
  await expect(help).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  const prompt = page.getByRole('textbox', { name: 'Prompt' });
  await expect(prompt).toBeFocused();
  await page.keyboard.press('End');
  await page.keyboard.type('?o/');
  await expect(prompt).toHaveValue(/\?o\/$/);
  await expect(help).toBeHidden();

  await page.getByRole('button', { name: 'Words and shortcuts' }).click();
  await help.getByRole('checkbox').uncheck();
  await page.keyboard.press('Escape');
  await page.keyboard.press('o');
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('a dialog gives the focus back, but never takes it from where a key has moved it since', async ({
  page,
}) => {
  await openPage(page);
  await expect(page.getByText('in 42')).toBeVisible();
  const opener = page.getByRole('button', { name: 'Words and shortcuts' });
  const help = page.getByRole('dialog', { name: 'Words and shortcuts' });
  await opener.click();
  await expect(help).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(opener).toBeFocused();

  await page.keyboard.press('Enter');
  await expect(help).toBeVisible();
  // Both keys in one task of the page, as a slow machine hands them over; then time for whatever the closing left to do.
  await help.evaluate(async () => {
    const press = (key: string) =>
      (document.activeElement ?? document.body).dispatchEvent(
        new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }),
      );
    press('Escape');
    await Promise.resolve();
    press('/');
    await new Promise((resolve) => setTimeout(resolve, 100));
  });
  await expect(help).toBeHidden();
  await expect(page.getByRole('textbox', { name: 'Prompt' })).toBeFocused();
});
