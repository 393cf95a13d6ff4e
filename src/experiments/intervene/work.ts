// An intervention as work for a model: one unit, which is done or not.

import type { Architecture } from '../../architectures/architecture.ts';
import type { KindWork } from '../kind.ts';
import type { InterveneExperiment } from './experiment.ts';
import type { InterveneResult } from './result.ts';
import { type ResolvedIntervention, resolveIntervene, runIntervene } from './run.ts';

const unit = 'intervention';

/** The base as it is and as it is edited, and each source. */
const rowsOf = ({ base, sources }: ResolvedIntervention): readonly (readonly number[])[] => [
  base,
  base,
  ...sources.flatMap((source) => [source, source]),
];

export const interveneWork: KindWork<
  InterveneExperiment,
  InterveneResult,
  ResolvedIntervention,
  InterveneResult
> = {
  resolve: resolveIntervene,
  estimate: ({ layerCount, width }: Architecture, resolved) => {
    const rows = rowsOf(resolved);
    const tokens = rows.reduce((sum, { length }) => sum + length, 0);
    const { answer = null, distractor = null, notices } = resolved;
    return {
      count: 1,
      rowLayers: rows.length * layerCount,
      tokenLayers: tokens * layerCount,
      steps: 0,
      bytes: 4 * tokens * width,
      notices,
      targets: [{ answer, distractor }],
    };
  },
  units: () => [unit],
  unitsDone: () => [unit],
  run: async function* (model, resolved, { earlier, leaveOut, signal, onProgress, textOf }) {
    const total = rowsOf(resolved).length * model.architecture.layerCount;
    onProgress?.(0, total);
    if (earlier) yield earlier;
    else if (!leaveOut?.has(unit))
      yield await runIntervene(model, resolved, {
        ...(signal ? { signal } : {}),
        ...(textOf ? { textOf } : {}),
      });
    onProgress?.(total, total);
  },
};
