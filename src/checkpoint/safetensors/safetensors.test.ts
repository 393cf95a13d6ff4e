// Folders of safetensors: what is listed and read, and what a damaged one is refused with.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CheckpointError, UnknownTensorError } from '../checkpoint.ts';
import {
  floatBytes,
  jsonBytes,
  type SmallTensor,
  safetensorsFile,
  safetensorsWith,
} from '../expected/smallFiles.ts';
import { openFolder } from '../openNode.ts';
import { type FileFolder, memorySource } from '../sources/byteSource.ts';
import { expand } from '../storage/expand.ts';
import { openSafetensors } from './safetensorsFolder.ts';

/** A folder in memory that counts what is read from it. */
function folderOf(
  files: Readonly<Record<string, Uint8Array>>,
): FileFolder & { readonly bytesRead: () => number } {
  let bytesRead = 0;
  return {
    label: 'tiny',
    bytesRead: () => bytesRead,
    list: async () => Object.keys(files),
    open: async (name) => {
      const bytes = files[name];
      return bytes && memorySource(name, bytes, (count) => (bytesRead += count));
    },
  };
}

const tensor = (values: readonly number[], shape: readonly number[] = [values.length]): SmallTensor => ({
  dtype: 'F32',
  shape,
  data: floatBytes(values),
});

const config = jsonBytes({ model_type: 'gpt2', n_embd: 4 });
const onlyWeights = (weights: Uint8Array) =>
  folderOf({ 'config.json': config, 'model.safetensors': weights });

test('tensors are listed with dtype and shape and read one at a time', async () => {
  const large = new Array<number>(1000).fill(0.5);
  const folder = onlyWeights(
    safetensorsFile({ a: tensor([1, 2, 3, 4, 5, 6], [2, 3]), b: tensor(large), scalar: tensor([7], []) }),
  );
  const checkpoint = await openSafetensors(folder);
  expect(checkpoint.config).toEqual({ model_type: 'gpt2', n_embd: 4 });
  expect([...checkpoint.tensors.values()]).toEqual([
    { name: 'a', dtype: 'F32', shape: [2, 3], sizeBytes: 24 },
    { name: 'b', dtype: 'F32', shape: [1000], sizeBytes: 4000 },
    { name: 'scalar', dtype: 'F32', shape: [], sizeBytes: 4 },
  ]);
  const before = folder.bytesRead();
  expect(before).toBeLessThan(1000);
  expect([...expand('F32', await checkpoint.read('a'), 6)]).toEqual([1, 2, 3, 4, 5, 6]);
  expect(folder.bytesRead() - before).toBe(24);
});

test('shards are read by their index', async () => {
  const checkpoint = await openSafetensors(
    folderOf({
      'config.json': config,
      'model.safetensors.index.json': jsonBytes({
        metadata: { total_size: 16 },
        weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
      }),
      'model-00001-of-00002.safetensors': safetensorsFile({ a: tensor([1, 2]) }),
      'model-00002-of-00002.safetensors': safetensorsFile({ b: tensor([3, 4]) }),
    }),
  );
  expect([...expand('F32', await checkpoint.read('a'), 2)]).toEqual([1, 2]);
  expect([...expand('F32', await checkpoint.read('b'), 2)]).toEqual([3, 4]);
});

test('a mask of booleans is tolerated, and refused with its dtype when it is read', async () => {
  const mask = { dtype: 'BOOL', shape: [1, 1, 2, 2], data: Uint8Array.of(1, 0, 1, 1) };
  const checkpoint = await openSafetensors(
    onlyWeights(safetensorsFile({ w: tensor([1]), 'attn.bias': mask })),
  );
  expect([...checkpoint.tensors.keys()]).toEqual(['w']);
  await expect(checkpoint.read('attn.bias')).rejects.toThrow(
    /'attn.bias' in 'tiny' has dtype BOOL, which is not supported for weights. Supported: F32/,
  );
});

