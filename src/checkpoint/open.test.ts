// Every way to open a checkpoint, with sources that behave and sources that do not.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Checkpoint, CheckpointError } from './checkpoint.ts';
import { serveFiles, serveHub } from './expected/fileServer.ts';
import { floatBytes, jsonBytes, safetensorsFile, smallGguf } from './expected/smallFiles.ts';
import { openFiles, openHub, openUrl } from './open.ts';
import { openModel } from './openNode.ts';
import { openHttpFile } from './sources/http.ts';
import { expand } from './storage/expand.ts';

const values = Array.from({ length: 50_000 }, (_, index) => index / 8);
const model = {
  'config.json': jsonBytes({ model_type: 'gpt2' }),
  'model.safetensors': safetensorsFile({
    w: { dtype: 'F32', shape: [500, 100], data: floatBytes(values) },
    b: { dtype: 'F32', shape: [3], data: floatBytes([1, 2, 3]) },
  }),
};
const gguf = smallGguf('llama');

async function expectModel(checkpoint: Checkpoint): Promise<void> {
  expect(checkpoint.config).toEqual({ model_type: 'gpt2' });
  expect([...expand('F32', await checkpoint.read('b'), 3)]).toEqual([1, 2, 3]);
  expect([...expand('F32', await checkpoint.read('w'), values.length)]).toEqual(values);
}

