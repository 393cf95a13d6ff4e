// What every test of a page asks of it and does with it, whatever else it tests.

import AxeBuilder from '@axe-core/playwright';
import { expect, type Locator, type Page, test } from '@playwright/test';

/** By its whole name. */
export const button = (page: Page, name: string | RegExp): Locator =>
  page.getByRole('button', { name, exact: true });

/** By its whole name. */
export const region = (page: Page, name: string | RegExp): Locator =>
  page.getByRole('region', { name, exact: true });

/** axe finds nothing on the page as it stands. */
export async function expectAccessible(page: Page): Promise<void> {
  // Run inside the page, and with no more told of what is right than that it is: else every element that a rule has looked at is
  // handed out with a selector of its own and goes through a second page, which takes longer than axe does. Frames of another
  // origin would be left out so; there are none.
  expect(page.frames(), 'no frame is left out').toHaveLength(1);
  const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).setLegacyMode();
  const { violations } = await axe.analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
}

/**
 * Nothing but containers made for it may scroll sideways.
 * @param timeout in milliseconds, until when it must be so
 */
export async function expectNoSidewaysScroll(page: Page, timeout?: number): Promise<void> {
  const overflow = () =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  // A figure follows the window's width.
  await expect.poll(overflow, timeout === undefined ? {} : { timeout }).toBe(0);
}

/** A window and a theme that a page is looked at in. */
export interface Look {
  readonly width: number;
  readonly colorScheme: 'dark' | 'light';
}

const narrowAndWide = [390, 1440] as const;

/** A window in which controls come closest to each other: where a page is put together that is then looked at in every look. */
export const makeNarrow = (page: Page): Promise<void> =>
  page.setViewportSize({ width: narrowAndWide[0], height: 900 });

/**
 * The page as it stands at two widths and in both themes, one after the other; then its window is as wide as it was.
 * @param widths where the state is another at each width
 */
export async function inEveryLook(
  page: Page,
  check: (look: Look) => Promise<void>,
  widths: readonly number[] = narrowAndWide,
): Promise<void> {
  const before = page.viewportSize();
  for (const width of widths)
    for (const colorScheme of ['dark', 'light'] as const)
      await test.step(`${colorScheme}, ${width} pixels wide`, async () => {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        // Figures follow the window by a frame.
        await page.evaluate(
          () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
        );
        await check({ width, colorScheme });
      });
  if (before) await page.setViewportSize(before);
}

/**
 * Nothing scrolls sideways and axe finds nothing, in every look.
 * @param name of the screenshots, where `PATCHBAY_SHOTS` names a folder for them
 * @param widths where the state is another at each width
 */
export async function expectFits(page: Page, name: string, widths?: readonly number[]): Promise<void> {
  await inEveryLook(
    page,
    async ({ width, colorScheme }) => {
      await expectNoSidewaysScroll(page);
      await expectAccessible(page);
      const folder = process.env.PATCHBAY_SHOTS;
      if (folder !== undefined)
        await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: true });
    },
    widths,
  );
}

/** @returns the errors and warnings that the page writes to its console from now on, uncaught ones too */
export function watchConsole(page: Page): readonly string[] {
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  return problems;
}

/** Drop one file on the page. */
export async function dropFile(page: Page, name: string, text: string): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([fileName, content]) => {
      const made = new DataTransfer();
      made.items.add(new File([content ?? ''], fileName ?? ''));
      return made;
    },
    [name, text],
  );
  await page.dispatchEvent('main', 'drop', { dataTransfer: transfer });
}
