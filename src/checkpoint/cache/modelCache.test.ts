// Loads through the cache, from an imitated Hub whose requests are counted.
import { expect, test } from 'vitest';
import type { Checkpoint } from '../checkpoint.ts';
import { type FileServer, serveFiles, serveHub } from '../expected/fileServer.ts';
import { MemoryCaches } from '../expected/memoryCaches.ts';
import { floatBytes, jsonBytes, safetensorsFile } from '../expected/smallFiles.ts';
import { openHub, openUrl } from '../open.ts';
import { expand } from '../storage/expand.ts';
import type { CachedLoad } from './cachedLoad.ts';
import { browserCache, ModelCache } from './modelCache.ts';

const values = Array.from({ length: 5_000 }, (_, index) => index / 8);
const modelOf = (scale: number) => ({
  'config.json': jsonBytes({ model_type: 'gpt2' }),
  'model.safetensors': safetensorsFile({
    a: { dtype: 'F32', shape: [3], data: floatBytes([1, 2, 3]) },
    w: { dtype: 'F32', shape: [50, 100], data: floatBytes(values.map((value) => scale * value)) },
    z: { dtype: 'F32', shape: [3], data: floatBytes([4, 5, 6]) },
  }),
});
const model = modelOf(1);
const weightBytes = model['model.safetensors'].byteLength;
const pieceBytes = 4096;
/** 20,264 bytes of weights in pieces of 4,096. */
const weightPieces = 5;

function cacheOf(stores: MemoryCaches, now = () => 1000): ModelCache {
  return new ModelCache(stores, { pieceBytes, now });
}

async function read(checkpoint: Checkpoint, scale = 1): Promise<void> {
  expect(checkpoint.config).toEqual({ model_type: 'gpt2' });
  expect([...expand('F32', await checkpoint.read('a'), 3)]).toEqual([1, 2, 3]);
  expect([...expand('F32', await checkpoint.read('z'), 3)]).toEqual([4, 5, 6]);
  expect([...expand('F32', await checkpoint.read('w'), values.length)]).toEqual(
    values.map((value) => scale * value),
  );
  await expect(checkpoint.tokenizer()).rejects.toThrow(/'tokenizer.json' is missing/);
}

const open = (server: FileServer, cache: CachedLoad, revision = 'main') =>
  openHub({ repository: 'lab/tiny', revision, hubUrl: server.url, cache });

/** A whole load. @returns its notices */
async function load(
  server: FileServer,
  cache: ModelCache,
  revision?: string,
  scale?: number,
): Promise<readonly string[]> {
  const loading = cache.startLoad();
  await read(await open(server, loading, revision), scale);
  await loading.finish(true);
  return loading.notices;
}

const commit = '0123456789abcdef0123456789abcdef01234567';
const rules = { repositories: { 'lab/tiny': model }, revisions: ['main', commit] };
/** Requests for more than the one byte that asks for a version. */
const transfers = ({ requests }: FileServer) => requests.filter(({ range }) => range !== 'bytes=0-0');
const weights = ({ path }: { readonly path: string }) => path.endsWith('model.safetensors');

test('a model is fetched in pieces, each once, and a second load fetches none', async () => {
  await using server = await serveHub(rules);
  const stores = new MemoryCaches();
  expect(await load(server, cacheOf(stores))).toEqual([]);
  const ranges = transfers(server)
    .filter(weights)
    .map(({ range }) => range);
  expect(ranges).toEqual([
    'bytes=0-4095',
    `bytes=16384-${weightBytes - 1}`,
    'bytes=4096-8191',
    'bytes=8192-12287',
    'bytes=12288-16383',
  ]);
  const before = server.requests.length;
  expect(await load(server, cacheOf(stores))).toEqual([]);
  expect(server.requests.slice(before).map(({ range }) => range)).toEqual(
    // config.json, the weights, and the two files that a tokenizer may be in.
    Array.from({ length: 4 }, () => 'bytes=0-0'),
  );
});

test('a commit cannot change, so nothing is asked about files that are kept', async () => {
  await using server = await serveHub(rules);
  const stores = new MemoryCaches();
  await load(server, cacheOf(stores), commit);
  const before = server.requests.length;
  await load(server, cacheOf(stores), commit);
  expect(server.requests.length).toBe(before);
});

test('a model that was loaded is there without its server, and a notice says so once', async () => {
  const stores = new MemoryCaches();
  const server = await serveHub(rules);
  await load(server, cacheOf(stores));
  server.behave({ status: 503 });
  expect(await load(server, cacheOf(stores))).toEqual([
    'The hub answered 503 when lab/tiny@main was read. Try again later. ' +
      'The copy that this browser has kept is used instead.',
  ]);
  await server[Symbol.asyncDispose]();
  expect(await load(server, cacheOf(stores))).toEqual([
    expect.stringMatching(
      /cannot be read from the hub \(.*\)\..* The copy that this browser has kept is used instead\.$/,
    ),
  ]);
});

