import { expect, test } from 'vitest';
import { architectureOf } from '../../architectures/registry.ts';
import type { Checkpoint } from '../../checkpoint/checkpoint.ts';
import { createNodeBackend } from '../backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../fixtures/tinyCheckpoint.ts';
import { Model } from '../model.ts';
import { placeWeights, weightSizes } from './residency.ts';

const GiB = 2 ** 30;
const wasm = {
  kind: 'wasm',
  largestTensorBytes: Number.POSITIVE_INFINITY,
  largestPartBytes: 3 * GiB,
} as const;
const webgpu = {
  kind: 'webgpu',
  largestTensorBytes: 2 * GiB,
  largestPartBytes: Number.POSITIVE_INFINITY,
} as const;

/** Mistral 7B in bfloat16: 7.24 billion parameters, 218 million in a layer, 131 million in the embedding. */
const mistral = {
  parameterCount: 7.24e9,
  expandedBytes: 28.97e9,
  packedBytes: 14.48e9,
  largestTensor: { name: 'lm_head.weight', bytes: 524e6 },
  largestPartBytes: 872e6,
};

/** The same at four bits. */
const packedMistral = { ...mistral, packedBytes: 4.1e9 };

test('what fits in float32 is expanded and needs no word', () => {
  expect(placeWeights('m', mistral, wasm, 32 * GiB)).toEqual({ residency: 'expanded' });
});

test('what fits as stored stays packed, what does not is streamed, and the sentence gives the sizes', () => {
  expect(placeWeights('m', packedMistral, webgpu, 4 * GiB)).toEqual({
    residency: 'packed',
    reason:
      'Weights stay packed: 29 GB in float32 would not fit in the 4.3 GB that weights may take here. ' +
      'Each layer is expanded when it runs, so a run takes longer.',
  });
  expect(placeWeights('m', mistral, webgpu, 4 * GiB)).toEqual({
    residency: 'streamed',
    reason:
      'Weights are read again for every run: 29 GB in float32 would not fit in the 4.3 GB that weights may take here, ' +
      'nor would 14 GB as stored. Each layer is read and expanded when it runs, so a run takes much longer.',
  });
});

test('a tensor larger than a buffer of the GPU is refused, and the way on is named', () => {
  const large = { ...mistral, largestTensor: { name: 'wte', bytes: 2.2e9 } };
  expect(() => placeWeights('m', large, webgpu, 32 * GiB)).toThrow(
    "m cannot run on this GPU: its tensor 'wte' takes 2.2 GB in float32, and the largest buffer here holds 2.1 GB. " +
      'Choose a smaller model, or open the page with ?backend=wasm.',
  );
});

test('a part larger than the heap of WebAssembly, or than the memory for weights, is refused', () => {
  const large = { ...mistral, largestPartBytes: 3.5e9 };
  expect(() => placeWeights('m', large, wasm, 32 * GiB)).toThrow(
    'm cannot run here: its largest part takes 3.5 GB in float32 while it runs, and WebAssembly holds 3.2 GB. Choose a smaller model.',
  );
  expect(() => placeWeights('m', mistral, webgpu, 0.5 * GiB)).toThrow(
    'm cannot run here: its largest part takes 870 MB in float32 while it runs, and this device has room for 540 MB.',
  );
});

/** GPT-2, 16 wide, 3 layers: a layer has 12 w^2 + 13 w numbers; vocabulary 31, 24 positions, a norm of 2 w at the end. */
const gpt2Layer = 12 * 16 * 16 + 13 * 16;
const gpt2Count = 3 * gpt2Layer + (31 + 24) * 16 + 2 * 16;

test('sizes are those of the architecture, a tied embedding counted once', () => {
  const checkpoint = tinyCheckpoint(tinyConfigurations.gpt2);
  const sizes = weightSizes(architectureOf(checkpoint), checkpoint);
  expect(sizes).toEqual({
    parameterCount: gpt2Count,
    expandedBytes: 4 * gpt2Count,
    packedBytes: 4 * gpt2Count,
    largestTensor: { name: expect.stringContaining('c_fc.weight'), bytes: 4 * 4 * 16 * 16 },
    largestPartBytes: 4 * gpt2Layer,
  });
});

test('a model that cannot run is refused before a weight is read', async () => {
  const backend = createNodeBackend(1);
  const checkpoint = tinyCheckpoint(tinyConfigurations.gpt2);
  const unread: Checkpoint = { ...checkpoint, read: () => Promise.reject(new Error('a weight was read')) };
  await expect(Model.load(unread, backend, { weightBytes: 10_000 })).rejects.toThrow(
    /^random gpt2 cannot run here: its largest part takes .* Choose a smaller model\.$/,
  );
  const model = await Model.load(unread, backend, { weightBytes: 4 * gpt2Layer });
  expect(model.residency).toBe('streamed');
  expect(model.residencyReason).toContain('read again for every run');
  await model.dispose();
  await backend.close();
});

test('a quantisation that a GPU does not expand is said, with its bytes, where weights stay packed', async () => {
  const backend = createNodeBackend(1);
  const tiny = tinyCheckpoint(tinyConfigurations.gpt2);
  const names = [...tiny.tensors.keys()].filter((name) => name.includes('mlp.c_fc.weight'));
  const eight = new Map(
    [...tiny.tensors].map(([name, info]) => [
      name,
      names.includes(name)
        ? { ...info, dtype: 'F8_E4M3' as const, sizeBytes: info.sizeBytes / 4 }
        : { ...info, dtype: 'F32' as const },
    ]),
  );
  const read = async (name: string) =>
    names.includes(name) ? new Uint8Array(4 * 16 * 16).fill(0x38) : tiny.read(name);
  const checkpoint: Checkpoint = { ...tiny, tensors: eight, read };
  const noticesOf = async (residency: 'packed' | 'expanded') => {
    const model = await Model.load(checkpoint, backend, { residency });
    const { notices } = model;
    await model.dispose();
    return notices;
  };
  expect(await noticesOf('packed')).toEqual([]);
  const refused = () => {
    throw new Error('It was asked to take what it does not take.');
  };
  Object.assign(backend, { packing: { takes: () => false, upload: refused, expand: refused } });
  expect(await noticesOf('packed')).toEqual([
    "Weights of the type F8_E4M3 do not stay packed on a GPU: 0.0031 MB of them wait in this program's memory, and each layer's are expanded here and uploaded when it runs.",
  ]);
  expect(await noticesOf('expanded')).toEqual([]);
  await backend.close();
});
