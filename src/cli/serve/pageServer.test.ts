// The server against a folder of its own: headers, files, ports. What the page makes of the headers is seen in e2e/.

import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { NoPortError, type PageServer, servePage } from './pageServer.ts';

let folder = '';
const open: { close(): Promise<void> }[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'patchbay-server-'));
  mkdirSync(join(folder, 'page/assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(join(folder, 'page/index.html'), '<title>Here</title>');
  writeFileSync(join(folder, 'page/assets/worker.js'), '1');
  writeFileSync(join(folder, 'page/assets/run.wasm'), '2');
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  rmSync(folder, { recursive: true });
});

async function serve(port = 0, hubs: readonly string[] = []): Promise<PageServer> {
  const server = await servePage(join(folder, 'page'), { port, hubs });
  open.push(server);
  return server;
}

/** What a browser would tidy up before it asks. */
function statusOf(
  server: PageServer,
  path: string,
  method = 'GET',
  headers: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: server.port, path, method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject).end();
  });
}

/** Another program's port. */
async function takePort(): Promise<number> {
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  open.push({ close: () => new Promise((resolve) => other.close(() => resolve())) });
  const address = other.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('the page may ask its own host alone; its scripts may compile WASM and read from the hubs', async () => {
  const server = await serve(0, ['https://hub.example']);
  const page = (await fetch(server.url)).headers;
  expect(page.get('content-security-policy')).toBe(
    "default-src 'none'; base-uri 'none'; form-action 'none'; script-src 'self'; style-src 'self'; " +
      "img-src 'self' data: blob:; connect-src 'self' blob:; worker-src 'self'; frame-ancestors 'none'",
  );
  expect(page.get('cross-origin-opener-policy')).toBe('same-origin');
  expect(page.get('cross-origin-embedder-policy')).toBe('require-corp');
  expect(page.get('content-type')).toBe('text/html;charset=utf-8');
  const script = (await fetch(new URL('assets/worker.js', server.url))).headers;
  expect(script.get('content-security-policy')).toBe(
    "default-src 'none'; base-uri 'none'; form-action 'none'; script-src 'self' 'wasm-unsafe-eval'; " +
      "connect-src 'self' blob: https://huggingface.co https://*.huggingface.co https://*.hf.co " +
      "http://localhost:* http://127.0.0.1:* https://hub.example; worker-src 'self'",
  );
  const program = (await fetch(new URL('assets/run.wasm', server.url))).headers;
  expect(program.get('content-type')).toBe('application/wasm');
  expect(program.get('x-content-type-options')).toBe('nosniff');
});

test('nothing outside of the folder is served, whatever is asked, and nothing can be changed', async () => {
  const server = await serve();
  for (const path of [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/%',
    '/nowhere',
  ])
    expect(await statusOf(server, path), path).toBe(404);
  for (const method of ['POST', 'PUT', 'DELETE']) expect(await statusOf(server, '/', method)).toBe(405);
  expect(await statusOf(server, '/', 'HEAD')).toBe(200);
});

test('a file that has not changed is not sent again, and carries its policy all the same', async () => {
  const server = await serve();
  const first = await fetch(server.url);
  const again = await fetch(server.url, { headers: { 'If-None-Match': first.headers.get('etag') ?? '' } });
  expect(again.status).toBe(304);
  expect(again.headers.get('content-security-policy')).toBe(first.headers.get('content-security-policy'));
});

test('a part of a file is served, and the whole one for a range that is none', async () => {
  const server = await serve();
  const statuses = { 'bytes=0-3': 206, 'bytes=2-': 206, 'bytes=9-2': 200, 'bytes=-5': 200, nonsense: 200 };
  for (const [range, status] of Object.entries(statuses))
    expect(await statusOf(server, '/', 'GET', { Range: range }), range).toBe(status);
  expect(await statusOf(server, '/', 'GET', { Range: 'bytes=999999-' })).toBe(416);
});

// Of this file the headers can be told, and the first byte cannot be read.
const unreadable = '/proc/self/mem';

test.skipIf(!existsSync(unreadable))('a file that cannot be read does not end the server', async () => {
  const server = await serve();
  symlinkSync(unreadable, join(folder, 'page/assets/unreadable.js'));
  await statusOf(server, '/assets/unreadable.js').catch(() => undefined);
  expect(await statusOf(server, '/')).toBe(200);
});

test('where a port is taken the next free one is', async () => {
  const taken = await takePort();
  const server = await serve(taken);
  expect(server.port).toBeGreaterThan(taken);
  expect(server.port).toBeLessThan(taken + 20);
  expect(await (await fetch(server.url)).text()).toBe('<title>Here</title>');
});

test('where none is free it says so', async () => {
  await new Promise<void>((resolve) => {
    const last = createServer().listen(65_535, '127.0.0.1', resolve);
    // Whoever else has it takes it as well.
    last.on('error', () => resolve());
    open.push({ close: () => new Promise((done) => last.close(() => done())) });
  });
  await expect(serve(65_535)).rejects.toThrow(NoPortError);
  await expect(serve(65_535)).rejects.toThrow(
    'No port from 65535 to 65535 is free on this machine. Name another by --port.',
  );
});
