// Inputs from files, and what is wrong with them.
import { expect, test } from 'vitest';
import { memorySource } from '../checkpoint/sources/byteSource.ts';
import { fittedExample, readExample, readTensorOf } from './exampleFiles.ts';
import type { ValueInfo } from './onnxFile.ts';

const ids: ValueInfo = { name: 'ids', dtype: 'int32', typeName: 'int32', shape: ['batch', 'sequence'] };
const text = (label: string, content: string) => memorySource(label, new TextEncoder().encode(content));

/** An array as numpy.save writes it: version 1.0, the header padded to 64 bytes. */
function numpyFile(header: string, bytes: Uint8Array): Uint8Array {
  const words = header.padEnd(117, ' ');
  const start = Uint8Array.of(0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, words.length + 1, 0);
  return Uint8Array.from([...start, ...new TextEncoder().encode(`${words}\n`), ...bytes]);
}

test('lists of JSON take the type that the input has', async () => {
  const example = fittedExample(await readExample(text('a.json', '{"ids": [[1, 2], [3, 4]]}')), [ids]);
  expect(example.ids).toEqual({ dtype: 'int32', shape: [2, 2], data: Int32Array.of(1, 2, 3, 4) });
});

test('an array of NumPy is read as it was saved', async () => {
  const bytes = new Uint8Array(Float32Array.of(1.5, -2, 0.25).buffer);
  const file = numpyFile("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }", bytes);
  const { x } = await readExample(memorySource('x.npy', file), 'x');
  expect(x).toEqual({ dtype: 'float32', shape: [1, 3], data: Float32Array.of(1.5, -2, 0.25) });
  const turned = numpyFile("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 3), }", bytes);
  await expect(readExample(memorySource('x.npy', turned), 'x')).rejects.toThrow(/order of Fortran/);
  await expect(readExample(memorySource('x.npy', file))).rejects.toThrow(/Say of which input: INPUT=x.npy/);
});

test.each([
  ['{"ids": [[1, 2], [3]]}', /different lengths/],
  ['{"ids": [["a"]]}', /holds "a", which is no number/],
  ['[1, 2]', /holds no object of inputs/],
])('%s is refused', async (content, sentence) => {
  await expect(readExample(text('a.json', content))).rejects.toThrow(sentence);
});

test.each([
  ['{"ids": [[0.5]]}', /is of int32, which does not hold the float32/],
  ['{"ids": [1]}', /has 2 axes; what is given has 1/],
  ['{"idz": [[1]]}', /There is no input 'idz'. Did you mean 'ids'/],
])('%s does not fit', async (content, sentence) => {
  const example = await readExample(text('a.json', content));
  expect(() => fittedExample(example, [ids])).toThrow(sentence);
});

test('the least float32, which is a whole number, stays what it is', async () => {
  const least = -3.4028234663852886e38;
  const mask: ValueInfo = { name: 'mask', dtype: 'float32', typeName: 'float32', shape: [1, 2] };
  const fromJson = fittedExample(await readExample(text('a.json', `{"mask": [[0, ${least}]]}`)), [mask]);
  expect(fromJson.mask?.data).toEqual(Float32Array.of(0, least));
  const fromTable = await readTensorOf(text('a.csv', `0,${least}`), 'mask');
  expect(fromTable.data).toEqual(Float32Array.of(0, least));
});