test('an unknown tensor is answered with the nearest names', async () => {
  const checkpoint = await openSafetensors(onlyWeights(safetensorsFile({ 'h.0.mlp.weight': tensor([1]) })));
  await expect(checkpoint.read('h.0.mlp.wieght')).rejects.toThrow(UnknownTensorError);
  await expect(checkpoint.read('h.0.mlp.wieght')).rejects.toThrow(
    "Tensor 'h.0.mlp.wieght' does not exist in tiny. Did you mean 'h.0.mlp.weight'?",
  );
});

test('a missing tokenizer is a sentence, and the weights still read', async () => {
  const checkpoint = await openSafetensors(onlyWeights(safetensorsFile({ w: tensor([1]) })));
  await expect(checkpoint.tokenizer()).rejects.toThrow(/'tokenizer.json' is missing in tiny/);
  expect((await checkpoint.read('w')).byteLength).toBe(4);
});

test('a closed checkpoint says so', async () => {
  const checkpoint = await openSafetensors(onlyWeights(safetensorsFile({ w: tensor([1]) })));
  await checkpoint.close();
  await expect(checkpoint.read('w')).rejects.toThrow(/has been closed/);
});

const four = floatBytes([1]);
const eight = floatBytes([1, 2]);
const headerOf = (entry: unknown, more = ''): string => `{"w":${JSON.stringify(entry)}${more}}`;
const f32 = (shape: readonly number[], from: number, to: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [from, to],
});

test.each<readonly [string, Uint8Array, RegExp]>([
  ['an empty file', new Uint8Array(0), /'model.safetensors' has 0 bytes, too few/],
  [
    'a header longer than the file',
    safetensorsWith('{}', four, 900n),
    /says that its header has 900 bytes; 6 follow/,
  ],
  [
    'a header of 2^63 bytes',
    safetensorsWith('{}', four, 1n << 63n),
    /says that its header has 9223372036854775808 bytes/,
  ],
  ['a header that is no JSON', safetensorsWith('{"w":', four), /is not valid JSON/],
  ['a header that is no UTF-8', safetensorsWith('{}', four, 4n), /is not valid JSON/],
  ['a header that is a list', safetensorsWith('[]', four), /not a JSON object/],
  [
    'an entry without a shape',
    safetensorsWith(headerOf({ dtype: 'F32', data_offsets: [0, 4] }), four),
    /'w' .* without a proper dtype, shape/,
  ],
  ['an entry that is null', safetensorsWith('{"w":null}', four), /'w' .* without a proper dtype/],
  [
    'an unknown dtype',
    safetensorsWith(headerOf({ ...f32([1], 0, 4), dtype: 'F33' }), four),
    /unknown dtype 'F33'. Known: BOOL/,
  ],
  ['a negative dimension', safetensorsWith(headerOf(f32([-1], 0, 4)), four), /impossible shape \[-1\]/],
  ['half a dimension', safetensorsWith(headerOf(f32([0.5], 0, 4)), four), /impossible shape \[0.5\]/],
  [
    '10^12 elements',
    safetensorsWith(headerOf(f32([1e6, 1e6], 0, 4)), four),
    /so 4000000000000 bytes; its data_offsets span 4/,
  ],
  [
    '10^12 elements and offsets to match',
    safetensorsWith(headerOf(f32([1e6, 1e6], 0, 4e12)), four),
    /ends at byte 4000000000000 of the data; the file holds 4/,
  ],
  [
    'a shape that overflows',
    safetensorsWith(headerOf(f32([2 ** 40, 2 ** 40], 0, 4)), four),
    /impossible shape/,
  ],
  [
    'a place past the end',
    safetensorsWith(headerOf(f32([2], 0, 8)), four),
    /ends at byte 8 of the data; the file holds 4/,
  ],
  [
    'a place that runs backwards',
    safetensorsWith(headerOf(f32([1], 4, 0)), eight),
    /impossible data_offsets \[4, 0\]/,
  ],
  ['a place at half a byte', safetensorsWith(headerOf(f32([1], 0.5, 4.5)), eight), /impossible data_offsets/],
  [
    'overlapping tensors',
    safetensorsWith(headerOf(f32([2], 0, 8), `,"v":${JSON.stringify(f32([1], 4, 8))}`), eight),
    /'v' .* overlap/,
  ],
  ['a hole', safetensorsWith(headerOf(f32([1], 4, 8)), eight), /'w' .* leave a hole/],
  [
    'bytes behind the last tensor',
    safetensorsWith(headerOf(f32([1], 0, 4)), eight),
    /holds 8 bytes of data and its tensors end at byte 4/,
  ],
  [
    'a file that is cut off',
    safetensorsFile({ w: tensor([1, 2, 3]) }).slice(0, -4),
    /ends at byte 12 of the data; the file holds 8/,
  ],
])('%s is refused with a sentence', async (_, weights, message) => {
  const opening = openSafetensors(onlyWeights(weights));
  await expect(opening).rejects.toThrow(CheckpointError);
  await expect(opening).rejects.toThrow(message);
});

