import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FileServer, serveFiles, serveHub } from '../expected/fileServer.ts';
import { openHttpFile, rangeSource } from './http.ts';
import { hubFolder } from './hub.ts';

// The ticks are the test's; the network runs by itself.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => void vi.useRealTimers());

const bytes = Uint8Array.from({ length: 50_000 }, (_, index) => index % 251);
const asked = (server: FileServer, count: number) =>
  vi.waitFor(() => expect(server.requests.length).toBe(count));
const silent = /^Nothing has come from 127\.0\.0\.1:\d+ for 15 seconds\. Check the connection and try again/;

test('a server that never answers is a sentence after fifteen seconds, and not before', async () => {
  await using server = await serveFiles({ w: bytes }, { isSilent: true });
  let isOver = false;
  const opening = openHttpFile(`${server.url}/w`, 'w').finally(() => {
    isOver = true;
  });
  opening.catch(() => undefined);
  await asked(server, 1);
  await vi.advanceTimersByTimeAsync(13_000);
  expect(isOver).toBe(false);
  await vi.advanceTimersByTimeAsync(2_000);
  await expect(opening).rejects.toThrow(silent);
  expect(vi.getTimerCount()).toBe(0);
});

test('so is a hub that never answers', async () => {
  await using server = await serveHub({ repositories: { 'lab/tiny': { w: bytes } } }, { isSilent: true });
  const folder = hubFolder({ repository: 'lab/tiny', hubUrl: server.url });
  for (const [index, call] of [() => folder.list(), () => folder.open('w')].entries()) {
    const failing = expect(call()).rejects.toThrow(silent);
    await asked(server, index + 1);
    await vi.advanceTimersByTimeAsync(15_000);
    await failing;
  }
});

test('a download that moves, a piece in thirteen seconds, goes on to its end', async () => {
  const beforePiece = async () => void (await vi.advanceTimersByTimeAsync(13_000));
  await using server = await serveFiles({ w: bytes }, { beforePiece });
  const source = rangeSource(`${server.url}/w`, 'w', bytes.byteLength, {});
  expect(await source.read(0, bytes.byteLength)).toEqual(bytes);
});

test('a download that stops moving is broken off, and a request that waits for another one is not', async () => {
  await using server = await serveFiles({ w: bytes }, { stallsAfter: 20_000 });
  let arrived = 0;
  const onBytes = (count: number) => {
    arrived += count;
  };
  const source = rangeSource(`${server.url}/w`, 'w', bytes.byteLength, { onBytes });
  const reading = expect(source.read(0, bytes.byteLength)).rejects.toThrow(silent);
  await vi.waitFor(() => expect(arrived).toBe(20_000));
  await vi.advanceTimersByTimeAsync(13_000);
  // Another answer of the same host: the connection lives.
  server.behave({});
  expect(await rangeSource(`${server.url}/w`, 'w', bytes.byteLength).read(0, 10)).toEqual(bytes.slice(0, 10));
  await vi.advanceTimersByTimeAsync(13_000);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(5_000);
  await reading;
});
