// Tiny GGUF files against what transformers loads from them, and what a damaged one is refused with.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Checkpoint, CheckpointError, UnknownTensorError } from '../checkpoint.ts';
import { expectedGguf, smallGguf } from '../expected/smallFiles.ts';
import { openFile } from '../openNode.ts';
import { memorySource } from '../sources/byteSource.ts';
import { expand } from '../storage/expand.ts';
import { openGguf } from './gguf.ts';

const { files, texts } = expectedGguf();
const entries = Object.entries(files);

const openSmall = (name: string): Promise<Checkpoint> =>
  openGguf(memorySource(`${name}.gguf`, smallGguf(name)));

test.each(entries.filter(([, file]) => file.weights))(
  '%s: every weight has the name, shape and bits that transformers gives it',
  async (name, { weights = {} }) => {
    const checkpoint = await openSmall(name);
    expect([...checkpoint.tensors.keys()].sort()).toEqual(Object.keys(weights).sort());
    for (const [tensor, { shape, sha256 }] of Object.entries(weights)) {
      const info = checkpoint.tensors.get(tensor);
      if (!info) throw new Error(`${tensor} is missing`);
      const bytes = await checkpoint.read(tensor);
      expect(bytes.byteLength).toBe(info.sizeBytes);
      const count = shape.reduce((product, dimension) => product * dimension, 1);
      const values = expand(info.dtype, bytes, count);
      const digest = createHash('sha256')
        .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
        .digest('hex');
      expect({ tensor, shape: info.shape, digest }).toEqual({ tensor, shape, digest: sha256 });
    }
  },
);

test.each(entries.filter(([, file]) => file.config))(
  '%s: the metadata becomes the configuration that transformers makes of it',
  async (name, { config }) => {
    expect((await openSmall(name)).config).toMatchObject(config ?? {});
  },
);

test.each(entries.filter(([, file]) => file.ids))(
  '%s: the rebuilt tokenizer gives the ids of the reference',
  async (name, { ids = [] }) => {
    const tokenizer = await (await openSmall(name)).tokenizer();
    expect(texts.map((text) => tokenizer.encode(text))).toEqual(ids);
  },
);

test("a tied head, LLaMA 3's scaling and biases are read from the tensors", async () => {
  const { config, tensors } = await openSmall('llama3');
  expect(config).toMatchObject({ tie_word_embeddings: true, attention_bias: true, rope_theta: 500000 });
  const scaling = files.llama3?.rope_scaling;
  expect(scaling).toBeDefined();
  expect(config.rope_scaling).toMatchObject({
    ...scaling,
    factor: expect.closeTo(Number(scaling?.factor), 4),
  });
  expect(tensors.has('rope_freqs.weight')).toBe(false);
});

test('linear scaling is read from the metadata', async () => {
  expect((await openSmall('sentencepiece')).config.rope_scaling).toEqual({ rope_type: 'linear', factor: 2 });
});

test('a weight that is transposed leaves its blocks and becomes float32', async () => {
  const { tensors } = await openSmall('gpt2');
  expect(tensors.get('transformer.h.0.mlp.c_fc.weight')).toMatchObject({ dtype: 'F32', shape: [32, 64] });
  expect(tensors.get('transformer.h.0.attn.c_attn.weight')).toMatchObject({ dtype: 'F16', shape: [32, 96] });
});

test('an unknown tensor is answered with the nearest names', async () => {
  const reading = (await openSmall('llama')).read('model.layers.0.self_attn.q_porj.weight');
  await expect(reading).rejects.toThrow(UnknownTensorError);
  await expect(reading).rejects.toThrow(/Did you mean 'model.layers.0.self_attn.q_proj.weight'/);
});

test('a closed checkpoint says so', async () => {
  const checkpoint = await openSmall('llama');
  await checkpoint.close();
  await expect(checkpoint.read('model.norm.weight')).rejects.toThrow(/has been closed/);
  await expect(checkpoint.tokenizer()).rejects.toThrow(/has been closed/);
});

/** The file with `from` replaced by `to`, which has the same length. */
function replaced(name: string, from: string, to: string): Uint8Array {
  const bytes = Buffer.from(smallGguf(name));
  const at = bytes.indexOf(from);
  expect(at).toBeGreaterThan(0);
  bytes.write(to, at, 'latin1');
  return new Uint8Array(bytes);
}

