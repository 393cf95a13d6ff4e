// The state of a recurrence as a component: it is computed for the positions that a batch carries, may be changed there, and
// what is changed goes on to the later ones.

import { add, sub } from '../onnx/elementwise.ts';
import { gather } from '../onnx/layout.ts';
import type { Value } from '../onnx/value.ts';
import type { BlockScope } from './architecture.ts';
import { toTokens } from './recurrence.ts';

/**
 * @param states [rows, queries, width] at the positions that the batch carries
 * @param follow what a change at each of these positions comes to there and at the later ones: [rows, queries, width] both.
 *               A change comes to itself at its own position, and changes add up
 * @returns      the states that go on, [rows, queries, width]
 */
export function carriedState(
  { batch, carried }: BlockScope,
  states: Value,
  follow: (change: Value) => Value,
): Value {
  const tokens = carried('ssm_state', toTokens(states, batch), (before, after) => {
    const change = gather(sub(after, before), batch.queryIndex, 0);
    // To the last bit what was put there, where nothing was changed before it.
    return add(after, toTokens(sub(follow(change), change), batch));
  });
  return gather(tokens, batch.queryIndex, 0);
}
