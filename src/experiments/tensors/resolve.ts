// A sweep of tensors against a model: inputs as tensors, sites with their places, all checked that can be before rows run. Only
// what tensors measure is found by running the model, once for each set of sizes.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { type OpenedModel, openedModelOf } from '../../imported/openedModels.ts';
import {
  checkedAxes,
  entriesOfPlace,
  type PlaceGrid,
  placeCount,
  positionAxes,
  sizesAlong,
} from '../../imported/places.ts';
import type { TensorFacts } from '../../imported/probe.ts';
import type { NamedTensors } from '../../imported/runtime.ts';
import { isFloat } from '../../imported/tensor.ts';
import type { SeenPart } from '../../media/pictureParts.ts';
import { quoted } from '../../messages/wording.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { GivenInputs, Noise, TensorsExperiment } from './experiment.ts';
import { readInputs } from './inputs.ts';
import { pictureSize } from './patches.ts';
import { countsOf, panelPlaces, placeNames, resolveSites, type SitePanel } from './sites.ts';
import { requireSlopes } from './slopes.ts';
import { type ResolvedWatch, resolveWatched } from './watched.ts';

/** Noise that is drawn when its tensor is known. */
export interface ResolvedNoise extends Noise {
  readonly isInput: boolean;
  /** Which entries of the tensor it is added to; undefined for all. */
  readonly entries?: Int32Array;
}

/** A panel with what its places are called. */
export interface NamedPanel extends SitePanel {
  readonly names: readonly string[];
  /** Whether the names are those of tokens. */
  readonly isTokens: boolean;
}

export interface ResolvedTensors {
  readonly experiment: TensorsExperiment;
  readonly opened: OpenedModel;
  readonly clean: NamedTensors;
  /** Which part of the clean run's picture the model sees; absent where none is given as one. */
  readonly seen?: SeenPart;
  /** Absent where there is noise, or an ablation. */
  readonly corrupted?: NamedTensors;
  readonly noise?: ResolvedNoise;
  readonly reference?: NamedTensors;
  readonly watch: ResolvedWatch;
  readonly panels: readonly NamedPanel[];
  /** Runs of each cell: one a draw of the noise. */
  readonly samples: number;
}

/** @throws ExperimentError for another tensor than a floating-point one, or positions that it has not */
async function resolveNoise(
  { imported }: OpenedModel,
  experiment: TensorsExperiment,
  clean: NamedTensors,
): Promise<ResolvedNoise | undefined> {
  const { noise } = experiment;
  if (!noise) return undefined;
  const { graph, probe } = imported;
  const given = clean[noise.tensor];
  const name = given ? noise.tensor : imported.resolve(noise.tensor);
  const dtype = given?.dtype ?? probe.tensors.get(name)?.dtype ?? 'bool';
  if (!isFloat(dtype) || dtype === 'float16')
    throw new ExperimentError(
      `${quoted(name)} holds ${dtype}; noise is added to float32 numbers. Of a model of tokens, name the tensor of the embedding.`,
    );
  if (!noise.positions) return { ...noise, tensor: name, isInput: given !== undefined };
  const shape = given?.shape ?? (await imported.shapesOf([name], clean)).get(name) ?? [];
  // An input is no tensor that is computed, and lies among those that are.
  const own = { shape, roles: shape.map((_, axis) => roleOfInput(imported, name, axis)) };
  const tensors = given
    ? new Map<string, Pick<TensorFacts, 'roles' | 'shape'>>([...probe.tensors, [name, own]])
    : probe.tensors;
  const axes = noise.axes ? checkedAxes(name, noise.axes, shape.length) : positionAxes(graph, tensors, name);
  const sizes = sizesAlong(axes, shape);
  const grid: PlaceGrid = { axes, shape, counts: countsOf(sizes, experiment, pictureSize(clean)) };
  const count = axes.length === 0 ? 0 : placeCount(grid);
  const past = noise.positions.find((position) => position >= count);
  if (past !== undefined)
    throw new ExperimentError(
      count === 0
        ? `${quoted(name)} has no positions; leave them out of the noise, or give its 'axes'.`
        : `${quoted(name)} has positions 0 to ${count - 1}; ${past} is none of them.`,
    );
  const entries = noise.positions.flatMap((position) => [...entriesOfPlace(grid, position)]);
  const distinct = [...new Set(entries)].sort((a, b) => a - b);
  return { ...noise, tensor: name, isInput: given !== undefined, entries: Int32Array.from(distinct) };
}

