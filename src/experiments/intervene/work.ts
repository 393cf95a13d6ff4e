// An intervention as work for a model: one unit, which is done or not.

import type { Architecture } from '../../architectures/architecture.ts';
import { schedule } from '../../runtime/plan/schedule.ts';
import type { KindWork } from '../kind.ts';
import { readLogits } from '../planRuns.ts';
import type { WholePrompt } from '../wholePrompt.ts';
import type { InterveneExperiment } from './experiment.ts';
import { type ResolvedIntervention, readInterveneInputs, resolveIntervene } from './resolve.ts';
import type { InterveneResult } from './result.ts';
import { runIntervene } from './run.ts';

const unit = 'intervention';

/** The base as it is and as it is edited, and each source. */
const promptsOf = ({ base, sources }: ResolvedIntervention): readonly WholePrompt[] =>
  [base, ...sources].flatMap((prompt) => [prompt, prompt]);

/** Rows and tokens times the layers that they pass, each prompt by itself. */
function passesOf(architecture: Architecture, resolved: ResolvedIntervention) {
  const each = promptsOf(resolved).map(({ start, watched }) =>
    schedule(architecture, { rows: [{ start, edits: [] }], reads: [readLogits(0, watched)] }),
  );
  const sum = (of: 'rowLayers' | 'tokenLayers') => each.reduce((total, own) => total + own[of], 0);
  return { rowLayers: sum('rowLayers'), tokenLayers: sum('tokenLayers') };
}

export const interveneWork: KindWork<
  InterveneExperiment,
  InterveneResult,
  ResolvedIntervention,
  InterveneResult
> = {
  resolve: async (architecture, tokenizer, experiment, { preprocessor = async () => undefined }) =>
    resolveIntervene(
      architecture,
      tokenizer,
      experiment,
      await readInterveneInputs(architecture, experiment, preprocessor),
    ),
  estimate: (architecture, resolved) => {
    const tokens = promptsOf(resolved).reduce(
      (total, { tokens: own, input }) => total + own.length + (input?.length ?? 0),
      0,
    );
    const { answer = null, distractor = null, notices } = resolved;
    return {
      count: 1,
      ...passesOf(architecture, resolved),
      steps: 0,
      bytes: 4 * tokens * architecture.width,
      notices,
      targets: [{ answer, distractor }],
    };
  },
  units: () => [unit],
  unitsDone: () => [unit],
  run: async function* (model, resolved, { earlier, leaveOut, signal, onProgress, textOf }) {
    const total = passesOf(model.architecture, resolved).rowLayers;
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
