// Codes, scales and minima against the elements that the `gguf` package reads.

import { expect, test } from 'vitest';
import { decoded, expectedExpansions } from '../expected/smallFiles.ts';
import { codesBytes, codesOf, hasCodes } from './codes.ts';
import { isStorageDtype } from './storage.ts';

const { cases } = expectedExpansions();
const blocked = cases.flatMap(({ dtype, ...rest }) =>
  isStorageDtype(dtype) && hasCodes(dtype) ? [{ dtype, ...rest }] : [],
);

test('all blocks of GGUF have codes, and elements by themselves have none', () => {
  expect(blocked.map(({ dtype }) => dtype).sort()).toEqual(
    ['Q4_0', 'Q4_1', 'Q4_K', 'Q5_0', 'Q5_1', 'Q5_K', 'Q6_K', 'Q8_0'].sort(),
  );
  expect(() => codesOf('F16', new Uint8Array(64), { rows: 1, inputs: 32 })).toThrow(
    '64 bytes of F16 are not 1 rows of 32 in blocks with codes. Expand them.',
  );
  expect(() => codesOf('Q4_0', new Uint8Array(17), { rows: 1, inputs: 32 })).toThrow(
    '17 bytes of Q4_0 are not 1 rows of 32',
  );
});

test.each(blocked)('codes of $dtype are its elements', ({ dtype, elements, bytes, values }) => {
  const rows = elements % 512 === 0 ? 2 : 1;
  const inputs = elements / rows;
  const { group, codes, scales, minima } = codesOf(dtype, decoded(bytes), { rows, inputs });
  expect(codes.byteLength + 4 * scales.length + 4 * (minima?.length ?? 0)).toBe(codesBytes(dtype, elements));
  const parts = (2 * codes.length) / elements;
  const expected = new Float32Array(decoded(values).buffer);
  for (const [at, value] of expected.entries()) {
    const row = Math.floor(at / inputs);
    const input = at % inputs;
    const terms = Array.from({ length: parts }, (_, part) => {
      const place = (row * parts + part) * inputs + input;
      const code = ((codes[place >> 1] ?? Number.NaN) >> (4 * (place & 1))) & 15;
      return (scales[Math.floor(place / group)] ?? Number.NaN) * (code - 8);
    });
    const minimum = minima?.[Math.floor(at / group)] ?? 0;
    const found = terms.reduce((sum, term) => sum + term, minimum);
    // Scale, minimum and, in the reference, the product are rounded once each.
    const size = terms.reduce((sum, term) => sum + Math.abs(term), Math.abs(minimum));
    if (Number.isFinite(value)) expect(Math.abs(found - value)).toBeLessThanOrEqual(2 ** -22 * size);
  }
});