test('a kept copy answers for a server that says nothing, which is waited for once', async () => {
  const stores = new MemoryCaches();
  await using server = await serveHub(rules);
  await load(server, cacheOf(stores));
  server.behave({ isSilent: true });
  const before = server.requests.length;
  const loading = cacheOf(stores).startLoad();
  const checkpoint = await openHub({
    repository: 'lab/tiny',
    hubUrl: server.url,
    cache: loading,
    silentMs: 20,
  });
  await read(checkpoint);
  expect(loading.notices).toEqual([
    expect.stringMatching(
      /^Nothing has come from 127\.0\.0\.1:\d+ for 0 seconds\. .* The copy that this browser has kept is used instead\.$/,
    ),
  ]);
  expect(server.requests.length).toBe(before + 1);
});

test('without its server and without a kept copy a model is refused as before', async () => {
  const server = await serveHub(rules);
  await server[Symbol.asyncDispose]();
  const loading = cacheOf(new MemoryCaches()).startLoad();
  await expect(open(server, loading)).rejects.toThrow(/lab\/tiny@main cannot be read from the hub/);
  expect(loading.notices).toEqual([]);
});

test('a download that broke off goes on where it was', async () => {
  await using server = await serveHub(rules);
  const stores = new MemoryCaches();
  const checkpoint = await open(server, cacheOf(stores).startLoad());
  await checkpoint.read('a');
  // The first three pieces of w arrive, the fourth does not.
  let sent = 0;
  const stop = new AbortController();
  const loading = cacheOf(stores).startLoad();
  const slow = await openHub({
    repository: 'lab/tiny',
    hubUrl: server.url,
    cache: loading,
    onBytes: (bytes) => {
      sent += bytes;
      if (sent > 2 * pieceBytes + 100) stop.abort(new Error('enough'));
    },
  });
  await expect(slow.read('w', stop.signal)).rejects.toThrow('enough');
  const [part] = await cacheOf(stores).models();
  expect(part?.isComplete).toBe(false);
  const before = transfers(server).length;
  await load(server, cacheOf(stores));
  const after = transfers(server).slice(before).filter(weights);
  expect(after.map(({ range }) => range)).toEqual([`bytes=16384-${weightBytes - 1}`, 'bytes=12288-16383']);
  expect(await cacheOf(stores).models()).toMatchObject([{ isComplete: true }]);
});

test('another version of a file takes the place of the kept one', async () => {
  const stores = new MemoryCaches();
  const files: Record<string, Uint8Array> = { ...model };
  await using server = await serveHub({ ...rules, repositories: { 'lab/tiny': files } });
  await load(server, cacheOf(stores));
  const bytes = await cacheOf(stores).sizeBytes();
  files['model.safetensors'] = modelOf(2)['model.safetensors'];
  server.behave({ version: '"2"' });
  await load(server, cacheOf(stores), 'main', 2);
  expect(await cacheOf(stores).sizeBytes()).toBe(bytes);
});

test.each([
  ['cut', (body: Uint8Array) => body.slice(0, -1)],
  ['damaged', (body: Uint8Array) => body.map((byte, index) => (index === 7 ? byte ^ 1 : byte))],
  ['emptied', () => new Uint8Array(0)],
] as const)('a piece that is %s is found out and fetched again', async (_, change) => {
  await using server = await serveHub(rules);
  const stores = new MemoryCaches();
  await load(server, cacheOf(stores));
  expect(stores.injure('/piece?file=model.safetensors', (body) => new Uint8Array(change(body)))).toBe(
    weightPieces,
  );
  const before = transfers(server).length;
  expect(await load(server, cacheOf(stores))).toEqual([]);
  expect(transfers(server).length - before).toBe(weightPieces);
  await load(server, cacheOf(stores));
  expect(transfers(server).length - before).toBe(weightPieces);
});

test('notes about files that are no longer sound are written anew', async () => {
  await using server = await serveHub(rules);
  const stores = new MemoryCaches();
  await load(server, cacheOf(stores));
  expect(stores.injure('/file?', () => new Uint8Array([123]))).toBe(4);
  expect(stores.injure('/model?', () => new Uint8Array([123]))).toBe(1);
  expect(await cacheOf(stores).models()).toMatchObject([{ isComplete: false, source: null }]);
  await load(server, cacheOf(stores));
  expect(await cacheOf(stores).models()).toMatchObject([{ isComplete: true }]);
});