/** The file with the bytes behind the first `after` overwritten. */
function overwritten(name: string, after: string, bytes: readonly number[]): Uint8Array {
  const file = smallGguf(name);
  const at = after === '' ? 0 : Buffer.from(file).indexOf(after) + after.length;
  file.set(bytes, at);
  return file;
}

const u32 = (value: number): number[] => [...new Uint8Array(Uint32Array.of(value).buffer)];
const u64 = (value: bigint): number[] => [...new Uint8Array(BigUint64Array.of(value).buffer)];
const magic = [...Buffer.from('GGUF')];
const huge = 10n ** 12n;

const tokenizerOf = async (bytes: Uint8Array) =>
  (await openGguf(memorySource('tiny.gguf', bytes))).tokenizer();

test('a SentencePiece file that names no beginning has the usual one, as llama.cpp reads it', async () => {
  const bytes = replaced('sentencepiece', 'tokenizer.ggml.bos_token_id', 'tokenizer.ggml.bos_token_xx');
  expect((await tokenizerOf(bytes)).encode('the dog')).toEqual(
    (await tokenizerOf(smallGguf('sentencepiece'))).encode('the dog'),
  );
});

test('a byte-level file that names no beginning opens without one, and says so where its kind has one', async () => {
  const plain = await tokenizerOf(
    replaced('gpt2', 'tokenizer.ggml.bos_token_id', 'tokenizer.ggml.bos_token_xx'),
  );
  expect(plain.encode('the')).toEqual((await tokenizerOf(smallGguf('gpt2'))).encode('the'));
  expect(plain.noticeOf?.('the')).toBeUndefined();
  const unnamed = Buffer.from(
    replaced('llama3', 'tokenizer.ggml.bos_token_id', 'tokenizer.ggml.bos_token_xx'),
  );
  unnamed.write('xx', unnamed.indexOf('tokenizer.ggml.add_bos_token') + 26, 'latin1');
  // The way of cutting that puts a beginning unless the file says otherwise.
  const tokenizer = await tokenizerOf(new Uint8Array(unnamed));
  expect(tokenizer.encode('the')).toEqual((await tokenizerOf(smallGguf('llama3'))).encode('the'));
  expect(tokenizer.noticeOf?.('the')).toMatch(/names no token that begins a text/);
});

test('a token that is there twice is read as its last id, and has its text under both, as llama.cpp has it', async () => {
  const before = await tokenizerOf(smallGguf('gpt2'));
  const idOf = (text: string) => before.encode(text, { addSpecialTokens: false })[0] ?? -1;
  const [one, other] = [idOf(' for'), idOf(' and')];
  const bytes = Buffer.from(smallGguf('gpt2'));
  bytes.set(Buffer.from('Ġand'), bytes.indexOf('Ġfor'));
  const tokenizer = await tokenizerOf(new Uint8Array(bytes));
  expect(tokenizer.encode(' and', { addSpecialTokens: false })).toEqual([Math.max(one, other)]);
  expect([one, other].map((id) => tokenizer.tokenText(id))).toEqual([' and', ' and']);
  expect(tokenizer.decode([one, other])).toBe(' and and');
  expect(tokenizer.vocabularySize).toBe(before.vocabularySize);
});

