// Fingerprints of folders whose weights change under the same name.
import { expect, test } from 'vitest';
import { jsonBytes, safetensorsFile } from './expected/smallFiles.ts';
import { openSafetensors } from './safetensors/safetensorsFolder.ts';
import { type ByteSource, type FileFolder, memorySource } from './sources/byteSource.ts';

/** 20 MiB, so that not every byte is looked at. */
const large = 5 * 2 ** 20;

function folderOf(values: Float32Array, config: object = {}, version?: string): FileFolder {
  const data = new Uint8Array(values.buffer);
  const files: Readonly<Record<string, Uint8Array>> = {
    'config.json': jsonBytes({ model_type: 'llama', ...config }),
    'model.safetensors': safetensorsFile({ w: { dtype: 'F32', shape: [values.length], data } }),
  };
  return {
    label: 'tiny',
    list: async () => Object.keys(files),
    open: async (name): Promise<ByteSource | undefined> => {
      const bytes = files[name];
      return bytes && { ...memorySource(name, bytes), ...(version === undefined ? {} : { version }) };
    },
  };
}

async function fingerprint(folder: FileFolder): Promise<string | undefined> {
  const checkpoint = await openSafetensors(folder);
  try {
    return await checkpoint.fingerprint?.();
  } finally {
    await checkpoint.close();
  }
}

test('the same weights have the same fingerprint, and one other number or option another', async () => {
  const values = Float32Array.from({ length: 1000 }, (_, at) => Math.sin(at));
  const first = await fingerprint(folderOf(values));
  expect(first).toMatch(/^[0-9a-f]{16}$/);
  expect(await fingerprint(folderOf(values.slice()))).toBe(first);
  const edited = values.map((value, at) => (at === 777 ? value + 1e-6 : value));
  expect(await fingerprint(folderOf(edited))).not.toBe(first);
  expect(await fingerprint(folderOf(values, { rope_theta: 5e5 }))).not.toBe(first);
});

test('of a large tensor a part is read, and weights that were trained again are noticed', async () => {
  const values = Float32Array.from({ length: large }, (_, at) => at % 97);
  const first = await fingerprint(folderOf(values));
  expect(await fingerprint(folderOf(values.map((value) => value * 1.001)))).not.toBe(first);
  let read = 0;
  const counted = folderOf(values);
  const counting: FileFolder = {
    ...counted,
    open: async (name) => {
      const source = await counted.open(name);
      if (!source) return undefined;
      const counts: ByteSource['read'] = (at, length) => {
        read += length;
        return source.read(at, length);
      };
      return { ...source, read: counts };
    },
  };
  expect(await fingerprint(counting)).toBe(first);
  expect(read).toBeLessThan(100_000);
});

test('a version of the server tells contents apart, and nothing more is read', async () => {
  const values = Float32Array.of(1, 2, 3);
  const [one, same, other] = await Promise.all(
    ['"1"', '"1"', '"2"'].map((version) => fingerprint(folderOf(values, {}, version))),
  );
  expect(same).toBe(one);
  expect(other).not.toBe(one);
});
