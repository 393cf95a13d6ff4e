// Models from an imitated Hub, in the real engine: fetched once, kept, resumed, served without the network, forgotten.
// What each load asks of the server is counted there.

import { expect, type Locator, type Page, test } from '@playwright/test';
import { type FileServer, serveFiles } from '../src/checkpoint/expected/fileServer.ts';
import { gatedId, modelId, pieceBytes, pieceCount, startHub, storedFiles, token } from './imitatedHub.ts';
import { expectAccessible } from './pageChecks.ts';

let hub: FileServer;
const problems: string[] = [];
/** The browser itself writes to the console when a request fails; the tests that make one fail expect that. */
let mayRequestsFail = false;

test.beforeEach(async ({ page }) => {
  hub = await startHub();
  problems.length = 0;
  mayRequestsFail = false;
  page.on('console', (message) => {
    const isRequest = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !(isRequest && mayRequestsFail)) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  await openPage(page);
});

test.afterEach(async () => {
  await hub[Symbol.asyncDispose]();
  expect(problems, 'nothing is written to the console').toEqual([]);
});

/** The page without the embedded model, on WASM, with its chooser on it. */
async function openPage(page: Page): Promise<void> {
  // The answer below is not given to a service worker, which asks for itself.
  await page.addInitScript(() => Object.defineProperty(navigator, 'serviceWorker', { value: undefined }));
  await page.route('**/models/tiny-atlas/config.json', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
  );
  await page.goto('./?backend=wasm');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  await page.getByText('Advanced').click();
  await page.getByLabel('Address of the Hub').fill(hub.url);
}

async function startLoad(page: Page, id = modelId, revision = 'main'): Promise<void> {
  await page.getByLabel('Model id').fill(id);
  await page.getByLabel('Revision').fill(revision);
  await page.getByRole('button', { name: 'Load from the Hub' }).click();
}

const chip = (page: Page): Locator => page.getByRole('button', { name: /^Model:/ });
/** Real weights pass through a real engine, on whatever machine this is. */
const patient = { timeout: 60_000 };
const loaded = (page: Page, label: string): Promise<void> => expect(chip(page)).toContainText(label, patient);
const predicted = (page: Page): Promise<void> =>
  expect(page.getByRole('region', { name: 'Next token' }).getByRole('row')).toHaveCount(11, patient);
const keptSection = (page: Page): Locator => page.getByRole('region', { name: /^Kept models/ });
const notices = (page: Page): Locator => page.getByRole('region', { name: 'About this model' });

/** Ranges of the weights that were asked for since `from`, those that only ask for the version aside. */
const weightRanges = (from = 0) =>
  hub.requests
    .slice(from)
    .filter(({ path, range }) => path.endsWith('.safetensors') && range !== 'bytes=0-0')
    .map(({ range }) => range);

test('a model is fetched once, runs, and runs again after a reload without its server', async ({ page }) => {
  await expect(keptSection(page)).toContainText('None. A model from the Hub is kept in this browser');
  await startLoad(page);
  await loaded(page, `${modelId}@main`);
  await predicted(page);
  await expect(notices(page)).toBeHidden();
  expect(weightRanges()).toHaveLength(pieceCount);

  // Again: the server is asked for versions only.
  const before = hub.requests.length;
  await openPage(page);
  await expect(keptSection(page)).toContainText(/^Kept models: 38\.\d.MB in this browser/);
  await startLoad(page);
  await loaded(page, `${modelId}@main`);
  expect(hub.requests.length).toBeGreaterThan(before);
  expect(hub.requests.slice(before).every(({ range }) => range === 'bytes=0-0')).toBe(true);

  mayRequestsFail = true;
  await openPage(page);
  await hub[Symbol.asyncDispose]();
  await keptSection(page)
    .getByRole('button', { name: new RegExp(`^Load ${modelId}`) })
    .click();
  await loaded(page, `${modelId}@main`);
  await expect(notices(page)).toContainText('The copy that this browser has kept is used instead.');
  await predicted(page);
  await expectAccessible(page);
  await notices(page).getByRole('button', { name: 'Dismiss' }).click();
  await expect(notices(page)).toBeHidden();
  await expect(page.getByRole('main')).toBeFocused();
});

test('a cancelled download shows its bytes and goes on where it was', async ({ page }) => {
  hub.behave({ stallsAt: pieceBytes + 4_000_000 });
  await startLoad(page);
  const bar = page.getByRole('progressbar', { name: `Loading ${modelId}` });
  await expect(bar).toHaveAttribute('aria-valuetext', /^20\.\d.MB of 38\.\d.MB$/, patient);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(bar).toBeHidden();
  await expect(keptSection(page)).toContainText('16.8 MB, a part of it');

  hub.behave({});
  const before = hub.requests.length;
  await startLoad(page);
  await loaded(page, `${modelId}@main`);
  const ranges = weightRanges(before);
  expect(ranges).toHaveLength(pieceCount - 1);
  expect(ranges.every((range) => !range?.startsWith('bytes=0-'))).toBe(true);
  await chip(page).click();
  await expect(keptSection(page)).not.toContainText('a part of it');
});

test('a damaged piece is fetched again, and only that one', async ({ page }) => {
  await startLoad(page);
  await loaded(page, `${modelId}@main`);
  await page.evaluate(async () => {
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      const [piece] = (await cache.keys()).filter(({ url }) => /\/piece\?.*safetensors.*index=1/.test(url));
      const response = piece && (await cache.match(piece));
      if (!piece || !response) throw new Error('There is no such piece.');
      const body = new Uint8Array(await response.arrayBuffer());
      body[1000] = (body[1000] ?? 0) ^ 255;
      await cache.put(piece, new Response(body, { headers: response.headers }));
    }
  });
  const before = hub.requests.length;
  await openPage(page);
  await startLoad(page);
  await loaded(page, `${modelId}@main`);
  expect(weightRanges(before)).toEqual([`bytes=${pieceBytes}-${2 * pieceBytes - 1}`]);
});

