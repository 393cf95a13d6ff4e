// Attribution patching as work for a model: some pairs at a time, and then, when asked, the patch that they predict.

import { type Architecture, readsMore } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { Model } from '../../runtime/model.ts';
import { ExperimentError } from '../experimentFile.ts';
import { completed } from '../growth.ts';
import type { KindWork, WorkOptions } from '../kind.ts';
import { inputLength, mainLength, pictureLength } from '../patch/outline.ts';
import { type PairInputs, readPairInputs } from '../patch/pairInputs.ts';
import { type PatchResult, versionOfInput } from '../patch/result.ts';
import {
  type PreparedPatch,
  patchWork,
  preparedChanges,
  preparePatch,
  type ResolvedPatch,
  resolveSweeps,
  startInput,
} from '../patch/work.ts';
import { ranOn } from '../resultParts.ts';
import { attributePatches } from './attribute.ts';
import { type AttributeExperiment, componentsOf } from './experiment.ts';
import { type AttributionChange, attributionGrowth } from './growth.ts';
import type { AttributedPair, AttributionFile } from './result.ts';

export interface ResolvedAttribution {
  readonly experiment: AttributeExperiment;
  /** The patch that the attributions predict. */
  readonly patch: ResolvedPatch;
}

/** @throws ExperimentError or PlanError when it does not fit the model */
export function resolveAttribution(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: AttributeExperiment,
  inputs: readonly PairInputs[] = [],
): ResolvedAttribution {
  if (experiment.steps !== undefined && readsMore(architecture))
    throw new ExperimentError(
      `'steps' are between the embeddings of two texts, and this ${architecture.modelType} model reads more than a text. Leave them out.`,
    );
  const components = componentsOf(experiment, architecture.components);
  return { experiment, patch: resolveSweeps(architecture, tokenizer, { ...experiment, components }, inputs) };
}

const pairsOfUnit = 16;
const patchPrefix = 'patching ';

