// Whether the slopes that cells would be worked out from say anything: found from the experiment alone, before anything runs.

import { ExperimentError } from '../experimentFile.ts';
import type { TensorsExperiment } from './experiment.ts';

/** Whether cells start from the corrupted run. */
export const startsCorrupted = ({ ablation, direction = 'restore' }: TensorsExperiment): boolean =>
  ablation === undefined && direction === 'restore';

/**
 * @throws ExperimentError where cells start from the run that they are compared with: all slopes are zero there, and every cell
 *         would be as that run
 */
export function requireSlopes(experiment: TensorsExperiment): void {
  const { kind } = experiment.watched;
  const isCompared = kind === 'squared' || kind === 'cosine' || kind === 'distance';
  if (experiment.method !== 'gradient' || !isCompared || experiment.reference || startsCorrupted(experiment))
    return;
  const reference = kind === 'squared' ? '' : ", give a 'reference'";
  const direction = experiment.ablation ? '' : ", take the direction 'restore'";
  throw new ExperimentError(
    `What is watched is the '${kind}' of a run and the clean run, from which these cells start: it has no slope there but zero. Watch an entry${reference}${direction}, or leave "method" out to run each cell.`,
  );
}
