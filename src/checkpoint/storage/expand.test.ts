// Stored bytes against what torch, numpy and gguf expand them to, bit by bit.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { CheckpointError } from '../checkpoint.ts';
import { decoded, expectedExpansions } from '../expected/smallFiles.ts';
import { expand } from './expand.ts';
import { isStorageDtype, storageDtypes } from './storage.ts';

const expected = expectedExpansions();

const bitsOf = (values: Float32Array): readonly number[] => [
  ...new Uint32Array(values.buffer, values.byteOffset, values.length),
];

function dtypeOf(name: string) {
  if (!isStorageDtype(name)) throw new Error(`${name} is not a storage dtype`);
  return name;
}

test('the expected files cover every storage dtype', () => {
  const others = ['F64', 'F8_E4M3', 'F8_E4M3FNUZ', 'F8_E5M2', 'F8_E5M2FNUZ']; // expand8.test.ts has them.
  expect([...expected.cases.map(({ dtype }) => dtype), ...others].sort()).toEqual([...storageDtypes].sort());
});

test.each(expected.cases)(
  '$dtype expands to the very bits of the reference',
  ({ dtype, elements, bytes, values }) => {
    const want = bitsOf(new Float32Array(decoded(values).buffer));
    expect(bitsOf(expand(dtypeOf(dtype), decoded(bytes), elements))).toEqual(want);
  },
);

test.each(expected.cases)(
  '$dtype expands the same into a given array, from bytes at an odd place',
  (entry) => {
    const stored = decoded(entry.bytes);
    const shifted = new Uint8Array(stored.byteLength + 1);
    shifted.set(stored, 1);
    const whole = new Float32Array(entry.elements + 2).fill(7);
    const out = whole.subarray(1, -1);
    expect(expand(dtypeOf(entry.dtype), shifted.subarray(1), entry.elements, out)).toBe(out);
    expect(bitsOf(out)).toEqual(bitsOf(new Float32Array(decoded(entry.values).buffer)));
    expect([whole[0], whole.at(-1)]).toEqual([7, 7]);
    expect(bitsOf(expand(dtypeOf(entry.dtype), shifted.subarray(1), entry.elements))).toEqual(bitsOf(out));
  },
);

test.each(['F16', 'BF16'] as const)(
  'all 65536 patterns of %s expand as in torch, payloads of NaN included',
  (dtype) => {
    const patterns = new Uint8Array(Uint16Array.from({ length: 65536 }, (_, pattern) => pattern).buffer);
    const values = expand(dtype, patterns, 65536);
    const digest = createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');
    expect(digest).toBe(expected.every_pattern_sha256[dtype]);
  },
);

test('F32 bytes on a 4-byte boundary are not copied', () => {
  const bytes = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
  expect(expand('F32', bytes, 3).buffer).toBe(bytes.buffer);
});

test.each([
  ['Q4_0', 18, 33, /blocks of 32; 18 bytes were given/],
  ['Q4_0', 17, 32, /take 18 bytes in blocks of 32; 17 bytes were given/],
  ['F16', 3, 1, /take 2 bytes .* 3 bytes/],
  ['F32', 0, -1, /0 bytes were given/],
] as const)('%s refuses %i bytes for %i elements', (dtype, bytes, elements, message) => {
  expect(() => expand(dtype, new Uint8Array(bytes), elements)).toThrow(CheckpointError);
  expect(() => expand(dtype, new Uint8Array(bytes), elements)).toThrow(message);
});

test('an array of another length is refused', () => {
  expect(() => expand('F16', new Uint8Array(4), 2, new Float32Array(3))).toThrow(
    /holds 3 elements; 2 are stored/,
  );
});
