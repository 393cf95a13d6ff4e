// Writes a GGUF file of random weights in the shape of a real model, with the blocks that llama.cpp stores, so that what a
// model takes on a device can be measured where nobody has its weights.
//
//     npx tsx bench/gpu/randomGguf.ts 1.1B|7B OUT.gguf [--weights Q4_0|Q4_K|Q8_0]

import { open } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { alignedTo, GgufBytes } from '../../src/checkpoint/gguf/ggufBytes.ts';
import { storageBlocks, storedBytes } from '../../src/checkpoint/storage/storage.ts';
import { randomBlocks } from '../../src/runtime/fixtures/randomBlocks.ts';
import { seededRandom } from '../../src/runtime/fixtures/tinyCheckpoint.ts';

interface LlamaShape {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly inner: number;
  readonly vocabulary: number;
}

const shapes: Readonly<Record<string, LlamaShape>> = {
  /** TinyLlama's. */
  '1.1B': { layers: 22, width: 2048, heads: 32, keyHeads: 4, inner: 5632, vocabulary: 32000 },
  /** Llama 2's. */
  '7B': { layers: 32, width: 4096, heads: 32, keyHeads: 32, inner: 11008, vocabulary: 32000 },
};

const random = seededRandom(7);

type Written = 'Q4_0' | 'Q8_0' | 'Q4_K' | 'Q6_K' | 'F32';

/** Blocks to draw from: a prime number of them, so that rows do not repeat each other. */
const poolBlocks = 40_009;

const poolOf = (dtype: Written): Uint8Array => randomBlocks(dtype, poolBlocks, random);

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Written;
}

/** As llama.cpp mixes them: norms in float32, the head in six bits. */
function tensorsOf({ layers, width, heads, keyHeads, inner, vocabulary }: LlamaShape, dtype: Written) {
  const keys = (width / heads) * keyHeads;
  const tensor = (name: string, shape: readonly number[], own: Written = dtype): Tensor => ({
    name: `${name}.weight`,
    shape,
    dtype: own,
  });
  const block = (at: number) => [
    tensor(`blk.${at}.attn_norm`, [width], 'F32'),
    tensor(`blk.${at}.attn_q`, [width, width]),
    tensor(`blk.${at}.attn_k`, [keys, width]),
    tensor(`blk.${at}.attn_v`, [keys, width]),
    tensor(`blk.${at}.attn_output`, [width, width]),
    tensor(`blk.${at}.ffn_norm`, [width], 'F32'),
    tensor(`blk.${at}.ffn_gate`, [inner, width]),
    tensor(`blk.${at}.ffn_up`, [inner, width]),
    tensor(`blk.${at}.ffn_down`, [width, inner]),
  ];
  return [
    tensor('token_embd', [vocabulary, width]),
    ...Array.from({ length: layers }, (_, at) => block(at)).flat(),
    tensor('output_norm', [width], 'F32'),
    tensor('output', [vocabulary, width], 'Q6_K'),
  ];
}

const typeNumbers: Readonly<Record<Written, number>> = { F32: 0, Q4_0: 2, Q8_0: 8, Q4_K: 12, Q6_K: 14 };
const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
const bytesOf = ({ dtype, shape }: Tensor): number => storedBytes(dtype, elements(shape));

function headerOf(shape: LlamaShape, tensors: readonly Tensor[]): Uint8Array {
  const entries = {
    'general.architecture': 'llama',
    'llama.block_count': shape.layers,
    'llama.context_length': 2048,
    'llama.embedding_length': shape.width,
    'llama.feed_forward_length': shape.inner,
    'llama.attention.head_count': shape.heads,
    'llama.attention.head_count_kv': shape.keyHeads,
    'llama.attention.layer_norm_rms_epsilon': { float32: 1e-5 },
    'llama.vocab_size': shape.vocabulary,
  };
  const header = new GgufBytes().begin(tensors.length, Object.keys(entries).length);
  for (const [name, value] of Object.entries(entries)) header.entry(name, value);
  let at = 0;
  for (const tensor of tensors) {
    header.string(tensor.name).uint32(tensor.shape.length);
    for (const size of tensor.shape.toReversed()) header.uint64(size);
    header.uint32(typeNumbers[tensor.dtype]).uint64(at);
    at += alignedTo(bytesOf(tensor));
  }
  return header.pad().whole();
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { weights: { type: 'string', default: 'Q4_0' } },
});
const [name = '', out] = positionals;
const shape = shapes[name];
const dtype = (['Q4_0', 'Q4_K', 'Q8_0'] as const).find((each) => each === values.weights);
if (!shape || !dtype || out === undefined) {
  console.error(
    `Usage: npx tsx bench/gpu/randomGguf.ts ${Object.keys(shapes).join('|')} OUT.gguf [--weights Q4_0|Q4_K|Q8_0]`,
  );
  process.exit(2);
}
const tensors = tensorsOf(shape, dtype);
const pools = new Map<Written, Uint8Array>();
const file = await open(out, 'w');
let written = 0;
const write = async (bytes: Uint8Array) => {
  await file.writeFile(bytes);
  written += bytes.length;
};
await write(headerOf(shape, tensors));
for (const tensor of tensors) {
  const pool = pools.get(tensor.dtype) ?? poolOf(tensor.dtype);
  pools.set(tensor.dtype, pool);
  const { bytes } = storageBlocks[tensor.dtype];
  let left = bytesOf(tensor);
  while (left > 0) {
    const from = Math.floor(((random() + 1) / 2) * poolBlocks) * bytes;
    const part = pool.subarray(from, Math.min(pool.length, from + left));
    await write(part);
    left -= part.length;
  }
  await write(new Uint8Array(alignedTo(written) - written));
}
await file.close();
console.log(`${out}: ${(written / 1e9).toFixed(2)} GB`);