test.each<readonly [string, Uint8Array, RegExp]>([
  ['an empty file', new Uint8Array(0), /'bad.gguf' ends within its header/],
  [
    'a file that is cut off in its header',
    smallGguf('llama').slice(0, 3000),
    /ends within its header|cannot hold so many/,
  ],
  [
    'a file that is cut off in its data',
    smallGguf('llama').slice(0, -64),
    /places the end of tensor .* the file has/,
  ],
  ['another magic', overwritten('llama', '', [1]), /is not a GGUF file/],
  ['version 1', overwritten('llama', '', [...magic, ...u32(1)]), /GGUF version 1; versions 2 and 3/],
  [
    'version 9',
    overwritten('llama', '', [...magic, ...u32(9)]),
    /GGUF version 9; .* It is of a later version of the format: use a newer Patchbay/,
  ],
  ['a big-endian file', overwritten('llama', '', [...magic, 0, 0, 0, 3]), /big-endian/],
  [
    '10^12 tensors',
    overwritten('llama', '', [...magic, ...u32(3), ...u64(huge)]),
    /number of tensors is 1000000000000/,
  ],
  [
    '10^12 metadata entries',
    overwritten('llama', '', [...magic, ...u32(3), ...u64(1n), ...u64(huge)]),
    /number of metadata entries/,
  ],
  [
    'a tensor of 10^12 columns',
    overwritten('llama', 'token_embd.weight', [...u32(2), ...u64(huge)]),
    /impossible shape|places the end of tensor/,
  ],
  [
    'a tensor whose size overflows',
    overwritten('llama', 'token_embd.weight', [...u32(2), ...u64(2n ** 63n)]),
    /impossible shape/,
  ],
  [
    'a tensor of 9 dimensions',
    overwritten('llama', 'token_embd.weight', u32(9)),
    /'token_embd.weight' has 9 dimensions/,
  ],
  [
    'a tensor of half a block',
    overwritten('llama', 'token_embd.weight', [...u32(2), ...u64(48n)]),
    /impossible shape/,
  ],
  [
    'an unknown tensor type',
    overwritten('llama', 'token_embd.weight', [...u32(2), ...u64(32n), ...u64(330n), ...u32(77)]),
    /has the type number 77, which is not supported. Supported: F32/,
  ],
  [
    'a known type that is not read',
    overwritten('llama', 'token_embd.weight', [...u32(2), ...u64(32n), ...u64(330n), ...u32(10)]),
    /has the type Q2_K/,
  ],
  [
    'a tensor past the end',
    overwritten('llama', 'token_embd.weight', [
      ...u32(2),
      ...u64(32n),
      ...u64(330n),
      ...u32(3),
      ...u64(1n << 40n),
    ]),
    /places the end of tensor/,
  ],
  [
    'overlapping tensors',
    overwritten('llama', 'blk.0.attn_q.weight', [...u32(2), ...u64(32n), ...u64(32n), ...u32(8), ...u64(0n)]),
    /overlap/,
  ],
  [
    'a crooked place',
    overwritten('llama', 'token_embd.weight', [...u32(2), ...u64(32n), ...u64(330n), ...u32(3), ...u64(8n)]),
    /not a multiple of 32/,
  ],
  [
    'an unknown metadata type',
    overwritten('llama', 'llama.context_length', u32(66)),
    /unknown metadata type 66 for 'llama.context_length'/,
  ],
  [
    'an array of arrays',
    overwritten('llama', 'tokenizer.ggml.tokens', [...u32(9), ...u32(9)]),
    /array of arrays/,
  ],
  [
    'an array of 10^12 strings',
    overwritten('llama', 'tokenizer.ggml.tokens', [...u32(9), ...u32(8), ...u64(huge)]),
    /the length of 'tokenizer.ggml.tokens' is 1000000000000/,
  ],
  [
    'an unknown architecture',
    replaced('llama', 'llama', 'lamma'),
    /architecture 'lamma', which is not read from GGUF. Known: llama, qwen2/,
  ],
  [
    'a missing entry',
    replaced('llama', 'llama.block_count', 'llama.block_c0unt'),
    /'llama.block_count' is missing/,
  ],
  [
    'zero layers',
    overwritten('llama', 'llama.block_count', [...u32(4), ...u32(0)]),
    /'llama.block_count' .* is not a whole number from 1/,
  ],
  [
    'heads that do not divide the rows',
    overwritten('llama', 'llama.attention.head_count', [...u32(4), ...u32(5)]),
    /heads of width 6.4|rows cannot be put in order/,
  ],
  [
    'another vocabulary size',
    overwritten('llama', 'llama.vocab_size', [...u32(4), ...u32(7)]),
    /'token_embd.weight' has 330 rows/,
  ],
  [
    'an unknown rope scaling',
    replaced('sentencepiece', 'linear', 'yarn42'),
    /rope scaling of type 'yarn42', which is not supported/,
  ],
  ["factors that are not LLaMA 3's", scrambledFactors(), /factors that are not LLaMA 3's/],
])('%s is refused with a sentence', async (_, bytes, message) => {
  const opening = openGguf(memorySource('bad.gguf', bytes));
  await expect(opening).rejects.toThrow(CheckpointError);
  await expect(opening).rejects.toThrow(message);
});

/** The file whose factors of frequencies are doubled. */
function scrambledFactors(): Uint8Array {
  const file = smallGguf('llama3');
  // The last factor is 8 in the one float32 that is 8 within an aligned run of factors beginning with two ones.
  const floats = new Float32Array(file.buffer, 0, Math.floor(file.byteLength / 4));
  const at = floats.findIndex(
    (value, index) => value === 1 && floats[index + 1] === 1 && floats[index + 3] === 8,
  );
  expect(at).toBeGreaterThan(0);
  floats[at + 1] = 3;
  return file;
}

test.each<readonly [string, Uint8Array, RegExp]>([
  [
    'an unknown way to cut text',
    replaced(
      'qwen2',
      'tokenizer.ggml.pre\x08\0\0\0\x05\0\0\0\0\0\0\0qwen2',
      'tokenizer.ggml.pre\x08\0\0\0\x05\0\0\0\0\0\0\0qwan2',
    ),
    /cuts text in the way 'qwan2'.*Known: gpt-2/,
  ],
  [
    'an unknown kind',
    replaced(
      'sentencepiece',
      'tokenizer.ggml.model\x08\0\0\0\x05\0\0\0\0\0\0\0llama',
      'tokenizer.ggml.model\x08\0\0\0\x05\0\0\0\0\0\0\0lamma',
    ),
    /tokenizer of kind 'lamma', which is not supported. Known: gpt2, llama/,
  ],
  ['no tokens', replaced('llama', 'tokenizer.ggml.tokens', 'tokenizer.ggml.t0kens'), /holds no tokenizer/],
  [
    'no merges',
    replaced('llama', 'tokenizer.ggml.merges', 'tokenizer.ggml.m3rges'),
    /'tokenizer.ggml.merges' is missing/,
  ],
])('a file whose tokenizer has %s still opens, and the tokenizer is refused', async (_, bytes, message) => {
  const checkpoint = await openGguf(memorySource('odd.gguf', bytes));
  expect((await checkpoint.read('model.norm.weight')).byteLength).toBe(128);
  await expect(checkpoint.tokenizer()).rejects.toThrow(message);
});

/** The real model, where somebody has put it: the variable names the file, or it lies in the cache folder. */
function smollm2(): string | undefined {
  const cache = join(import.meta.dirname, '..', '..', '..', '.cache', 'smollm2');
  const cached = existsSync(cache) ? readdirSync(cache).find((name) => name.endsWith('.gguf')) : undefined;
  const path = process.env.PATCHBAY_SMOLLM2 ?? (cached && join(cache, cached));
  return path && existsSync(path) ? path : undefined;
}

test('SmolLM2: configuration, tokens of the reference prompt, and every tensor', async ({ skip }) => {
  const path = smollm2();
  if (path === undefined) return skip('no SmolLM2 GGUF: set PATCHBAY_SMOLLM2 or put it into .cache/smollm2');
  const checkpoint = await openFile(path);
  expect(checkpoint.config).toMatchObject({
    model_type: 'llama',
    hidden_size: 576,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    vocab_size: 49152,
    rope_theta: 100000,
    tie_word_embeddings: true,
  });
  expect(checkpoint.tensors.size).toBe(272);
  const tokenizer = await checkpoint.tokenizer();
  const ids = tokenizer.encode('The Eiffel Tower is located in the city of');
  expect(ids).toEqual([504, 414, 46682, 18669, 314, 3807, 281, 260, 2240, 282]);
  expect(ids.map((id) => tokenizer.tokenText(id))).toEqual([
    'The',
    ' E',
    'iffel',
    ' Tower',
    ' is',
    ' located',
    ' in',
    ' the',
    ' city',
    ' of',
  ]);
  expect(tokenizer.tokenText(7042)).toBe(' Paris');
  expect(tokenizer.isSpecial(0)).toBe(true);
  for (const info of checkpoint.tensors.values()) {
    const count = info.shape.reduce((product, dimension) => product * dimension, 1);
    const values = expand(info.dtype, await checkpoint.read(info.name), count);
    expect(values.every(Number.isFinite)).toBe(true);
  }
  await checkpoint.close();
});
