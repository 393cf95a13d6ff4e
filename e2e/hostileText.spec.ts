// What comes from outside is text, wherever the page shows it: tokens, labels and names of files, links, answers of the Hub.
// Neither markup nor a request comes of it, on the page and in the files that it saves; the policy has nothing to refuse.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import {
  byteLevelTokenizer,
  jsonBytes,
  type SmallTensor,
  safetensorsFile,
} from '../src/checkpoint/expected/smallFiles.ts';
import { tinyCheckpoint } from '../src/runtime/fixtures/tinyCheckpoint.ts';
import { encodeLink } from '../src/share/link.ts';
import { openPage } from './fakeEngine.ts';
import { fakeModel } from './fakeModel.ts';
import { hostileTexts, watchTexts } from './hostileTexts.ts';

const slow = { timeout: 120_000 };
const texts = hostileTexts(40, 7);
const plainWords = 260;

const config = {
  model_type: 'gpt2',
  n_embd: 16,
  n_layer: 2,
  n_head: 2,
  n_positions: 64,
  vocab_size: plainWords + texts.length,
};

/** A tokenizer of bytes, with every hostile text as a token of its own. */
function tokenizer(): object {
  const plain = byteLevelTokenizer();
  const added = texts.map((content, index) => ({
    id: plainWords + index,
    content,
    special: index % 5 === 0,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  return { ...plain, added_tokens: [...(plain.added_tokens as object[]), ...added] }; // A list, in that file.
}

async function modelFiles(): Promise<Readonly<Record<string, Uint8Array>>> {
  const checkpoint = tinyCheckpoint(config);
  const tensors: Record<string, SmallTensor> = {};
  for (const [name, { dtype, shape }] of checkpoint.tensors)
    tensors[name] = { dtype, shape, data: await checkpoint.read(name) };
  return {
    'config.json': jsonBytes(config),
    'tokenizer.json': jsonBytes(tokenizer()),
    'model.safetensors': safetensorsFile(tensors),
  };
}

const embeddedIsNotServed = (page: Page) =>
  page.route('**/models/tiny-atlas/config.json', (route) => route.fulfill({ status: 404, body: '' }));

const figure = (page: Page) => page.getByRole('region', { name: /^Where |^Figure/ });

async function saved(page: Page, format: string): Promise<string> {
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: `Save as ${format}`, exact: true }).click();
  return readFileSync(await (await waiting).path(), 'utf8');
}

test('a model whose name and tokens are markup is traced and saved as text', async ({ page }) => {
  test.setTimeout(300_000);
  const root = mkdtempSync(join(tmpdir(), 'patchbay-hostile-'));
  const name = `<img src=x onerror=ran=1>"'&lt;javascript:ran=1`;
  mkdirSync(join(root, name));
  for (const [file, bytes] of Object.entries(await modelFiles()))
    writeFileSync(join(root, name, file), bytes);
  const { expectOnlyText } = await watchTexts(page);
  await embeddedIsNotServed(page);
  await page.goto('./?backend=wasm');
  await page.locator('input[webkitdirectory]').setInputFiles(join(root, name));
  await expect(page.getByRole('button', { name: /^Model:/ })).toContainText(`${name}· 2 layers`, slow);
  rmSync(root, { recursive: true });

  await page.getByRole('textbox', { name: 'Prompt' }).fill(texts.slice(0, 8).join(''));
  const chips = page.getByRole('listbox').getByRole('option');
  await expect(chips).not.toHaveCount(0, slow);
  await expectOnlyText();
  await chips.nth(2).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(figure(page)).toContainText('Computed here', slow);
  await page.getByRole('gridcell').nth(3).click();
  await expectOnlyText();

  const svg = await saved(page, 'SVG');
  const drawn = await page.evaluate((text) => {
    const document = new DOMParser().parseFromString(text, 'image/svg+xml');
    return [...new Set([...document.querySelectorAll('*')].map(({ localName }) => localName))];
  }, svg);
  const known = [
    'svg',
    'title',
    'desc',
    'defs',
    'linearGradient',
    'stop',
    'pattern',
    'g',
    'rect',
    'path',
    'text',
    'tspan',
    'line',
    'circle',
    'polygon',
    'clipPath',
    'metadata',
  ];
  expect(drawn.filter((each) => !known.includes(each))).toEqual([]);
  expect(svg).not.toMatch(/<[^>]*\son\w+=/);
  const result = JSON.parse(await saved(page, 'JSON'));
  expect(JSON.stringify(result)).toContain('onerror');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  await expect(page.getByRole('region', { name: 'Next token' }).getByRole('row')).toHaveCount(11, slow);
  await expectOnlyText();
});

test('names of files, labels and errors are shown as they are written', async ({ page }) => {
  const { expectOnlyText } = await watchTexts(page);
  const [label = '', error = '', note = '', kept = ''] = hostileTexts(4, 11);
  const refusal = page.getByRole('dialog');
  await openPage(page, {
    model: { ...fakeModel(label, 2, 128, 4), weightsNote: note, notices: hostileTexts(6, 12) },
    loadErrors: [null, error],
    predictError: hostileTexts(1, 13)[0] ?? '',
    kept: [{ label: kept, source: null, sizeBytes: 1, lastUsed: 0, isComplete: true }],
  });
  await expect(page.getByRole('region', { name: 'About this model' })).toBeVisible();
  await expectOnlyText();
  await page.getByRole('button', { name: /^Model:/ }).click();
  await expect(page.getByRole('region', { name: /^Kept models/ })).toBeVisible();
  await expectOnlyText();
  const files = page.locator('input[type="file"][accept]');
  for (const name of hostileTexts(12, 14)) {
    await files.setInputFiles([{ name: `${name}.txt`, mimeType: '', buffer: Buffer.from('x') }]);
    await expect(refusal).toContainText('is not a .gguf, .safetensors or .onnx file');
    await expectOnlyText();
  }
  await files.setInputFiles([{ name: 'some.gguf', mimeType: '', buffer: Buffer.from('x') }]);
  await expect(refusal).toContainText(error);
  await expectOnlyText();
});

test('a link can hold anything, and makes nothing of it', async ({ page }) => {
  test.setTimeout(300_000);
  const { expectOnlyText } = await watchTexts(page);
  const link = (text: string) =>
    encodeLink({
      trace: {
        kind: 'trace',
        version: 1,
        model: text,
        prompt: `${text} and`,
        subject: text.slice(0, 3),
        answer: text,
      },
    });
  const fragments = [
    ...(await Promise.all(hostileTexts(10, 21).map(link))),
    ...(await Promise.all(hostileTexts(3, 22).map((text) => encodeLink({ [text]: text })))),
    ...hostileTexts(3, 23).map((text) => `#v1.${encodeURIComponent(text)}`),
    ...hostileTexts(3, 24).map((text) => `#v9.${text}`),
    `#${texts[0]}`,
  ];
  await openPage(page, { place: 'Trace' });
  for (const fragment of fragments) {
    await page.evaluate((text) => {
      window.location.hash = text;
    }, fragment);
    await expectOnlyText();
    const address = page.url();
    await page.goto('about:blank');
    await page.goto(address);
    await expect(page.getByRole('main')).toBeVisible();
    await expectOnlyText();
  }
});

test('an answer of the Hub is shown and not obeyed', async ({ page }) => {
  test.setTimeout(300_000);
  const answers = hostileTexts(14, 31);
  let at = 0;
  const server = createServer((request, response) => {
    const text = answers[at % answers.length] ?? '';
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', '*');
    response.setHeader('access-control-expose-headers', '*');
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    const header = text.replace(/[^\x20-\x7e]/g, '');
    const path = decodeURIComponent(request.url ?? '');
    const json = (value: unknown) =>
      response.writeHead(200, { 'content-type': 'application/json', etag: '"1"' }).end(JSON.stringify(value));
    // In turns: an error with a hostile reason, names of files, a configuration, a page in place of a file.
    switch (at % 4) {
      case 0:
        return void response.writeHead(404, { 'x-error-code': header, 'x-error-message': header }).end(text);
      case 1:
        return void json(path.includes('/tree/') ? [{ type: 'file', path: `${text}.gguf`, size: 9 }] : {});
      case 2:
        return void json(
          path.includes('/tree/')
            ? [{ type: 'file', path: 'config.json', size: 9 }]
            : { model_type: text, architectures: [text] },
        );
      default:
        return void response
          .writeHead(200, { 'content-type': 'text/html', etag: `"${header.replaceAll('"', '')}"` })
          .end(text);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  try {
    const { expectOnlyText } = await watchTexts(page);
    await embeddedIsNotServed(page);
    await page.goto('./?backend=wasm');
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
    await page.getByText('Advanced').click();
    // A server that listens on a port has an address of this form, never a pipe's name.
    await page
      .getByLabel('Address of the Hub')
      .fill(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (at = 0; at < answers.length; at += 1) {
      await page.getByLabel('Model id').fill(`lab/model${at}`);
      await page.getByRole('button', { name: 'Load from the Hub' }).click();
      await expect(page.getByText(`lab/model${at} was not loaded`, { exact: true })).toBeVisible(slow);
      await expectOnlyText();
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('had a text become markup, these tests would say so, and the policy would let nothing of it run', async ({
  page,
}) => {
  const { expectOnlyText } = await watchTexts(page);
  await openPage(page, { place: 'Trace' });
  await expectOnlyText();
  for (const text of [
    '<img src=x onerror="ran=1">',
    '<img src="//elsewhere.invalid/1">',
    '<b onclick="ran=1">x</b>',
  ]) {
    const ran = await page.evaluate(async (markup) => {
      const place = document.body.appendChild(document.createElement('div'));
      place.innerHTML = markup;
      place.firstElementChild?.dispatchEvent(new Event('click'));
      await new Promise(requestAnimationFrame);
      return 'ran' in window;
    }, text);
    expect(ran).toBe(false);
    await expect(expectOnlyText()).rejects.toThrow();
    await page.evaluate(() => document.body.lastElementChild?.remove());
  }
  expect(await page.evaluate(() => 'ran' in window)).toBe(false);
});

test('a hub that the server was not told of is refused in a sentence that says how to name it', async ({
  page,
}) => {
  await embeddedIsNotServed(page);
  await page.goto('./?backend=wasm');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('button', { name: 'Model' }).click();
  await page.getByText('Advanced').click();
  await page.getByLabel('Address of the Hub').fill('https://hub.example');
  await page.getByLabel('Model id').fill('lab/model');
  await page.getByRole('button', { name: 'Load from the Hub' }).click();
  await expect(page.getByRole('main')).toContainText(
    'The policy of this page does not let it read from https://hub.example. Start Patchbay with --hub https://hub.example, or open the model from a folder.',
    slow,
  );
});
