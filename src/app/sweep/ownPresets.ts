// The presets of the rack as what a sweep's own page can begin with: the sweeps of a patch, the receivers of a path.

import { counterpartsOf } from '../../experiments/counterparts.ts';
import type { PatchExperiment, Sweep } from '../../experiments/patch/experiment.ts';
import { readPatchExperiment } from '../../experiments/patch/experiment.ts';
import type { PathExperiment, PathReceiver } from '../../experiments/patch/pathExperiment.ts';
import { readPathExperiment } from '../../experiments/patch/pathExperiment.ts';
import { emptyDocument } from '../patch/document.ts';
import { initialSweep, type PresetName, presetParts } from '../patch/presets.ts';

export const patchPresets = ['streams', 'windows', 'heads', 'headPositions'] as const;
export const pathPresets = ['paths', 'queryPaths'] as const;

/** With one pair, so that it is a whole experiment, whose defaults the schema fills in. */
function experimentIn(preset: PresetName, receiver = initialSweep.receiver) {
  const { kind, ...parts } = presetParts({ ...initialSweep, preset, receiver }, [], emptyDocument.view);
  const { direction: _, ...own } = { direction: undefined, ...parts };
  return { kind, version: 1, model: '', pairs: [{ clean: '' }], ...own };
}

/** @param components of the model in use, which may have others in the place of a transformer's */
export const presetSweeps = (
  preset: (typeof patchPresets)[number],
  components: readonly { readonly name: string }[],
): readonly Sweep[] => counterpartsOf(readPatchExperiment(experimentIn(preset)).sweeps, components);

/** The head that reads is one of the last layer's: every other head comes before it. */
export const presetReceivers = (
  preset: (typeof pathPresets)[number],
  layerCount: number,
): readonly PathReceiver[] =>
  readPathExperiment(experimentIn(preset, { layer: Math.max(1, layerCount - 1), head: 0 })).receivers;

/** The preset whose sweeps these are; null for those put together by hand. */
export const presetOfSweeps = (
  { sweeps }: PatchExperiment,
  components: readonly { readonly name: string }[],
): (typeof patchPresets)[number] | null =>
  patchPresets.find(
    (preset) => JSON.stringify(presetSweeps(preset, components)) === JSON.stringify(sweeps),
  ) ?? null;

export const presetOfReceivers = (
  { receivers }: PathExperiment,
  layerCount: number,
): (typeof pathPresets)[number] | null =>
  pathPresets.find(
    (preset) => JSON.stringify(presetReceivers(preset, layerCount)) === JSON.stringify(receivers),
  ) ?? null;
