// What pyvene computes in the examples (expected.py), and how far other numbers are from it.

import { readFileSync } from 'node:fs';
import * as v from 'valibot';

const grid = v.array(v.array(v.array(v.number())));

export const expected = v.parse(
  v.object({
    words: v.array(v.string()),
    nested: v.object({ head_attention_value_output: grid, head_value_output: grid }),
    subspace: grid,
    added: v.array(v.number()),
  }),
  JSON.parse(readFileSync(new URL('expected.json', import.meta.url), 'utf8')),
);

/**
 * The largest difference of the logarithms of two probabilities, over nested lists of the same form: small probabilities
 * count as large ones do. NaN when the forms differ.
 */
export function apart(found: unknown, wanted: unknown): number {
  if (typeof found === 'number' && typeof wanted === 'number')
    return Math.abs(Math.log(found) - Math.log(wanted));
  if (!Array.isArray(found) || !Array.isArray(wanted) || found.length !== wanted.length) return Number.NaN;
  return Math.max(...found.map((entry, index) => apart(entry, wanted[index])));
}
