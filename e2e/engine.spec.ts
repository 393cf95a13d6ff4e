// The built page over its own engine: a model file is dropped into the real worker, on WASM and on WebGPU.

import { expect, type Page, test } from '@playwright/test';
import { smallGguf } from '../src/checkpoint/expected/smallFiles.ts';
import { watchConsole } from './pageChecks.ts';

const prompt = 'The quick brown fox';

/** Choose a tiny model and ask it what comes next. @returns probabilities as shown, best first */
async function predictOn(page: Page, backend: 'wasm' | 'webgpu'): Promise<readonly string[]> {
  const foreign: string[] = [];
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== 'localhost') foreign.push(request.url());
  });
  const problems = watchConsole(page);

  await page.goto(`?backend=${backend}`);
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  await expect(page.getByRole('button', { name: /^Device:/ })).toContainText(
    backend === 'wasm' ? 'WASM' : 'WebGPU',
  );
  await page
    .getByRole('button', { name: /^Model:|Choose a model/ })
    .first()
    .click();
  await page
    .getByLabel('Choose files', { exact: true })
    .last()
    .setInputFiles({
      name: 'small.gguf',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(smallGguf('llama')),
    });
  await expect(page.getByRole('button', { name: /^Model: small/ })).toBeVisible({ timeout: 60_000 });
  if (await page.getByRole('dialog').isVisible()) await page.keyboard.press('Escape');
  await page.getByRole('textbox', { name: 'Prompt' }).fill(prompt);
  const next = page.getByRole('region', { name: 'Next token' });
  await expect(next.getByText(/^in \d/)).toBeVisible({ timeout: 90_000 });
  const shown = await next.getByText(/^[<\d][\d.\s]*.%$/).allTextContents();
  expect(foreign, 'the page asks no other host for anything').toEqual([]);
  expect(problems, 'nothing is written to the console').toEqual([]);
  return shown;
}

test('a dropped model answers on WASM, and on WebGPU with the same probabilities', async ({
  page,
  context,
}) => {
  test.setTimeout(240_000);
  const onWasm = await predictOn(page, 'wasm');
  expect(onWasm).toHaveLength(10);
  const onWebGpu = await predictOn(await context.newPage(), 'webgpu');
  expect(onWebGpu).toEqual(onWasm);
});

test('a software adapter is passed over for WASM, and the badge says why', async ({ page }) => {
  await page.goto('');
  const badge = page.getByRole('button', { name: /^Device:/ });
  await expect(badge).toContainText('WASM');
  await badge.click();
  await expect(page.getByRole('dialog', { name: 'Device' })).toContainText('software adapter');
});

test('a damaged file is reported beside its control, and a whole one then loads', async ({ page }) => {
  await page.goto('?backend=wasm');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  await page
    .getByRole('button', { name: /^Model:|Choose a model/ })
    .first()
    .click();
  const files = page.getByLabel('Choose files', { exact: true }).last();
  const whole = Buffer.from(smallGguf('gpt2'));
  const choose = (buffer: Buffer) =>
    files.setInputFiles({ name: 'gpt2.gguf', mimeType: 'application/octet-stream', buffer });
  await choose(whole.subarray(0, 1000));
  await expect(page.getByText(/gpt2\.gguf.*(cut off|damaged)/i).first()).toBeVisible({ timeout: 60_000 });
  await choose(whole);
  await expect(page.getByRole('button', { name: /^Model: gpt2/ })).toBeVisible({ timeout: 60_000 });
});
