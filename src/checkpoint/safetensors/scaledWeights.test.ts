// 8-bit weights with their scales against PyTorch (expected/make_float8.py), and what is said of files that are not the
// weights themselves.
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { decoded, jsonBytes, type SmallTensor, safetensorsFile } from '../expected/smallFiles.ts';
import { type FileFolder, memorySource } from '../sources/byteSource.ts';
import { expand } from '../storage/expand.ts';
import { openSafetensors } from './safetensorsFolder.ts';

const schema = v.object({
  weight: v.object({ shape: v.array(v.number()), bytes: v.string() }),
  cases: v.array(
    v.object({
      name: v.string(),
      dtype: v.string(),
      shape: v.array(v.number()),
      scale: v.string(),
      block: v.nullable(v.array(v.number())),
      values: v.string(),
    }),
  ),
});
const expected = v.parse(
  schema,
  JSON.parse(readFileSync(new URL('../expected/float8.expected.json', import.meta.url), 'utf8')),
);

const folderOf = (files: Readonly<Record<string, Uint8Array>>): FileFolder => ({
  label: 'tiny',
  list: async () => Object.keys(files).sort(),
  open: async (name) => {
    const bytes = files[name];
    return bytes && memorySource(name, bytes);
  },
});

const weight: SmallTensor = {
  dtype: 'F8_E4M3',
  shape: expected.weight.shape,
  data: decoded(expected.weight.bytes),
};
const plain: SmallTensor = { dtype: 'BF16', shape: [2], data: Uint8Array.of(0, 0x3f, 0x80, 0x3f) };

const opened = (tensors: Readonly<Record<string, SmallTensor>>, config: object) =>
  openSafetensors(
    folderOf({
      'config.json': jsonBytes({ model_type: 'llama', ...config }),
      'model.safetensors': safetensorsFile(tensors),
    }),
  );

test.each(expected.cases)(
  '$name of shape $shape, blocks $block',
  async ({ name, dtype, shape, scale, block, values }) => {
    const scales: SmallTensor = { dtype, shape, data: decoded(scale) };
    const checkpoint = await opened(
      {
        'up.weight': weight,
        [`up.${name}`]: scales,
        'up.input_scale': { ...plain, shape: [2] },
        norm: plain,
      },
      { quantization_config: { quant_method: 'fp8', ...(block ? { weight_block_size: block } : {}) } },
    );
    expect([...checkpoint.tensors.keys()].sort()).toEqual(['norm', 'up.weight']);
    expect(checkpoint.tensors.get('up.weight')).toEqual({
      name: 'up.weight',
      dtype: 'F32',
      shape: [6, 10],
      sizeBytes: 240,
    });
    const wanted = new Float32Array(decoded(values).buffer);
    expect([...expand('F32', await checkpoint.read('up.weight'), 60)]).toEqual([...wanted]);
    // All that was quantised is read, so nothing is left of it in the configuration, and a notice tells.
    expect(checkpoint.config).toEqual({ model_type: 'llama' });
    expect(checkpoint.notices?.[0]).toMatch(/8-bit floats. They are read with their scales/);
  },
);

test('8-bit floats without scales are read as they are; scales that do not fit are refused', async () => {
  const bare = await opened({ 'up.weight': weight }, {});
  expect(bare.tensors.get('up.weight')?.dtype).toBe('F8_E4M3');
  const scales: SmallTensor = { dtype: 'F32', shape: [5], data: new Uint8Array(20) };
  await expect(opened({ 'up.weight': weight, 'up.weight_scale': scales }, {})).rejects.toThrow(
    "Tensor 'up.weight' of tiny has shape [6, 10], and its scales 'up.weight_scale' [5]; they do not fit.",
  );
  // Another method leaves its mark in the configuration, for the families to refuse.
  const other = await opened({ 'up.weight': weight }, { quantization_config: { quant_method: 'gptq' } });
  expect(other.config).toHaveProperty('quantization_config');
});

test('a pointer of Git LFS and shards without their index are reported as such', async () => {
  const pointer = new TextEncoder().encode(
    'version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 12345\n',
  );
  const config = { 'config.json': jsonBytes({ model_type: 'llama' }) };
  await expect(openSafetensors(folderOf({ ...config, 'model.safetensors': pointer }))).rejects.toThrow(
    "'model.safetensors' is a pointer of Git LFS and not the file itself: its repository was cloned without LFS. Run 'git lfs install' and 'git lfs pull'",
  );
  await expect(openSafetensors(folderOf({ 'config.json': pointer }))).rejects.toThrow(
    /'config.json' is a pointer of Git LFS/,
  );
  const shard = 'model-00001-of-00002.safetensors';
  await expect(
    openSafetensors(folderOf({ ...config, [shard]: safetensorsFile({ norm: plain }) })),
  ).rejects.toThrow(
    `tiny holds shards (${shard}) and no model.safetensors.index.json, which says what is in which.`,
  );
});
