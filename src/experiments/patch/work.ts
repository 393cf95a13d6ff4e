// A patch or path patching as work for a model: from the experiment to the changes of its result. Where no model runs, the
// kinds are enough.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { Model } from '../../runtime/model.ts';
import { completed, grown } from '../growth.ts';
import type { InputParts } from '../inputParts.ts';
import type { KindWork } from '../kind.ts';
import type { RunOptions } from '../planRuns.ts';
import { ranOn, weakCorruptionNotices, withTexts } from '../resultParts.ts';
import { seenEntry } from '../seenPicture.ts';
import { finishedUnits } from '../units.ts';
import type { PromptInput } from '../wholePrompt.ts';
import { casesOf, type PatchBatch } from './cells.ts';
import { type PatchExperiment, readPatchExperiment } from './experiment.ts';
import { columnCount, layersOf, type PatchCell } from './outline.ts';
import { type PairInputs, readPairInputs } from './pairInputs.ts';
import type { PathExperiment } from './pathExperiment.ts';
import { estimatePatch, mostNumbersTogether } from './plan.ts';
import { type ResolvedPatch, resolvePatch } from './resolve.ts';
import { holdsCell, type PatchChange, type PatchResult, patchGrowth, versionFor } from './result.ts';
import {
  type PatchBaselines,
  type PreparedPatch,
  type PrepareOptions,
  patchUnits,
  preparePatch,
  runPatch,
} from './run.ts';

function startPanels({ panels }: PreparedPatch, layerCount: number): PatchResult['panels'] {
  return panels.map((panel) => ({
    component: panel.component,
    by: panel.by,
    window: panel.window,
    ...(panel.heads ? { heads: panel.heads } : {}),
    positions: panel.positions,
    ...(panel.kind === 'path' ? { receiver: panel.receiver } : {}),
    ...(panel.kind === 'path' && panel.senders ? { senders: panel.senders } : {}),
    ...(panel.place ? { layerCount: panel.place.count } : {}),
    ...(panel.kind === 'sweep' && panel.isOfInput ? { isOfInput: true } : {}),
    ...(panel.kind === 'sweep' && panel.isOfPicture ? { isOfPicture: true } : {}),
    cells: new Array(layersOf(panel, layerCount) * columnCount(panel)).fill(null),
  }));
}

/**
 * What the model reads beside its tokens, and the picture that this is about where it is a question, with the positions in
 * which pairs differ by a named part.
 */
export function startInput({
  pairs,
  inputParts: parts,
  pictureParts,
}: PreparedPatch): Pick<PatchResult, 'input' | 'picture'> {
  const input = pairs[0]?.clean.input;
  if (!input) return {};
  const named = [...new Set(pairs.flatMap(({ exchanged }) => exchanged ?? []))].sort((a, b) => a - b);
  const entry = ({ kind }: PromptInput, of: InputParts | undefined, isNamed: boolean) => ({
    kind,
    columns: of?.columns ?? [],
    ...(isNamed && named.length > 0 ? { corrupted: named } : {}),
    ...(of?.grid ? { grid: of.grid } : {}),
    ...seenEntry(of?.seen),
  });
  const { picture } = input;
  return {
    input: entry(input, parts, !picture),
    ...(picture ? { picture: entry(picture, pictureParts, true) } : {}),
  };
}

/** A result without cells. */
function startPatch(model: Model, patch: PreparedPatch, { clean, corrupted }: PatchBaselines): PatchResult {
  const { layerCount } = model.architecture;
  const { ablation, textOf } = patch;
  const read = startInput(patch);
  const on = ranOn(model);
  const { input } = read;
  const named = (ids: readonly number[]) => withTexts(ids, ids.map(textOf));
  const plain = ({ id, text }: { readonly id: number; readonly text: string }) => ({ id, text });
  return {
    kind: 'patch-result',
    version: versionFor({ ...read, ...on }),
    experiment: patch.experiment,
    ...on,
    pairs: patch.pairs.map(({ answer, distractor, clean, corrupted: other }) => ({
      clean: named(clean.tokens),
      ...(other ? { corrupted: named(other.tokens) } : {}),
      ...(input?.kind === 'text' ? { source: named(clean.input?.tokens ?? []) } : {}),
      ...(input?.kind === 'text' && other ? { corruptedSource: named(other.input?.tokens ?? []) } : {}),
      answer: plain(answer),
      ...(distractor ? { distractor: plain(distractor) } : {}),
    })),
    ...read,
    direction: patch.direction,
    ...(ablation?.kind === 'mean' ? { meanOver: ablation.over } : {}),
    ...(ablation?.kind === 'resample' ? { drawn: ablation.drawn } : {}),
    layerCount,
    clean,
    corrupted,
    panels: startPanels(patch, layerCount),
    notices: [
      ...patch.notices,
      ...(corrupted
        ? weakCorruptionNotices(clean, corrupted, {
            subject: 'The corrupted prompt',
            consequence: 'there is little between the two runs to find. Change what the answer hangs on.',
          })
        : []),
    ],
  };
}

