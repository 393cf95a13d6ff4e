// The checks that the tests of all pages share find what is planted: a check that finds nothing anywhere would pass them all.

import { expect, type Page, test } from '@playwright/test';
import { expectAccessible, expectFits, expectNoSidewaysScroll, inEveryLook } from './pageChecks.ts';

const show = (page: Page, body: string, style = ''): Promise<void> =>
  page.setContent(
    `<!doctype html><html lang="en"><head><title>A page</title><style>${style}</style></head>
    <body><main><h1>A page</h1>${body}</main></body></html>`,
  );

/** The words with which a check failed. */
const failure = (check: Promise<void>): Promise<string> => check.then(() => '', String);

test('axe names each element of each rule that is broken, and nothing of a page that is right', async ({
  page,
}) => {
  await show(page, '<p>Words that can be read.</p><button>A name</button>');
  await expectAccessible(page);
  const grey = 'style="color: #ccc"';
  await show(page, `<p ${grey}>Pale words.</p><i ${grey}>More of them.</i><button id="bare"></button>`);
  const found = await failure(expectAccessible(page));
  expect(found).toMatch(/color-contrast: .*Pale words.*More of them/);
  expect(found).toMatch(/button-name: .*bare/);
});

test('a page with a frame in it is refused: axe might not see into it', async ({ page }) => {
  await show(page, '<iframe title="Another" srcdoc="<p>Inside</p>"></iframe>');
  await expect.poll(() => page.frames().length).toBe(2);
  expect(await failure(expectAccessible(page))).toContain('no frame is left out');
});

test('what is wrong in one look alone is found in it', async ({ page }) => {
  const looks: string[] = [];
  const faulty = async (check: (page: Page) => Promise<void>) => {
    looks.length = 0;
    await inEveryLook(page, async ({ width, colorScheme }) => {
      if (await failure(check(page))) looks.push(`${width} ${colorScheme}`);
    });
    return looks;
  };
  const dark = '@media (prefers-color-scheme: dark) and (max-width: 500px)';
  const light = '@media (prefers-color-scheme: light) and (min-width: 500px)';
  await show(page, '<p>Words.</p>', `${dark} { p { color: #ccc } }`);
  expect(await faulty(expectAccessible)).toEqual(['390 dark']);
  expect(await failure(expectFits(page, 'planted'))).toContain('color-contrast');
  await show(page, '<p>Words.</p>', `${light} { p { color: #ccc } }`);
  expect(await faulty(expectAccessible)).toEqual(['1440 light']);
  await show(page, '<p>Words.</p>', 'p { width: 600px }');
  const quickly = (given: Page) => expectNoSidewaysScroll(given, 500);
  expect(await faulty(quickly)).toEqual(['390 dark', '390 light']);
  const before = { width: 777, height: 555 };
  await page.setViewportSize(before);
  await show(page, '<p>Words.</p>');
  await expectFits(page, 'planted');
  expect(page.viewportSize()).toEqual(before);
});