test('a full storage does not fail the load: it goes on without keeping, and says so once', async () => {
  await using server = await serveHub(rules);
  const stores = new MemoryCaches();
  stores.quotaBytes = 10_000;
  expect(await load(server, cacheOf(stores))).toEqual([
    expect.stringMatching(
      /^The storage that this browser gives to the page is full, so lab\/tiny@main \(127\.0\.0\.1:\d+\) is not kept\./,
    ),
  ]);
  // What is kept is used; of the rest, the very ranges that are read are fetched.
  const before = transfers(server).length;
  expect(await load(server, cacheOf(stores))).toHaveLength(1);
  expect(transfers(server).length - before).toBeLessThan(weightPieces);
  expect(await cacheOf(stores).models()).toMatchObject([{ isComplete: false }]);
});

test('a browser that forbids storage is no obstacle', async () => {
  await using server = await serveHub(rules);
  const stores = new MemoryCaches();
  stores.refusal = new DOMException('The operation is insecure.', 'SecurityError');
  expect(await load(server, cacheOf(stores))).toEqual([
    expect.stringMatching(/^This browser cannot keep lab\/tiny@main .*\(The operation is insecure\.\)/),
  ]);
});

test('a server that tells no versions is read as if there were no cache', async () => {
  await using server = await serveHub({ ...rules, isPlainMirror: true });
  const stores = new MemoryCaches();
  expect(await load(server, cacheOf(stores))).toEqual([]);
  expect(await cacheOf(stores).models()).toEqual([]);
});

test('a folder of another server is kept by the versions that it tells', async () => {
  await using server = await serveFiles(
    Object.fromEntries(Object.entries(model).map(([name, bytes]) => [`m/${name}`, bytes])),
  );
  const stores = new MemoryCaches();
  await read(await openUrl(`${server.url}/m`, 'm', { cache: cacheOf(stores).startLoad() }));
  const before = transfers(server).length;
  await read(await openUrl(`${server.url}/m`, 'm', { cache: cacheOf(stores).startLoad() }));
  expect(transfers(server).length).toBe(before);
});

test('kept models are listed with size and date, the last used first, and can be forgotten one by one', async () => {
  await using server = await serveHub(rules);
  const stores = new MemoryCaches();
  await load(
    server,
    cacheOf(stores, () => 1000),
  );
  await load(
    server,
    cacheOf(stores, () => 2000),
    commit,
  );
  const cache = cacheOf(stores);
  const host = server.url.replace('http://', '');
  const sizeBytes = weightBytes + model['config.json'].byteLength;
  expect(await cache.models()).toEqual([
    {
      label: `lab/tiny@${commit} (${host})`,
      source: { repository: 'lab/tiny', revision: commit, hubUrl: server.url },
      sizeBytes,
      lastUsed: 2000,
      isComplete: true,
    },
    {
      label: `lab/tiny@main (${host})`,
      source: { repository: 'lab/tiny', revision: 'main', hubUrl: server.url },
      sizeBytes,
      lastUsed: 1000,
      isComplete: true,
    },
  ]);
  expect(await cache.sizeBytes()).toBe(2 * sizeBytes);
  await cache.forget(`lab/tiny@${commit} (${host})`);
  expect(await cache.sizeBytes()).toBe(sizeBytes);
  await stores.open('of another page');
  await cache.forgetAll();
  expect(await cache.models()).toEqual([]);
  expect([...stores.entries.keys()]).toEqual(['of another page']);
});

test('the access token is not kept', async () => {
  const token = 'hf_secret';
  await using server = await serveHub({ ...rules, gated: { 'lab/tiny': token } });
  const stores = new MemoryCaches();
  const loading = cacheOf(stores).startLoad();
  const place = { repository: 'lab/tiny', hubUrl: server.url, accessToken: token, cache: loading };
  await read(await openHub(place));
  await loading.finish(true);
  const held = [...stores.entries].flatMap(([name, entries]) => [
    name,
    ...[...entries].flatMap(([address, { body, headers }]) => [
      address,
      new TextDecoder('latin1').decode(body),
      ...headers.values(),
    ]),
  ]);
  expect(held.filter((text) => text.includes(token))).toEqual([]);
});

test('a read that is stopped before it begins asks for nothing', async () => {
  await using server = await serveHub(rules);
  const stores = new MemoryCaches();
  const checkpoint = await open(server, cacheOf(stores).startLoad());
  const stop = AbortSignal.abort(new Error('enough'));
  const before = server.requests.length;
  await expect(checkpoint.read('w', stop)).rejects.toThrow('enough');
  expect(server.requests.length).toBe(before);
});

test('there is no cache on Node', () => {
  expect(browserCache()).toBeUndefined();
});