const under = (folder: string, files: Readonly<Record<string, Uint8Array>>) =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${folder}/${name}`, bytes]));

const fileOf = (name: string, bytes: Uint8Array, path = ''): File => {
  const file = new File([new Uint8Array(bytes)], name);
  Object.defineProperty(file, 'webkitRelativePath', { value: path });
  return file;
};

test('chosen files of a folder open as a model, the rest of the folder aside', async () => {
  const files = Object.entries(model).map(([name, bytes]) => fileOf(name, bytes, `gpt2/${name}`));
  const other = fileOf('config.json', jsonBytes({ model_type: 'other' }), 'gpt2/onnx/config.json');
  const checkpoint = await openFiles([other, ...files]);
  expect(checkpoint.label).toBe('gpt2');
  await expectModel(checkpoint);
});

test('a chosen .gguf file opens as a model', async () => {
  const checkpoint = await openFiles([fileOf('tiny.gguf', gguf)]);
  expect(checkpoint.label).toBe('tiny.gguf');
  expect(checkpoint.config).toMatchObject({ model_type: 'llama' });
});

test.each<readonly [string, readonly File[], RegExp]>([
  ['no file', [], /No file was chosen/],
  ['a picture', [fileOf('cat.png', Uint8Array.of(1))], /'config.json' is missing in the chosen files/],
  [
    'two .gguf files',
    [fileOf('a.gguf', gguf), fileOf('b.gguf', gguf)],
    /holds 2 .gguf files. Name one: a.gguf, b.gguf/,
  ],
])('%s is refused with a sentence', async (_, files, message) => {
  await expect(openFiles(files)).rejects.toThrow(message);
});

test('a folder of a server is read by ranges, and the bytes are counted as they arrive', async () => {
  await using server = await serveFiles(under('m', model));
  let arrived = 0;
  const checkpoint = await openUrl(`${server.url}/m`, undefined, { onBytes: (bytes) => (arrived += bytes) });
  expect(checkpoint.label).toBe('m');
  expect(arrived).toBeLessThan(1000);
  await expectModel(checkpoint);
  expect(arrived).toBeGreaterThan(200_000);
  expect(server.requests.every(({ range }) => range !== undefined)).toBe(true);
});

test('a .gguf file of a server opens', async () => {
  await using server = await serveFiles({ 'tiny.gguf': gguf });
  expect((await openUrl(`${server.url}/tiny.gguf`)).config).toMatchObject({ model_type: 'llama' });
});

test('a small file is taken whole from a server that ignores ranges', async () => {
  await using server = await serveFiles(under('m', model), { ranges: 'ignored' });
  await expectModel(await openUrl(`${server.url}/m`));
});

test('a file beside the page is asked for whole, and in ranges where it is large', async () => {
  const large = new Uint8Array(33 * 1024 * 1024);
  await using server = await serveFiles({ 'small.json': jsonBytes({ a: 1 }), 'large.bin': large });
  const open = (name: string) => openHttpFile(`${server.url}/${name}`, name, { prefersWhole: true });
  const small = await open('small.json');
  expect(await small?.read(0, small.sizeBytes)).toEqual(jsonBytes({ a: 1 }));
  expect(server.requests.map(({ range }) => range)).toEqual([undefined]);
  const weights = await open('large.bin');
  expect(weights?.sizeBytes).toBe(large.byteLength);
  await weights?.read(5, 2);
  expect(server.requests.slice(1).map(({ range }) => range)).toEqual([undefined, 'bytes=0-0', 'bytes=5-6']);
  expect(await open('missing')).toBeUndefined();
});

test('a large file is refused from a server that ignores ranges', async () => {
  const large = { ...model, 'model.safetensors': new Uint8Array(33 * 1024 * 1024) };
  await using server = await serveFiles(under('m', large), { ranges: 'ignored' });
  await expect(openUrl(`${server.url}/m`)).rejects.toThrow(
    /sends 'model.safetensors' only as a whole, and it is larger than .* Use a server that answers range requests/,
  );
});

test.each([
  [{ status: 404 }, /'config.json' is missing in m/],
  [{ status: 401 }, /the server answered 401. Permission is needed/],
  [{ status: 500 }, /the server answered 500. Try again later/],
  [{ ranges: 'unsized' }, /without its size \(Content-Range\)/],
] as const)('a server with the manners %j is refused with a sentence', async (manners, message) => {
  await using server = await serveFiles(under('m', model), manners);
  const opening = openUrl(`${server.url}/m`);
  await expect(opening).rejects.toThrow(CheckpointError);
  await expect(opening).rejects.toThrow(message);
});

test('a page sent in place of a missing file is not taken for the file', async () => {
  await using server = await serveFiles(under('m', model), { pageForUnknown: true });
  const checkpoint = await openUrl(`${server.url}/m`);
  await expect(checkpoint.tokenizer()).rejects.toThrow(/'tokenizer.json' is missing in m/);
});

test('an answer of another place, or one that breaks off, is never taken for the tensor; the next read works', async () => {
  await using server = await serveFiles(under('m', model));
  const checkpoint = await openUrl(`${server.url}/m`);
  server.behave({ ranges: 'shifted' });
  await expect(checkpoint.read('w')).rejects.toThrow(/was asked for bytes .* and sent bytes/);
  server.behave({ breaksAfter: 70_000 });
  await expect(checkpoint.read('w')).rejects.toThrow(/The transfer of 'model.safetensors' broke off/);
  server.behave({ ranges: 'ignored' });
  await expect(checkpoint.read('w')).rejects.toThrow(/sent something else/);
  server.behave({});
  await expectModel(checkpoint);
});

test('a file that is replaced at its server while it is read is never mixed', async () => {
  await using server = await serveFiles(under('m', model), { version: '"1"' });
  const checkpoint = await openUrl(`${server.url}/m`);
  server.behave({ version: '"2"' });
  await expect(checkpoint.read('w')).rejects.toThrow(
    "'model.safetensors' was replaced at its server while it was read, so its parts do not belong together. Open the model again.",
  );
  // The same content behind a proxy that compresses has a weak tag.
  server.behave({ version: 'W/"1"' });
  await expectModel(checkpoint);
});

test('of the Hub the answers are compared with each other, since another host sends the bytes', async () => {
  await using store = await serveFiles(under('lab/tiny', model), { version: '"of the store"' });
  await using server = await serveHub({ ...hubRules, weightsAt: store.url });
  const checkpoint = await openHub({ repository: 'lab/tiny', hubUrl: server.url });
  await expectModel(checkpoint);
  store.behave({ version: '"another"' });
  await expect(checkpoint.read('w')).rejects.toThrow(/was replaced at its server/);
});

test('a read that is aborted in the middle of a body rejects with the reason', async () => {
  await using server = await serveFiles(under('m', model));
  const stop = new AbortController();
  let isReading = false;
  const stopOnceBytesArrive = () => {
    if (isReading) stop.abort(new Error('enough'));
  };
  const checkpoint = await openUrl(`${server.url}/m`, undefined, { onBytes: stopOnceBytesArrive });
  server.behave({ stallsAfter: 50_000 });
  isReading = true;
  await expect(checkpoint.read('w', stop.signal)).rejects.toThrow('enough');
  isReading = false;
  server.behave({});
  await expectModel(checkpoint);
});

test('an address where nothing listens is a sentence', async () => {
  const server = await serveFiles({});
  await server[Symbol.asyncDispose]();
  await expect(openUrl(`${server.url}/m`)).rejects.toThrow(
    /'config.json' cannot be fetched from 127.0.0.1:\d+ \(.*ECONNREFUSED/,
  );
  await expect(openUrl('no address')).rejects.toThrow(/'no address' is not an address/);
});

const hubRules = {
  repositories: {
    'lab/tiny': model,
    'lab/packed': { 'a.gguf': gguf, 'b.gguf': gguf, 'README.md': jsonBytes('') },
    'lab/secret': model,
    'lab/empty': { 'README.md': jsonBytes('') },
  },
  revisions: ['main', 'refs/pr/1'],
  gated: { 'lab/secret': 'hf_key' },
};

test('a repository of the Hub opens at a revision', async () => {
  await using server = await serveHub(hubRules);
  const checkpoint = await openHub({ repository: 'lab/tiny', revision: 'refs/pr/1', hubUrl: server.url });
  expect(checkpoint.label).toBe('lab/tiny@refs/pr/1');
  await expectModel(checkpoint);
  expect(server.requests.every(({ path }) => path.includes('/resolve/refs%2Fpr%2F1/'))).toBe(true);
});

test('a mirror without listing, ETag and reasons is read all the same', async () => {
  await using server = await serveHub({ ...hubRules, isPlainMirror: true });
  await expectModel(await openHub({ repository: 'lab/tiny', hubUrl: server.url }));
  await expect(openHub({ repository: 'lab/none', hubUrl: server.url })).rejects.toThrow(
    "Repository 'lab/none' does not exist on the hub",
  );
});

test('one .gguf file of several is opened by name', async () => {
  await using server = await serveHub(hubRules);
  const place = { repository: 'lab/packed', hubUrl: server.url };
  await expect(openHub(place)).rejects.toThrow(
    /lab\/packed@main holds 2 .gguf files. Name one: a.gguf, b.gguf/,
  );
  await expect(openHub({ ...place, file: 'c.gguf' })).rejects.toThrow(
    /'c.gguf' does not exist in lab\/packed@main. Its .gguf files/,
  );
  expect((await openHub({ ...place, file: 'b.gguf' })).config).toMatchObject({ model_type: 'llama' });
  expect((await openModel('lab/packed:a.gguf', { hubUrl: server.url })).label).toBe('lab/packed@main/a.gguf');
});

test('the access token opens a gated repository, and is not sent to the host that stores the weights', async () => {
  await using storage = await serveFiles(under('lab/secret', model));
  await using server = await serveHub({ ...hubRules, weightsAt: storage.url });
  const place = { repository: 'lab/secret', hubUrl: server.url };
  await expect(openHub(place)).rejects.toThrow(
    /'lab\/secret' does not exist on the hub, or needs an access token.*give an access token/,
  );
  await expect(openHub({ ...place, accessToken: 'hf_wrong' })).rejects.toThrow(
    /'lab\/secret' needs permission to be read. The access token does not open it/,
  );
  await expectModel(await openHub({ ...place, accessToken: 'hf_key' }));
  expect(server.requests.at(-1)?.authorization).toBe('Bearer hf_key');
  expect(storage.requests.length).toBeGreaterThan(2);
  expect(storage.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
});

test.each([
  [{ repository: 'lab/none' }, /'lab\/none' does not exist on the hub/],
  [{ repository: 'lab/tiny', revision: 'v9' }, /'lab\/tiny' has no revision 'v9' on the hub/],
  [{ repository: '../etc' }, /'..\/etc' is not the id of a repository/],
  [{ repository: 'lab/empty' }, /'config.json' is missing in lab\/empty@main/],
] as const)('%j is refused with a sentence', async (place, message) => {
  await using server = await serveHub(hubRules);
  const opening = openHub({ ...place, hubUrl: server.url });
  await expect(opening).rejects.toThrow(CheckpointError);
  await expect(opening).rejects.toThrow(message);
});

test.each([
  [503, /The hub answered 503 when lab\/tiny@main was read/],
  [429, /asks for a pause before lab\/tiny@main/],
] as const)('a hub that answers %i is a sentence', async (status, message) => {
  await using server = await serveHub(hubRules, { status });
  await expect(openHub({ repository: 'lab/tiny', hubUrl: server.url })).rejects.toThrow(message);
});

test('a download from the Hub that breaks off is a sentence, and the next one works', async () => {
  await using server = await serveHub(hubRules);
  const checkpoint = await openHub({ repository: 'lab/tiny', hubUrl: server.url });
  server.behave({ breaksAfter: 100_000 });
  await expect(checkpoint.read('w')).rejects.toThrow(/'lab\/tiny@main\/model.safetensors' broke off/);
  server.behave({});
  await expectModel(checkpoint);
});

test('opening from the Hub stops when it is aborted', async () => {
  await using server = await serveHub(hubRules);
  const opening = openHub({
    repository: 'lab/tiny',
    hubUrl: server.url,
    signal: AbortSignal.abort(new Error('enough')),
  });
  await expect(opening).rejects.toThrow('enough');
  expect(server.requests).toEqual([]);
});

test('a model is what a person writes: a folder, a .gguf file, an id', async () => {
  await using server = await serveHub(hubRules);
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-'));
  try {
    for (const [name, bytes] of Object.entries(model)) await writeFile(join(folder, name), bytes);
    await writeFile(join(folder, 'tiny.gguf'), gguf);
    const opened = await openModel(folder);
    await expectModel(opened);
    await opened.close();
    const packed = await openModel(join(folder, 'tiny.gguf'));
    expect(packed.config).toMatchObject({ model_type: 'llama' });
    await packed.close();
    await expectModel(await openModel('lab/tiny@main', { hubUrl: server.url }));
    await expect(openModel(join(folder, 'model.safetensors'))).rejects.toThrow(
      /needs the config.json beside it/,
    );
    await expect(openModel(join(folder, 'none.gguf'))).rejects.toThrow(
      /is not a folder or file here, nor an id of the Hub/,
    );
    for (const path of [
      'C:\\models\\x.gguf',
      'c:/models/x.gguf',
      '\\\\host\\share\\m',
      '.\\x.gguf',
      '~/x.gguf',
      './x',
    ]) {
      const asked = server.requests.length;
      await expect(openModel(path, { hubUrl: server.url })).rejects.toThrow(
        /is not a folder or file here, nor an id/,
      );
      expect(server.requests.length).toBe(asked);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