interface PairUnit {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

const pairUnits = ({ pairs }: ResolvedPatch): readonly PairUnit[] =>
  Array.from({ length: Math.ceil(pairs.length / pairsOfUnit) }, (_, unit) => {
    const from = unit * pairsOfUnit;
    const to = Math.min(pairs.length, from + pairsOfUnit);
    return { name: `pairs ${from + 1}-${to}`, from, to };
  });

/** A pass back through a layer costs about as much as two forward. */
const passesBack = 2;

/** Layer passes of one pair: both runs, those between them, and back through those whose gradient is taken. */
function passesOfPair({ layerCount }: Architecture, { steps }: AttributeExperiment): number {
  const rows = steps === undefined ? 2 : 4 + steps;
  return layerCount * (rows + passesBack * (steps ?? 1));
}

async function attributePair(
  model: Model,
  { experiment: { steps }, patch }: ResolvedAttribution,
  { clean, corrupted, watched, answer, distractor }: PreparedPatch['pairs'][number],
  signal: AbortSignal | undefined,
): Promise<AttributedPair> {
  const { attributions, baselines } = await attributePatches(
    model,
    {
      clean,
      corrupted: corrupted ?? clean,
      watched: { clean: watched, corrupted: watched },
      answer: answer.id,
      components: patch.panels.map(({ component }) => component),
      ...(distractor ? { distractor: distractor.id } : {}),
      ...(steps === undefined ? {} : { steps }),
    },
    signal ? { signal } : {},
  );
  return {
    ...baselines,
    attributions: attributions.map(({ shape, values }) => ({ shape, values: Array.from(values) })),
  };
}

/** A result without pairs, but for those of an earlier one. */
function startAttribution(
  model: Model,
  { experiment }: ResolvedAttribution,
  prepared: PreparedPatch,
  earlier: AttributionFile | undefined,
  textOf: (id: number) => string,
): AttributionFile {
  const texts = (tokens: readonly number[] = []) => tokens.map((id) => ({ id, text: textOf(id) }));
  const read = startInput(prepared);
  const isOfSources = read.input?.kind === 'text';
  return {
    kind: 'attribution-result',
    version: versionOfInput(read),
    experiment,
    ...ranOn(model),
    pairs: prepared.pairs.map(({ clean, corrupted, answer, distractor }) => ({
      clean: texts(clean.tokens),
      corrupted: texts(corrupted?.tokens),
      ...(isOfSources ? { source: texts(clean.input?.tokens) } : {}),
      ...(isOfSources ? { corruptedSource: texts(corrupted?.input?.tokens) } : {}),
      answer: { id: answer.id, text: answer.text },
      ...(distractor ? { distractor: { id: distractor.id, text: distractor.text } } : {}),
    })),
    ...read,
    layerCount: model.architecture.layerCount,
    baselines: null,
    panels: prepared.panels.map((panel, index) => {
      if (panel.kind !== 'sweep') throw new RangeError(`There is no sweep ${index}.`);
      return {
        component: panel.component,
        by: panel.by === 'head' ? 'head' : 'position',
        ...(panel.by === 'head' && panel.heads ? { heads: panel.heads } : {}),
        positions: panel.by === 'head' || typeof panel.positions === 'string' ? [] : panel.positions,
        ...(panel.place ? { layerCount: panel.place.count } : {}),
        ...(panel.isOfInput ? { isOfInput: true } : {}),
        ...(panel.isOfPicture ? { isOfPicture: true } : {}),
        attributions: [],
      };
    }),
    notices: prepared.notices.map(({ code, text }) => ({ code, text })),
    unfinished: earlier?.unfinished ?? { pairs: prepared.pairs.map(() => null), patch: null },
  };
}

/** The layer passes of the whole run, in two parts. */
function passesOf(architecture: Architecture, { experiment, patch }: ResolvedAttribution) {
  const ofPairs = patch.pairs.length * passesOfPair(architecture, experiment);
  return { ofPairs, ofPatch: experiment.compare ? patchWork.estimate(architecture, patch).rowLayers : 0 };
}

async function* changes(
  model: Model,
  attribution: ResolvedAttribution,
  {
    earlier,
    leaveOut = new Set(),
    signal,
    onProgress,
    textOf = (id) => `#${id}`,
  }: WorkOptions<AttributionFile>,
): AsyncGenerator<AttributionChange, void> {
  const { experiment, patch } = attribution;
  if (earlier && !earlier.unfinished) {
    onProgress?.(1, 1);
    return yield { kind: 'started', result: earlier };
  }
  const { ofPairs, ofPatch } = passesOf(model.architecture, attribution);
  onProgress?.(0, ofPairs + ofPatch);
  const options = signal ? { signal } : {};
  const prepared = await preparePatch(model, patch, { ...options, textOf });
  yield { kind: 'started', result: startAttribution(model, attribution, prepared, earlier, textOf) };
  for (const { name, from, to } of pairUnits(patch)) {
    for (const [offset, pair] of prepared.pairs.slice(from, to).entries()) {
      const index = from + offset;
      if (!leaveOut.has(name) && !earlier?.unfinished?.pairs[index]) {
        signal?.throwIfAborted();
        yield { kind: 'pair', index, pair: await attributePair(model, attribution, pair, signal) };
      }
      onProgress?.((index + 1) * passesOfPair(model.architecture, experiment), ofPairs + ofPatch);
    }
  }
  if (!experiment.compare) return;
  const earlierPatch: PatchResult | null = earlier?.unfinished?.patch ?? null;
  const patching = preparedChanges(model, prepared, {
    ...options,
    ...(earlierPatch ? { earlier: earlierPatch } : {}),
    leaveOut: new Set(
      [...leaveOut]
        .filter((name) => name.startsWith(patchPrefix))
        .map((name) => name.slice(patchPrefix.length)),
    ),
    onProgress: (done) => onProgress?.(ofPairs + done, ofPairs + ofPatch),
  });
  for await (const change of patching) yield { kind: 'patch', change };
}

/** Run a resolved attribution to its end. */
export const completeAttribution = (
  model: Model,
  attribution: ResolvedAttribution,
  options: WorkOptions<AttributionFile> = {},
): Promise<AttributionFile> => completed(changes(model, attribution, options), attributionGrowth());

export const attributeWork: KindWork<
  AttributeExperiment,
  AttributionFile,
  ResolvedAttribution,
  AttributionChange
> = {
  resolve: async (architecture, tokenizer, experiment, { preprocessor = async () => undefined }) =>
    resolveAttribution(
      architecture,
      tokenizer,
      experiment,
      await readPairInputs(architecture, experiment.pairs, preprocessor),
    ),
  estimate: (architecture, attribution) => {
    const { experiment, patch } = attribution;
    const { ofPairs, ofPatch } = passesOf(architecture, attribution);
    const asPatch = patchWork.estimate(architecture, patch);
    const tokens = patch.pairs.reduce(
      (sum, { clean }) => sum + Math.max(mainLength(clean), inputLength(clean), pictureLength(clean)),
      0,
    );
    return {
      ...asPatch,
      count: patch.pairs.length + (experiment.compare ? asPatch.count : 0),
      rowLayers: ofPairs + ofPatch,
      tokenLayers:
        tokens * passesOfPair(architecture, experiment) + (experiment.compare ? asPatch.tokenLayers : 0),
    };
  },
  units: (architecture, { experiment, patch }) => [
    ...pairUnits(patch).map(({ name }) => name),
    ...(experiment.compare ? patchWork.units(architecture, patch).map((name) => patchPrefix + name) : []),
  ],
  unitsDone: (architecture, attribution, { unfinished }) => {
    const { patch } = attribution;
    if (!unfinished) return attributeWork.units(architecture, attribution);
    const pairs = pairUnits(patch).filter(({ from, to }) => !unfinished.pairs.slice(from, to).includes(null));
    const patched = unfinished.patch ? patchWork.unitsDone(architecture, patch, unfinished.patch) : [];
    return [...pairs.map(({ name }) => name), ...patched.map((name) => patchPrefix + name)];
  },
  run: changes,
};
