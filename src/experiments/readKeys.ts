// What runs read, as texts that are the same for runs that read the same: tokens by their ids, pictures and sounds by the very
// arrays that hold their numbers.

import type { RowSource, RowStart } from '../runtime/plan/plan.ts';

/** Numbers of a picture or a sound have a name for as long as they live. */
const names = new WeakMap<Float32Array, number>();
let named = 0;

function nameOf(data: Float32Array): number {
  const name = names.get(data) ?? named++;
  names.set(data, name);
  return name;
}

/** @throws RangeError for a row that forks, which reads what its parent reads */
export function readKey(read: RowStart | RowSource): string {
  switch (read.kind) {
    case 'input':
      return `input ${nameOf(read.data)}`;
    case 'tokens':
      return `${read.tokens.join(' ')}${read.source ? ` < ${readKey(read.source)}` : ''}`;
    case 'fork':
    case 'kept':
      throw new RangeError('A row that begins in another reads nothing of its own.');
    default:
      return read satisfies never;
  }
}