const roleOfInput = ({ probe }: OpenedModel['imported'], input: string, axis: number): string | null =>
  probe.groups.find(({ axes }) => axes.some((at) => at.input === input && at.axis === axis))?.name ?? null;

/** What the tokens of the clean run say, where positions are theirs. */
function tokenTexts(
  { clean }: TensorsExperiment,
  inputs: NamedTensors,
  tokenizer: Tokenizer | undefined,
): readonly string[] | undefined {
  const named = Object.entries(clean).find(([, { text }]) => text !== undefined);
  const ids = named && inputs[named[0]];
  return ids && tokenizer
    ? Array.from({ length: ids.data.length }, (_, at) => tokenizer.tokenText(Number(ids.data[at])))
    : undefined;
}

/** @throws ExperimentError where inputs of two runs have other sizes */
function requireAlike(a: NamedTensors, b: NamedTensors): void {
  for (const [name, { shape }] of Object.entries(a)) {
    const other = b[name]?.shape ?? [];
    if (shape.length === other.length && shape.every((size, axis) => size === other[axis])) continue;
    throw new ExperimentError(
      `Input ${quoted(name)} is [${shape.join(', ')}] in the clean run and [${other.join(', ')}] in the corrupted one. States are interchanged place by place, so both must be as long.`,
    );
  }
}

/** @throws ExperimentError, SiteError or CheckpointError in one sentence: what does not fit, and what would */
export async function resolveTensors(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: TensorsExperiment,
): Promise<ResolvedTensors> {
  const opened = openedModelOf(architecture);
  if (!opened)
    throw new ExperimentError(
      `A sweep of tensors is of a model that was brought as ONNX; this is a checkpoint of the family '${architecture.family}'. Use the kinds 'trace' or 'patch'.`,
    );
  requireSlopes(experiment);
  const { tensors: clean, seen } = await readInputs(opened, tokenizer, experiment.clean);
  const further = async (given: GivenInputs) => (await readInputs(opened, tokenizer, given, clean)).tensors;
  const corrupted = experiment.corrupted && (await further(experiment.corrupted));
  if (corrupted) requireAlike(clean, corrupted);
  const reference = experiment.reference && (await further(experiment.reference));
  const noise = await resolveNoise(opened, experiment, clean);
  const panels = await resolveSites(opened.imported, experiment, clean);
  const texts = tokenTexts(experiment, clean, tokenizer);
  return {
    experiment,
    opened,
    clean,
    ...(seen ? { seen } : {}),
    ...(corrupted ? { corrupted } : {}),
    ...(noise ? { noise } : {}),
    ...(reference ? { reference } : {}),
    watch: resolveWatched(opened, experiment.watched),
    panels: panels.map((panel) => {
      const isTokens = panel.counts.length === 1 && texts?.length === panel.counts[0];
      const names = isTokens && texts ? texts : placeNames(panel);
      return { ...panel, names, isTokens: isTokens && panel.sizes[0] === texts?.length };
    }),
    samples: noise?.samples ?? 1,
  };
}

/** Cells of all panels. */
export const cellCount = ({ panels }: Pick<ResolvedTensors, 'panels'>): number =>
  panels.reduce((sum, panel) => sum + panel.layers.length * panelPlaces(panel), 0);
