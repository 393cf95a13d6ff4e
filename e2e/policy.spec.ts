// Every page under the policy that it is served with: the server's headers and the page's own meta element say the same, and
// neither finds anything to refuse.

import { expect, test } from '@playwright/test';
import { pagePolicy, policyText } from '../src/cli/serve/policy.ts';
import { watchTexts } from './hostileTexts.ts';
import { watchConsole } from './pageChecks.ts';

const slow = { timeout: 120_000 };

test('the page says its policy itself, for hosts that send none', async ({ page }) => {
  const response = await page.goto('./');
  const header = response?.headers()['content-security-policy'];
  expect(header).toBe(`${policyText(pagePolicy)}; frame-ancestors 'none'`);
  const meta = page.locator('meta[http-equiv="Content-Security-Policy"]');
  await expect(meta).toHaveAttribute('content', policyText(pagePolicy));
  // A policy holds for what comes after it.
  expect(await page.locator('head > *').first().getAttribute('http-equiv')).toBe('Content-Security-Policy');
});

test('every page works, dialogs and editors included, and nothing is refused', async ({ page }) => {
  test.setTimeout(300_000);
  const problems = watchConsole(page);
  const { expectOnlyText } = await watchTexts(page);
  await page.goto('./?backend=wasm');
  const pages = page.getByRole('navigation', { name: 'Pages' }).getByRole('button');
  await expect(page.getByRole('button', { name: /^Model:/ })).toContainText('layers', slow);
  for (const each of await pages.all()) {
    await each.click();
    await expect(each).toHaveAttribute('aria-current', 'page');
    await expect(page.getByRole('main').getByRole('region').first()).toBeVisible(slow);
    await page.getByRole('button', { name: 'Words and shortcuts' }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    // What keeps the page behind a dialog from scrolling is a style that the dialog's library adds.
    await expect(page.locator('body')).toHaveCSS('overflow', 'hidden');
    await page.keyboard.press('Escape');
    await expect(page.locator('body')).not.toHaveCSS('overflow', 'hidden');
    await expectOnlyText();
  }
  await pages.filter({ hasText: 'Patch' }).click();
  const editor = page.getByRole('textbox', { name: 'Configuration as JSON' });
  await expect(editor).toBeVisible(slow);
  await expect(editor).toHaveCSS('white-space', 'break-spaces');
  await expectOnlyText();
  expect(problems).toEqual([]);
});
