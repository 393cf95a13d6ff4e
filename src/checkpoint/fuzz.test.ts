// Ten thousand damaged headers for each reader. Whatever comes, it either opens or is refused with a sentence; it is never
// another error, and it never asks the source for more than the file holds.
import { expect, test } from 'vitest';
import { CheckpointError } from './checkpoint.ts';
import { concatenated, floatBytes, safetensorsFile, seeded, smallGguf } from './expected/smallFiles.ts';
import { openGguf } from './gguf/gguf.ts';
import { readSafetensorsHeader } from './safetensors/safetensors.ts';
import { type ByteSource, memorySource } from './sources/byteSource.ts';

const rounds = 10_000;

/** Values at which readers break: signs, limits of widths, and the counts that a header may claim. */
const nasty = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xffffn,
  0x7fffffffn,
  0xffffffffn,
  1n << 40n,
  10n ** 12n,
  (1n << 53n) + 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** A copy with one to four injuries within its first `headerBytes`: flipped bits, overwritten numbers, moved or lost pieces. */
function damaged(file: Uint8Array, headerBytes: number, next: (limit: number) => number): Uint8Array {
  let bytes: Uint8Array = file.slice();
  for (let injury = next(4); injury >= 0; injury--) {
    const at = next(Math.min(headerBytes, bytes.byteLength));
    switch (next(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8));
        break;
      case 1:
        bytes[at] = next(256);
        break;
      case 2: {
        const width = next(2) === 0 ? 4 : 8;
        const number = new Uint8Array(BigUint64Array.of(nasty[next(nasty.length)] ?? 0n).buffer).subarray(
          0,
          width,
        );
        bytes.set(number.subarray(0, bytes.byteLength - at), at);
        break;
      }
      case 3:
        bytes = bytes.slice(0, at + 1);
        break;
      case 4:
        bytes.copyWithin(at, next(bytes.byteLength), Math.min(bytes.byteLength, at + next(64)));
        break;
      default:
        bytes = concatenated([bytes.subarray(0, at), Uint8Array.of(next(256)), bytes.subarray(at)]);
    }
  }
  return bytes;
}

/** A source that fails the test when a reader asks for what it should have known not to be there. */
function watched(bytes: Uint8Array): ByteSource {
  const source = memorySource('damaged', bytes);
  return {
    ...source,
    read(offset, length, signal) {
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.byteLength)) {
        throw new RangeError(`${length} bytes at ${offset} of ${bytes.byteLength} were asked for`);
      }
      return source.read(offset, length, signal);
    },
  };
}

async function survey(
  file: Uint8Array,
  headerBytes: number,
  seed: number,
  open: (source: ByteSource) => Promise<unknown>,
): Promise<{ readonly opened: number; readonly refused: number }> {
  const next = seeded(seed);
  let opened = 0;
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = damaged(file, headerBytes, next);
    try {
      await open(watched(bytes));
      opened++;
    } catch (cause) {
      if (!(cause instanceof CheckpointError))
        throw new Error(`Round ${round} threw ${String(cause)}`, { cause });
      if (cause.message.length > 1200)
        throw new Error(`Round ${round} gave a message of ${cause.message.length} characters`);
      refused++;
    }
  }
  return { opened, refused };
}

test('ten thousand damaged safetensors headers are opened or refused with a sentence', async () => {
  const values = floatBytes([1, 2, 3, 4, 5, 6]);
  const file = safetensorsFile({
    'model.embed_tokens.weight': { dtype: 'F32', shape: [2, 3], data: values },
    'model.norm.weight': { dtype: 'BF16', shape: [12], data: values },
    'attn.bias': { dtype: 'BOOL', shape: [24], data: values },
  });
  const { opened, refused } = await survey(file, file.byteLength - 72, 20, readSafetensorsHeader);
  expect(opened + refused).toBe(rounds);
  expect(refused).toBeGreaterThan(rounds / 2);
});

test('ten thousand damaged GGUF headers are opened or refused with a sentence', async () => {
  const file = smallGguf('llama3');
  // Mostly the metadata of the model and the list of tensors: the tokens between them all look alike.
  const { opened, refused } = await survey(file, file.byteLength - 9000, 21, openGguf);
  expect(opened + refused).toBe(rounds);
  expect(refused).toBeGreaterThan(rounds / 10);
});