// What builds on a patch meets it here.
export { type PreparedPatch, preparePatch, type ResolvedPatch };

/** A patch of whole components, each in every layer: what attributions predict. */
export function resolveSweeps(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  {
    model,
    revision,
    pairs,
    components,
    parts,
  }: Pick<PatchExperiment, 'model' | 'revision' | 'pairs' | 'parts'> & {
    readonly components: readonly string[];
  },
  inputs: readonly PairInputs[] = [],
): ResolvedPatch {
  const experiment = readPatchExperiment({
    kind: 'patch',
    version: 1,
    model,
    ...(revision === undefined ? {} : { revision }),
    pairs,
    ...(parts === undefined ? {} : { parts }),
    sweeps: components.map((component) => ({ component })),
  });
  return resolvePatch(architecture, tokenizer, experiment, inputs);
}

export interface PatchOptions extends RunOptions {
  /** A result of the same experiment on the same model to go on from. */
  readonly earlier?: PatchResult;
  readonly leaveOut?: ReadonlySet<string>;
}

/** Run a prepared patch, as changes of its result. */
export async function* preparedChanges(
  model: Model,
  patch: PreparedPatch,
  { earlier, ...options }: PatchOptions,
): AsyncGenerator<PatchChange, void> {
  const isDone = (cell: PatchCell, batch?: PatchBatch) =>
    earlier !== undefined && holdsCell(earlier, cell, batch && casesOf(batch).from);
  for await (const update of runPatch(model, patch, { ...options, isDone })) {
    if (update.kind === 'cells') yield update;
    else {
      const result = startPatch(model, patch, update);
      const { panels, parts } = earlier ?? {};
      yield {
        kind: 'started',
        result: { ...result, ...(panels ? { panels } : {}), ...(parts ? { parts } : {}) },
      };
    }
  }
}

/**
 * Run a prepared patch, and yield the whole result as it grows: once with the baselines alone, then after every batch.
 * @throws the signal's reason when it is aborted; the result that was yielded last can be given as `earlier`
 */
export const growPatch = (
  model: Model,
  patch: PreparedPatch,
  options: PatchOptions = {},
): AsyncGenerator<PatchResult, void> => grown(preparedChanges(model, patch, options), patchGrowth());

/** Prepare and run a resolved patch. */
export async function* patchChanges(
  model: Model,
  patch: ResolvedPatch,
  { textOf, ...options }: PatchOptions & PrepareOptions,
): AsyncGenerator<PatchChange, void> {
  const { signal } = options;
  const preparation = { ...(signal ? { signal } : {}), ...(textOf ? { textOf } : {}) };
  yield* preparedChanges(model, await preparePatch(model, patch, preparation), options);
}

/** Prepare and run a resolved patch to its end. */
export const completePatch = (
  model: Model,
  patch: ResolvedPatch,
  options: PatchOptions & PrepareOptions = {},
): Promise<PatchResult> => completed(patchChanges(model, patch, options), patchGrowth());

/** Where nothing says how pictures and sounds become numbers. */
const noPreprocessor = async () => undefined;

/** Of both kinds, which differ in their files alone. */
export const patchWork: KindWork<PatchExperiment | PathExperiment, PatchResult, ResolvedPatch, PatchChange> =
  {
    resolve: async (architecture, tokenizer, experiment, { preprocessor = noPreprocessor }) => {
      const inputs = await readPairInputs(architecture, experiment.pairs, preprocessor);
      return resolvePatch(architecture, tokenizer, experiment, inputs);
    },
    estimate: (architecture, patch) => {
      const { cells, rowLayers, tokenLayers } = estimatePatch(architecture, patch);
      return {
        count: cells,
        rowLayers,
        tokenLayers,
        steps: 0,
        bytes: mostNumbersTogether(architecture, patch) * Float32Array.BYTES_PER_ELEMENT,
        notices: patch.notices,
        targets: patch.pairs.map(({ answer = null, distractor = null }) => ({ answer, distractor })),
      };
    },
    units: (architecture, patch) => patchUnits(patch, architecture).map(({ name }) => name),
    unitsDone: (architecture, patch, result) =>
      finishedUnits(patchUnits(patch, architecture), (cell, batch) =>
        holdsCell(result, cell, casesOf(batch).from),
      ),
    run: patchChanges,
  };
