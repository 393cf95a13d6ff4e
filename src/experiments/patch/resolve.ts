// Makes a patch or a path experiment definite for one model: tokens instead of text, every default filled in, everything
// checked that can be checked before the model runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { Direction } from '../direction.ts';
import type { Notice } from '../notice.ts';
import { type ResolvedAblation, resolveAblation } from './ablation.ts';
import type { PatchExperiment } from './experiment.ts';
import type { PatchCase, PatchOutline } from './outline.ts';
import type { PathExperiment } from './pathExperiment.ts';
import { firstDifference, type ResolvedPair, resolvePairs } from './resolvePairs.ts';
import { resolvePaths, resolveSweep } from './resolvePanels.ts';

export interface ResolvedPatch extends PatchOutline {
  readonly experiment: PatchExperiment | PathExperiment;
  readonly pairs: readonly ResolvedPair[];
  readonly direction: Direction;
  readonly ablation?: ResolvedAblation;
  readonly notices: readonly Notice[];
}

/** The runs of each pair. */
function casesOf(
  pairs: readonly ResolvedPair[],
  direction: Direction,
  ablation: ResolvedAblation | undefined,
): readonly PatchCase[] {
  const between = (pair: number, base: readonly number[], source: readonly number[]): PatchCase => ({
    pair,
    base,
    source,
    firstDifference: firstDifference(base, source),
  });
  return pairs.flatMap(({ clean, corrupted = [] }, pair): readonly PatchCase[] => {
    switch (ablation?.kind) {
      case undefined:
        return [direction === 'restore' ? between(pair, corrupted, clean) : between(pair, clean, corrupted)];
      case 'zero':
      case 'mean':
        return [{ pair, base: clean, firstDifference: 0 }];
      case 'resample':
        return (ablation.drawn[pair] ?? []).map((prompt) =>
          between(pair, clean, ablation.prompts[prompt] ?? []),
        );
      default:
        return ablation satisfies never;
    }
  });
}

const meanNotice: Notice = {
  code: 'mean-over-all-positions',
  text: 'The prompts of the mean and the clean prompts are not all of one length, so the mean is over all positions of all prompts.',
};

/**
 * @param tokenizer may be absent when the experiment gives token ids
 * @throws ExperimentError or PlanError in one sentence: which field, what was given, and what would be right
 */
export function resolvePatch(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: PatchExperiment | PathExperiment,
): ResolvedPatch {
  const given = experiment.kind === 'patch' ? experiment.ablation : undefined;
  const { pairs, notices } = resolvePairs(architecture, tokenizer, experiment.pairs, given === undefined);
  const lengths = pairs.map(({ clean }) => clean.length);
  const direction = given ? 'corrupt' : (experiment.direction ?? 'restore');
  if (experiment.kind === 'path') {
    const panels = resolvePaths(architecture, experiment);
    return { experiment, pairs, direction, panels, cases: casesOf(pairs, direction, undefined), notices };
  }
  const panels = experiment.sweeps.map((sweep, index) => resolveSweep(architecture, sweep, index, lengths));
  const ablation = given && resolveAblation(architecture, tokenizer, given, pairs, panels);
  return {
    experiment,
    pairs,
    direction,
    panels,
    cases: casesOf(pairs, direction, ablation),
    ...(ablation ? { ablation } : {}),
    notices: [
      ...notices,
      ...(ablation?.kind === 'mean' && ablation.over === 'all positions' ? [meanNotice] : []),
    ],
  };
}
