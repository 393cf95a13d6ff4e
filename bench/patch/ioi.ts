// The patch that bench/patch measures: one pair, three streams by position and every head.

import { type PatchExperiment, readPatchExperiment } from '../../src/experiments/patch/experiment.ts';

export const ioi = (model: string): PatchExperiment =>
  readPatchExperiment({
    kind: 'patch',
    version: 1,
    model,
    pairs: [
      {
        clean: 'When Mary and John went to the store, John gave a drink to',
        corrupted: 'When Mary and John went to the store, Mary gave a drink to',
        answer: ' Mary',
        distractor: ' John',
      },
    ],
    sweeps: [
      { component: 'block_output' },
      { component: 'mlp_output' },
      { component: 'attention_output' },
      { component: 'head_attention_value_output', by: 'head' },
    ],
  });

/** Logit difference of a cell: [component, layer, position or head, value]. */
export type MeasuredCell = readonly [string, number, number, number];