const shard = 'model-00001-of-00001.safetensors';
const indexed = (weightMap: Readonly<Record<string, string>>) => ({
  'config.json': config,
  'model.safetensors.index.json': jsonBytes({ weight_map: weightMap }),
});

test.each<readonly [string, Readonly<Record<string, Uint8Array>>, RegExp]>([
  ['no configuration', { 'model.safetensors': safetensorsFile({}) }, /'config.json' is missing in tiny/],
  [
    'a configuration that is no JSON',
    { 'config.json': Uint8Array.of(123) },
    /'config.json' in tiny is not valid JSON/,
  ],
  [
    'a configuration that is a list',
    { 'config.json': jsonBytes([1]) },
    /'config.json' in tiny is not a JSON object/,
  ],
  ['no weights', { 'config.json': config }, /neither model.safetensors nor model.safetensors.index.json/],
  [
    'pickled weights',
    { 'config.json': config, 'pytorch_model.bin': four },
    /pytorch_model.bin, which is not read because such files can run code/,
  ],
  [
    'an index without a map',
    { 'config.json': config, 'model.safetensors.index.json': jsonBytes({}) },
    /has no weight_map/,
  ],
  [
    'an index that leads out of the folder',
    indexed({ w: '../other.safetensors' }),
    /names the shard '..\/other.safetensors'; a plain name/,
  ],
  ['a missing shard', indexed({ w: shard }), /'model-00001-of-00001.safetensors' is missing in tiny/],
  [
    'a shard without its tensor',
    { ...indexed({ w: shard }), [shard]: safetensorsFile({ v: tensor([1]) }) },
    /'w' is not in 'model-00001/,
  ],
  [
    'a tensor in two shards',
    {
      ...indexed({ w: shard, v: 'b.safetensors' }),
      [shard]: safetensorsFile({ w: tensor([1]) }),
      'b.safetensors': safetensorsFile({ w: tensor([1]), v: tensor([1]) }),
    },
    /'w' stands in two shards/,
  ],
])('a folder with %s is refused with a sentence', async (_, files, message) => {
  const opening = openSafetensors(folderOf(files));
  await expect(opening).rejects.toThrow(CheckpointError);
  await expect(opening).rejects.toThrow(message);
});

const fixtures = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'reference', 'fixtures');

test('a model as transformers saves it opens from the disk, every tensor of it', async ({ skip }) => {
  const path = join(fixtures, 'gpt2', 'model');
  if (!existsSync(path)) return skip('no reference fixtures beside the repository');
  const checkpoint = await openFolder(path);
  expect(checkpoint.config).toMatchObject({ model_type: 'gpt2', n_layer: 3 });
  const file = readFileSync(join(path, 'model.safetensors'));
  const start = 8 + Number(file.readBigUInt64LE(0));
  let total = 0;
  for (const { name, sizeBytes } of checkpoint.tensors.values()) {
    const bytes = await checkpoint.read(name);
    expect(bytes.byteLength).toBe(sizeBytes);
    expect(file.includes(bytes)).toBe(true);
    total += sizeBytes;
  }
  // The tensors fill the file behind its header, so none was left out.
  expect(start + total).toBe(file.byteLength);
  await checkpoint.close();
});

test.each([
  ['a path that does not exist', '/nowhere/at/all', /is not a folder/],
  ['a file', import.meta.filename, /is not a folder/],
])('%s is no folder', async (_, path, message) => {
  await expect(openFolder(path)).rejects.toThrow(message);
});
