// Small model files for the tests: built here byte by byte, or taken from what the reference implementations wrote.
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { byteCharacters } from '../tokenizer/tokenText.ts';

/** One tensor of a safetensors file; without offsets it follows the one before. */
export interface SmallTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** A sound safetensors file. */
export function safetensorsFile(tensors: Readonly<Record<string, SmallTensor>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let at = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
  }
  return safetensorsWith(
    JSON.stringify(header),
    concatenated(Object.values(tensors).map(({ data }) => data)),
  );
}

/** A safetensors file with any header, sound or not. */
export function safetensorsWith(header: string, data: Uint8Array, headerBytes?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, headerBytes ?? BigInt(text.byteLength), true);
  return concatenated([length, text, data]);
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

export function floatBytes(values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

export function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** A tokenizer.json with a byte-level vocabulary of 260: all bytes, ` t` and ` the`, and one special token. */
export function byteLevelTokenizer(): Readonly<Record<string, unknown>> {
  const vocab: Record<string, number> = {};
  for (const [id, character] of byteCharacters.entries()) vocab[character] = id;
  for (const merged of ['Ġt', 'he', 'Ġthe', '<|end|>']) vocab[merged] = Object.keys(vocab).length;
  const step = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    added_tokens: [
      {
        id: vocab['<|end|>'],
        content: '<|end|>',
        special: true,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      },
    ],
    normalizer: null,
    pre_tokenizer: step,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<|end|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '<|end|>': { id: '<|end|>', ids: [vocab['<|end|>']], tokens: ['<|end|>'] } },
    },
    decoder: step,
    model: { type: 'BPE', vocab, merges: ['Ġ t', 'h e', 'Ġt he'] },
  };
}

/** Bytes of base64, in memory of their own. */
export function decoded(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

/** A generator of whole numbers below `limit`, the same for the same seed (xorshift). */
export function seeded(seed: number): (limit: number) => number {
  let state = seed | 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

const ggufSchema = v.object({
  texts: v.array(v.string()),
  files: v.record(
    v.string(),
    v.object({
      file: v.string(),
      weights: v.optional(v.record(v.string(), v.object({ shape: v.array(v.number()), sha256: v.string() }))),
      config: v.optional(v.record(v.string(), v.unknown())),
      rope_scaling: v.optional(v.record(v.string(), v.unknown())),
      ids: v.optional(v.array(v.array(v.number()))),
    }),
  ),
});

/** What make_expected.py wrote about tiny GGUF files. */
export function expectedGguf(): v.InferOutput<typeof ggufSchema> {
  return v.parse(
    ggufSchema,
    JSON.parse(readFileSync(new URL('gguf.expected.json', import.meta.url), 'utf8')),
  );
}

/** The bytes of one of the tiny GGUF files. */
export function smallGguf(name: string): Uint8Array {
  const found = expectedGguf().files[name];
  if (!found) throw new Error(`There is no small GGUF file ${name}.`);
  return decoded(found.file);
}

const expandSchema = v.object({
  cases: v.array(
    v.object({ dtype: v.string(), elements: v.number(), bytes: v.string(), values: v.string() }),
  ),
  every_pattern_sha256: v.record(v.string(), v.string()),
});

/** What make_expected.py wrote about stored bytes and their values. */
export function expectedExpansions(): v.InferOutput<typeof expandSchema> {
  return v.parse(
    expandSchema,
    JSON.parse(readFileSync(new URL('expand.expected.json', import.meta.url), 'utf8')),
  );
}
