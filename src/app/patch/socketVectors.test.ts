import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import type { Architecture } from '../../architectures/architecture.ts';
import { architectureOf } from '../../architectures/registry.ts';
import { readAlignResult } from '../../experiments/align/result.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { socketVectors, vectorsOf } from './socketVectors.ts';

let architecture: Architecture;
beforeAll(() => {
  architecture = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));
});

const found = (name: string, bytes: Uint8Array | string, width: number) =>
  socketVectors(
    new File([typeof bytes === 'string' ? bytes : Uint8Array.from(bytes)], name),
    architecture,
    width,
  );

/** As numpy.save writes an array of float64: magic, version 1.0, the header's length, the header, the numbers. */
function npy(shape: string, numbers: readonly number[]): Uint8Array {
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${shape}), }`.padEnd(117, ' ');
  const length = new Uint8Array(Uint16Array.of(header.length + 1).buffer);
  return Uint8Array.from([
    ...[0x93, ...new TextEncoder().encode('NUMPY'), 1, 0],
    ...length,
    ...new TextEncoder().encode(`${header}\n`),
    ...new Uint8Array(Float64Array.from(numbers).buffer),
  ]);
}

test('an array is a vector, or one in each row or column that is as wide as the socket', async () => {
  expect(await found('v.npy', npy('3,', [1, 2, 3]), 3)).toEqual([{ name: 'v.npy', numbers: [1, 2, 3] }]);
  const two = npy('2, 3', [1, 2, 3, 4, 5, 6]);
  expect((await found('v.npy', two, 3)).map(({ numbers }) => numbers)).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect((await found('v.npy', two, 2)).map(({ numbers }) => numbers)).toEqual([
    [1, 4],
    [2, 5],
    [3, 6],
  ]);
  expect((await found('v.json', '[[1, 2]]', 2)).map(({ numbers }) => numbers)).toEqual([[1, 2]]);
  await expect(found('v.npy', two, 5)).rejects.toThrow('holds no vector of 5 numbers');
  await expect(found('v.txt', '1 2', 2)).rejects.toThrow('is no file of vectors that is read here');
  await expect(found('v.json', '{"a": 1}', 2)).rejects.toThrow('not a result of Patchbay');
});

test('a square array is rows where a person saved it, and columns where a rotation was trained', () => {
  const square = { name: 'w', shape: [2, 2], data: [1, 2, 3, 4] };
  expect(vectorsOf(square, 2, 'rows').map(({ numbers }) => numbers)[0]).toEqual([1, 2]);
  expect(vectorsOf(square, 2, 'columns').map(({ numbers }) => numbers)[0]).toEqual([1, 3]);
});

const stored = new URL('../../../examples/align/results/gender-declared.json', import.meta.url);
test.skipIf(!existsSync(stored))('what an alignment has trained is a direction for each site', async () => {
  const text = readFileSync(stored, 'utf8');
  const result = readAlignResult(JSON.parse(text));
  const vectors = await found('gender.json', text, result.width);
  expect(vectors).toHaveLength(result.sites.length);
  // An orthonormal column, as the bytes of its float32 values stand in the result.
  const { base64 = '' } = result.sites[0]?.parameters.rotation ?? {};
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  const first = new Float32Array(bytes.buffer, 0, result.width);
  const own = vectors[0]?.numbers ?? [];
  expect(own.map((x, index) => Math.abs(x - (first[index] ?? 0)) < 1e-6).every(Boolean)).toBe(true);
  expect(Math.hypot(...own)).toBeCloseTo(1, 4);
});
