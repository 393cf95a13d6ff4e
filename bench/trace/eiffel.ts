// The trace that bench/trace measures.

import { readTraceExperiment, type TraceExperiment } from '../../src/experiments/trace/experiment.ts';

export const eiffel = (model: string, samples: number): TraceExperiment =>
  readTraceExperiment({
    kind: 'trace',
    version: 1,
    model,
    prompt: 'The Eiffel Tower is located in the city of',
    subject: 'Eiffel Tower',
    corruption: { kind: 'noise', samples },
    streams: [
      { component: 'block_output' },
      { component: 'mlp_output', window: 10 },
      { component: 'attention_output', window: 10 },
    ],
  });

/** Mean probability of the answer in a cell, as `traceGrid` has it: [stream, layer, position, value]. */
export type MeasuredCell = readonly [string, number, number, number];
