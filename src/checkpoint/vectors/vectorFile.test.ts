import { expect, test } from 'vitest';
import { smallGguf } from '../expected/smallFiles.ts';
import { memorySource } from '../sources/byteSource.ts';
import { readControlVector, safetensorsVector } from './vectorFile.ts';
import { writeControlVector } from './writeControlVector.ts';

const directions = new Map([
  [3, Float32Array.of(1, -2, 0.5)],
  [1, Float32Array.of(4, 5, 6)],
]);

/** Little-endian, as the format has it: name, dimensions, type, offset. */
const written = (bytes: Uint8Array) => memorySource('happy.gguf', bytes);

test('a control vector is read as it was written, each direction at the output of its block', async () => {
  const found = await readControlVector(written(writeControlVector(directions, 'llama')));
  expect(found.modelHint).toBe('llama');
  expect([...found.directions].sort()).toEqual([...directions].sort());
});

test("a file of llama.cpp's own generator acts one block earlier than it says", async () => {
  const found = await readControlVector(written(writeControlVector(directions, 'llama')), -1);
  expect([...found.directions.keys()].sort()).toEqual([0, 2]);
});

test('the bytes of a control vector are those that the gguf package writes', () => {
  // gguf 0.19: GGUFWriter(..., 'controlvector'); add_string('controlvector.model_hint', 'x');
  // add_uint32('controlvector.layer_count', 1); add_tensor('direction.1', numpy.float32([1, 2]))
  const bytes = writeControlVector(new Map([[1, Float32Array.of(1, 2)]]), 'x');
  expect(Buffer.from(bytes).toString('base64')).toBe(expectedBytes);
});

const expectedBytes =
  'R0dVRgMAAAABAAAAAAAAAAMAAAAAAAAAFAAAAAAAAABnZW5lcmFsLmFyY2hpdGVjdHVyZQgAAAANAAAAAAAAAGNvbnRyb2x2ZWN0b3IYAAAAAAAAAGNvbnRyb2x2ZWN0b3IubW9kZWxfaGludAgAAAABAAAAAAAAAHgZAAAAAAAAAGNvbnRyb2x2ZWN0b3IubGF5ZXJfY291bnQEAAAAAQAAAAsAAAAAAAAAZGlyZWN0aW9uLjEBAAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA/AAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==';

test('what is not a control vector, or none that could act, is refused in a sentence', async () => {
  await expect(readControlVector(written(smallGguf('llama')))).rejects.toThrow(
    "is a GGUF file of the kind 'llama'; a control vector is of the kind 'controlvector'.",
  );
  expect(() => writeControlVector(new Map([[0, Float32Array.of(1)]]), 'llama')).toThrow(
    'llama.cpp adds nothing at the output of block 0',
  );
  expect(() => writeControlVector(new Map(), 'llama')).toThrow('needs at least one direction');
  const odd = new Map([...directions, [2, Float32Array.of(1)] as const]);
  expect(() => writeControlVector(odd, 'llama')).toThrow('must all have the width of the model');
});

function safetensors(tensors: Readonly<Record<string, readonly number[]>>): Uint8Array {
  const data = Float32Array.from(Object.values(tensors).flat());
  let at = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, { length }]) => {
      const offsets = [at, at + 4 * length];
      at += 4 * length;
      return [name, { dtype: 'F32', shape: [length], data_offsets: offsets }];
    }),
  );
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(new Uint8Array(data.buffer), 8 + text.length);
  return bytes;
}

test('a vector of a safetensors file is the one that is named, or the only one', async () => {
  const one = () => memorySource('v.safetensors', safetensors({ v: [1, 2.5] }));
  const two = () => memorySource('v.safetensors', safetensors({ a: [1], b: [2] }));
  expect(await safetensorsVector(one())).toEqual(Float32Array.of(1, 2.5));
  expect(await safetensorsVector(two(), 'b')).toEqual(Float32Array.of(2));
  await expect(safetensorsVector(two())).rejects.toThrow('holds 2 tensors. Name one: a, b.');
  await expect(safetensorsVector(one(), 'w')).rejects.toThrow("has no tensor 'w'. It has: v.");
});
