// The `trace` cases: a whole causal trace by the experiment itself, compared grid by grid.

import * as v from 'valibot';
import { readTraceExperiment } from '../../experiments/trace/experiment.ts';
import { traceGrid } from '../../experiments/trace/grid.ts';
import { resolveTrace } from '../../experiments/trace/resolve.ts';
import { completeTrace } from '../../experiments/trace/work.ts';
import type { CaseContext } from './caseContext.ts';
import { type Difference, difference, worse } from './compare.ts';
import type { ReferenceCase } from './reference.ts';

const traceSchema = v.looseObject({
  /** A tensor of ids, or its first row: `base[0:1]`. */
  input: v.string(),
  /** The subject, as positions or as a range. */
  positions: v.optional(v.array(v.number())),
  subject: v.optional(v.tuple([v.number(), v.number()])),
  samples: v.number(),
  level: v.number(),
  noise: v.string(),
  answer: v.number(),
  window: v.number(),
  outputs: v.array(v.string()),
  /** Begins with the name of the tensor [clean, corrupted]. */
  baselines: v.string(),
});

function subjectOf({ positions, subject }: v.InferOutput<typeof traceSchema>): readonly [number, number] {
  if (subject) return subject;
  const [first, last] = [positions?.[0], positions?.at(-1)];
  if (first === undefined || last === undefined) throw new Error('The case names no subject.');
  return [first, last + 1];
}

export async function compareTrace(
  { model, reference, tolerance }: CaseContext,
  description: ReferenceCase,
): Promise<Difference> {
  const read = v.parse(traceSchema, description);
  const [name = ''] = read.input.split('[');
  const ids = await reference.tensor(name);
  const prompt = [...ids.data].slice(0, ids.shape.at(-1));
  const seed = Number(/RandomState\((\d+)\)/.exec(read.noise)?.[1]);
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model: model.label,
    prompt,
    subject: subjectOf(read),
    answer: read.answer,
    corruption: { kind: 'noise', level: read.level, samples: read.samples, seed },
    streams: read.outputs.map((output) => {
      const component = output.split('.').at(-1) ?? output;
      return { component, window: component === 'block_output' ? 1 : read.window };
    }),
  });
  const result = await completeTrace(model, resolveTrace(model.architecture, undefined, experiment));
  const [baselines = ''] = read.baselines.split(' ');
  const grids = read.outputs.map((_, stream) => traceGrid(result, stream, 'probability'));
  const [first] = grids;
  const found = [first?.clean.mean ?? Number.NaN, first?.corrupted.mean ?? Number.NaN];
  let total = difference(found, (await reference.tensor(baselines)).data, tolerance);
  for (const [stream, output] of read.outputs.entries()) {
    const cells = grids[stream]?.cells.flat().map((cell) => cell?.mean ?? Number.NaN) ?? [];
    total = worse(total, difference(cells, (await reference.tensor(output)).data, tolerance));
  }
  return total;
}
