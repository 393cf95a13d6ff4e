// The built page on a static host, and then without it: what a visit keeps, what a new build replaces, and what stays
// untouched beside it.

import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { expectAccessible } from './pageChecks.ts';
import { type StaticHost, serveFolder } from './staticHost.ts';

const hasModel = existsSync(new URL('../models/tiny-atlas/model.safetensors', import.meta.url));
const hasStored = existsSync(new URL('../examples/results/eiffel-tower.json', import.meta.url));
test.skip(!hasModel || !hasStored, 'the embedded model or its stored results are not in this checkout');
test.describe.configure({ timeout: 300_000 });

const slow = { timeout: 120_000 };
let host: StaticHost;
let folder = '';

test.beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-page-'));
  host = await serveFolder('dist/page', { path: '/some/where/' });
});

test.afterEach(async () => {
  await host[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const figure = (page: Page) => page.getByRole('region', { name: /^Where |^Figure/ });
const device = (page: Page) => page.getByRole('button', { name: /^Device:/ });

/** The names of the caches that hold the page, and the paths in them. */
const kept = (page: Page) =>
  page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith('patchbay page '));
    const all = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return { names, paths: all.flat().map(({ url }) => new URL(url).pathname) };
  });

const keptPrograms = async (page: Page) => (await kept(page)).paths.filter((path) => path.endsWith('.wasm'));

/** Visit until the page has done what it opens with, and is kept. */
async function visit(page: Page): Promise<void> {
  await page.goto(`${host.url}?backend=wasm`);
  await expect(figure(page)).toContainText(/Reproduced here, largest difference/, slow);
  // The engine's own program comes last: it is asked for once the rest is kept.
  await expect.poll(() => keptPrograms(page), slow).toHaveLength(1);
}

/** The build as a later one would be: its page says something else. */
function laterBuild(): string {
  const later = join(folder, 'later');
  cpSync('dist/page', later, { recursive: true });
  const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');
  const page = readFileSync(join(later, 'index.html'), 'utf8');
  const changed = page.replace('<title>Patchbay</title>', '<title>Patchbay, later</title>');
  const worker = readFileSync(join(later, 'serviceWorker.js'), 'utf8');
  writeFileSync(join(later, 'index.html'), changed);
  writeFileSync(
    join(later, 'serviceWorker.js'),
    worker.replace(digestOf(page), digestOf(changed)).replace(/digest":"\w+"/, 'digest":"later"'),
  );
  return later;
}

test('after one visit the page opens and traces without its host, on as many threads as a host could give', async ({
  page,
  context,
}) => {
  await visit(page);
  expect(await page.evaluate(() => crossOriginIsolated), 'this host sends no headers').toBe(false);
  const { paths } = await kept(page);
  expect(paths.every((path) => path.startsWith('/some/where/'))).toBe(true);
  // What the page had fetched was not sent again to be kept.
  const large = host.sent.filter(({ bytes }) => bytes > 100_000).map(({ path }) => path);
  expect(large).toEqual([...new Set(large)]);
  await page.close();

  await context.setOffline(true);
  await host[Symbol.asyncDispose]();
  const again = await context.newPage();
  await again.goto(`${host.url}?backend=wasm`);
  await expect(figure(again).getByRole('gridcell')).toHaveCount(264);
  await expect(figure(again)).toContainText(/Reproduced here, largest difference/, slow);
  expect(await again.evaluate(() => crossOriginIsolated)).toBe(true);
  await expect(device(again)).toContainText(/[2-8] threads/);

  await again.getByRole('textbox', { name: 'Prompt' }).fill('The Colosseum is located in the city of');
  await expect(
    again.getByRole('button', { name: /^Add the most probable next token, space Rome/ }),
  ).toBeVisible(slow);
  await again.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(figure(again)).toContainText('Computed here', slow);
});

test('a page that the full storage cannot keep works all the same, and its help says so', async ({
  page,
  context,
}) => {
  const session = await context.newCDPSession(page);
  const { origin } = new URL(host.url);
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_000_000 });
  await page.goto(`${host.url}?backend=wasm`);
  await expect(figure(page)).toContainText(/Reproduced here, largest difference/, slow);
  await page.getByRole('button', { name: 'Words and shortcuts' }).click();
  await expect(page.getByRole('dialog')).toContainText('could not keep the page', slow);
  expect((await kept(page)).names).toEqual([]);
  await expectAccessible(page);
});

test('a new build is there at the next opening, with and without the network, and takes the place of the old one', async ({
  page,
  context,
}) => {
  await visit(page);
  await page.evaluate(async () => {
    const model = await caches.open('patchbay model 1 somewhere');
    await model.put('https://patchbay.invalid/piece?bytes=1', new Response('x'));
  });
  const [old] = (await kept(page)).names;
  host.deploy(laterBuild());

  // An opening with the network shows the new build at once, whoever serves it.
  await page.goto(host.url);
  await expect(page).toHaveTitle('Patchbay, later');
  await page.waitForFunction(async () => (await navigator.serviceWorker.getRegistration())?.waiting !== null);
  await page.close();

  // With its last tab gone the old worker is over. Another page of the host tells, which is not one of its tabs.
  const beside = await context.newPage();
  await beside.goto(new URL('/', host.url).href);
  await expect.poll(async () => (await kept(beside)).names, slow).not.toContain(old);
  expect((await kept(beside)).names).toHaveLength(1);
  expect(await keptPrograms(beside)).toHaveLength(1);
  expect(await beside.evaluate(() => caches.has('patchbay model 1 somewhere'))).toBe(true);

  await context.setOffline(true);
  await host[Symbol.asyncDispose]();
  const offline = await context.newPage();
  await offline.goto(host.url);
  await expect(offline).toHaveTitle('Patchbay, later');
  await expect(figure(offline)).toContainText(/Reproduced here, largest difference/, slow);
});

test('a file that is not of the build is not kept, and the old build stays whole', async ({
  page,
  context,
}) => {
  await visit(page);
  // The page has changed on the host and the list of its files has not, as between two steps of a deployment.
  const later = laterBuild();
  const worker = readFileSync(join(later, 'serviceWorker.js'), 'utf8');
  writeFileSync(
    join(later, 'serviceWorker.js'),
    worker.replace(/"\.\/":"\w{64}"/, `"./":"${'0'.repeat(64)}"`),
  );
  host.deploy(later);
  await page.goto(host.url);
  await expect(page).toHaveTitle('Patchbay, later');
  await page.waitForFunction(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    return registration?.installing === null && registration.waiting === null;
  });
  await page.close();

  await context.setOffline(true);
  await host[Symbol.asyncDispose]();
  const again = await context.newPage();
  await again.goto(host.url);
  await expect(again).toHaveTitle('Patchbay');
  await expect(figure(again)).toContainText(/Reproduced here, largest difference/, slow);
});