test('with the storage full a model loads all the same, and the page says that it is not kept', async ({
  page,
  context,
}) => {
  const session = await context.newCDPSession(page);
  const origin = new URL(page.url()).origin;
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 20_000_000 });
  await startLoad(page);
  await loaded(page, `${modelId}@main`);
  await expect(notices(page)).toContainText('is full, so lab/random@main');
  await predicted(page);
  await expectAccessible(page);
  await chip(page).click();
  await expect(page.getByRole('dialog')).toContainText('It works all the same');
  await session.send('Storage.overrideQuotaForOrigin', { origin });
});

test('kept models are forgotten one by one or all, after a question', async ({ page }) => {
  for (const revision of ['main', 'step1000']) {
    await startLoad(page, modelId, revision);
    await loaded(page, `${modelId}@${revision}`);
    await chip(page).click();
  }
  const first = new RegExp(`^Forget ${modelId}@main`);
  const question = page.getByRole('alertdialog');
  await keptSection(page).getByRole('button', { name: first }).click();
  await expect(question).toContainText(/Its 38\.\d.MB are removed from this browser\./);
  await expectAccessible(page);
  await question.getByRole('button', { name: 'Keep' }).click();
  await expect(keptSection(page).getByRole('listitem')).toHaveCount(2);

  await keptSection(page).getByRole('button', { name: first }).click();
  await question.getByRole('button', { name: 'Forget' }).click();
  await expect(keptSection(page).getByRole('listitem')).toHaveCount(1);
  await expect(page.getByRole('heading', { name: /^Kept models: 38/ })).toBeFocused();

  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await question.getByRole('button', { name: 'Empty' }).press('Enter');
  await expect(keptSection(page)).toContainText('None. A model from the Hub is kept');
  expect(await page.evaluate(() => caches.keys())).toEqual([]);
  // The model in use stays.
  await page.keyboard.press('Escape');
  await predicted(page);
});

test('what cannot be loaded is reported in a sentence', async ({ page }) => {
  mayRequestsFail = true;
  const main = page.getByRole('main');
  await startLoad(page, 'lab/none');
  await expect(
    main.getByText(/'lab\/none' does not exist on the hub, or needs an access token\./),
  ).toBeVisible();
  await startLoad(page, modelId, 'v9');
  await expect(main.getByText(/'lab\/random' has no revision 'v9' on the hub\./)).toBeVisible();
  hub.behave({ breaksAfter: 1_000_000 });
  await startLoad(page);
  await expect(
    main.getByText(/The transfer of 'lab\/random@main\/model\.safetensors' broke off/),
  ).toBeVisible();
  hub.behave({});
  await startLoad(page);
  await loaded(page, `${modelId}@main`);
});

test('an access token goes to the Hub, and nowhere else', async ({ page }) => {
  mayRequestsFail = true;
  const storage = await serveFiles(storedFiles);
  await hub[Symbol.asyncDispose]();
  hub = await startHub(storage.url);
  await openPage(page);
  const sent: string[] = [];
  page.on('request', (request) => {
    if (JSON.stringify([request.url(), request.headers(), request.postData()]).includes(token)) {
      sent.push(new URL(request.url()).origin);
    }
  });
  const field = page.getByLabel('Access token');
  await expect(field).toHaveAttribute('type', 'password');
  await startLoad(page, gatedId);
  await expect(page.getByRole('main').getByText(/needs an access token/)).toBeVisible();
  await field.fill('hf_wrong');
  await startLoad(page, gatedId);
  await expect(page.getByRole('main').getByText(/The access token does not open it/)).toBeVisible();
  await expect(page.getByText('hf_wrong')).toBeHidden();
  await field.fill(token);
  await startLoad(page, gatedId);
  await loaded(page, `${gatedId}@main`);
  await predicted(page);

  expect(hub.requests.at(-1)?.authorization).toBe(`Bearer ${token}`);
  expect(storage.requests.length).toBeGreaterThanOrEqual(pieceCount);
  expect(storage.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  expect(sent.filter((origin) => origin !== hub.url)).toEqual([]);
  const kept = await page.evaluate(async () => {
    const texts = [
      location.href,
      document.body.textContent,
      JSON.stringify({ ...localStorage, ...sessionStorage }),
    ];
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        const response = await cache.match(request);
        const isSmall = !request.url.includes('safetensors');
        texts.push(name, request.url, isSmall ? ((await response?.text()) ?? '') : '');
        response?.headers.forEach((value) => void texts.push(value));
      }
    }
    return texts;
  });
  expect(kept.length).toBeGreaterThan(10);
  expect(kept.filter((text) => text.includes(token))).toEqual([]);
  await storage[Symbol.asyncDispose]();
});
