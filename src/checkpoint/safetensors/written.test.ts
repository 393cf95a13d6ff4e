import { expect, test } from 'vitest';
import { safetensorsBytes } from './written.ts';

test('a file is what the reference implementation writes', () => {
  // safetensors.numpy.save({"a": np.array([[1, -2.5]], np.float32)})
  const expected =
    '3800000000000000' +
    Buffer.from('{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}').toString('hex') +
    '0000803f000020c0';
  const bytes = safetensorsBytes(new Map([['a', { shape: [1, 2], data: Float32Array.of(1, -2.5) }]]));
  expect(Buffer.from(bytes).toString('hex')).toBe(expected);
});

test('a header is padded with spaces, and a shape that does not fit is refused', () => {
  const bytes = safetensorsBytes(new Map([['ab', { shape: [1], data: Float32Array.of(3) }]]));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  expect(length % 8).toBe(0);
  const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  expect(header).toEqual({ ab: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } });
  expect(() => safetensorsBytes(new Map([['a', { shape: [2], data: Float32Array.of(3) }]]))).toThrow(
    "The tensor 'a' has shape [2] and 1 numbers.",
  );
});
