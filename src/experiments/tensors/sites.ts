// Which tensors a sweep edits, layer by layer, and where their positions lie.

import { chainBetween, chainTensors, describedStacks } from '../../imported/describe.ts';
import type { ImportedModel } from '../../imported/importedModel.ts';
import {
  checkedAxes,
  type PlaceGrid,
  type PositionAxes,
  placeCount,
  placeRange,
  positionAxes,
  sizesAlong,
} from '../../imported/places.ts';
import type { NamedTensors } from '../../imported/runtime.ts';
import { didYouMean } from '../../messages/nearest.ts';
import { quoted } from '../../messages/wording.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { TensorsExperiment } from './experiment.ts';
import { layerMark, ownTensors } from './ownNames.ts';
import { type Patches, type PictureSize, patchesAlong, patchesOf, pictureSize } from './patches.ts';

export interface SitePanel {
  /** As the experiment names it. */
  readonly site: string;
  /** One a layer. */
  readonly layers: readonly { readonly layer: number; readonly tensor: string; readonly grid: PlaceGrid }[];
  /** Places along the axes: none, positions, or rows and columns of patches. */
  readonly counts: readonly number[];
  /** How many places of the first layer's tensor there are along these axes. */
  readonly sizes: readonly number[];
  /** Where places are patches of the picture that the model reads. */
  readonly patches?: Patches;
}

/** The names by which layers of tensors can be asked for. */
export const siteNames = (model: ImportedModel): readonly string[] => [
  ...new Set(describedStacks(model).flatMap(({ stack }) => stack.components.map(({ name }) => name))),
  'chain',
];

interface LayerTensor {
  readonly layer: number;
  readonly tensor: string;
}

const exists = ({ probe, graph }: ImportedModel, name: string): boolean =>
  probe.tensors.has(name) || graph.aliases.has(name);

/** Tensors of a component of one's own. @throws ExperimentError where there is none */
function tensorsOfOwn(
  model: ImportedModel,
  site: string,
  own: string | readonly string[],
): readonly string[] {
  const tensors = ownTensors(own, (name) => exists(model, name));
  // A name without a layer is resolved, which says what is wrong with it.
  if (tensors.length > 0 || typeof own !== 'string' || !own.includes(layerMark))
    return tensors.length > 0 ? tensors : [own].flat();
  throw new ExperimentError(
    `${quoted(site)} is named as ${quoted(own)}, and the model has no tensor ${quoted(own.replaceAll(layerMark, '0'))}.`,
  );
}

/** @throws ExperimentError where nothing cuts the model, or the way that is asked for is none */
function chainOf(model: ImportedModel, chain: TensorsExperiment['chain']): readonly string[] {
  if (!chain) {
    const tensors = chainTensors(model);
    if (tensors.length > 0) return tensors;
    throw new ExperimentError(
      `No single tensor cuts ${model.label} between its first and its last layer, so it has no 'chain'. Name tensors.`,
    );
  }
  const isInput = model.graph.inputs.some(({ name }) => name === chain.from);
  const from = isInput ? chain.from : model.resolve(chain.from);
  const tensors = chainBetween(model, from, model.resolve(chain.to));
  if (tensors.length > 0) return tensors;
  throw new ExperimentError(
    `There is no chain from ${quoted(chain.from)} to ${quoted(chain.to)}: the one does not depend on the other, or no single tensor lies between them.`,
  );
}

/** @throws ExperimentError or SiteError that suggests what was meant */
function layersOf(
  model: ImportedModel,
  site: string,
  { names = {}, chain }: TensorsExperiment,
): readonly LayerTensor[] {
  const inputs = new Set(model.graph.inputs.map(({ name }) => name));
  const numbered = (tensors: readonly string[]): readonly LayerTensor[] =>
    tensors.map((tensor, layer) => ({ layer, tensor })).filter(({ tensor }) => !inputs.has(tensor));
  const [, component = site, layer] = /^(.*):(\d+)$/.exec(site) ?? [];
  const found = (name: string): readonly string[] | undefined => {
    const own = Object.hasOwn(names, name) ? names[name] : undefined;
    if (own !== undefined) return tensorsOfOwn(model, name, own);
    if (name === 'chain') return chainOf(model, chain);
    const stacks = describedStacks(model).flatMap(({ stack }) => stack.components);
    return stacks.find((each) => each.name === name)?.tensors;
  };
  // A tensor's own name may end in a colon and a number.
  const whole = found(site);
  if (whole) return numbered(whole);
  const tensors = exists(model, site) ? undefined : found(component);
  if (!tensors || layer === undefined) {
    const near = exists(model, site)
      ? ''
      : didYouMean(component, [...Object.keys(names), ...siteNames(model)]);
    if (near !== '') throw new ExperimentError(`The model has no ${quoted(site)}. ${near}`);
    return [{ layer: 0, tensor: model.resolve(site) }];
  }
  const own = numbered(tensors).filter((each) => each.layer === Number(layer));
  if (own.length > 0) return own;
  throw new ExperimentError(
    `${quoted(component)} has layers 0 to ${tensors.length - 1} that can be edited; ${layer} is none of them.`,
  );
}

function axesOf(model: ImportedModel, tensor: string, given: readonly number[] | undefined): PositionAxes {
  if (!given) return positionAxes(model.graph, model.probe.tensors, tensor);
  return checkedAxes(tensor, given, model.probe.tensors.get(tensor)?.shape.length ?? 0);
}

const usualPositions = 64;
const mostPatches = 4096;

/** How many places there are along each axis, where there may not be more than so many. */
export function countsOf(
  sizes: readonly number[],
  { positions, patches }: TensorsExperiment,
  picture: PictureSize | undefined,
): readonly number[] {
  if (sizes.length === 2) return sizes.map((size, axis) => Math.min(size, patches[axis] ?? size));
  return sizes.map((size) => {
    const isPatches = patchesAlong(size, picture) !== undefined && size <= mostPatches;
    return Math.min(size, positions ?? (isPatches ? size : usualPositions));
  });
}

/**
 * @param inputs of the run whose sizes count
 * @throws ExperimentError or SiteError for a site that is none, or whose layers have their positions along other axes
 */
export async function resolveSites(
  model: ImportedModel,
  experiment: TensorsExperiment,
  inputs: NamedTensors,
): Promise<readonly SitePanel[]> {
  const named = experiment.sites.map(({ site, axes }) => ({
    site,
    axes: experiment.by === 'whole' ? [] : axes,
    layers: layersOf(model, site, experiment).map((each) => ({
      ...each,
      tensor: model.resolve(each.tensor),
    })),
  }));
  const shapes = await model.shapesOf(
    named.flatMap(({ layers }) => layers.map(({ tensor }) => tensor)),
    inputs,
  );
  const picture = pictureSize(inputs);
  return named.flatMap(({ site, axes, layers }): readonly SitePanel[] => {
    const placed = layers.map(({ layer, tensor }): PlacedLayer => {
      const own = axesOf(model, tensor, axes);
      const shape = shapes.get(tensor) ?? [];
      return { layer, tensor, axes: own, shape, sizes: sizesAlong(own, shape) };
    });
    const panel = (of: readonly PlacedLayer[], name: string) => panelOf(of, name, experiment, picture);
    const kinds = [...new Set(placed.map((each) => each.axes.length))];
    if (kinds.length < 2) return [panel(placed, site)];
    if (site !== 'chain')
      throw new ExperimentError(
        `Positions of ${quoted(site)} lie along ${placed[0]?.axes.length} axes in one layer and along others in another. Give its 'axes', or sweep 'by' the 'whole'.`,
      );
    // A chain changes its axes on its way, and ends in a vector: a panel for each form.
    return kinds.map((count) =>
      panel(
        placed.filter((each) => each.axes.length === count),
        `chain ${['without positions', 'by position', 'by patch'][count]}`,
      ),
    );
  });
}

interface PlacedLayer extends LayerTensor {
  readonly axes: PositionAxes;
  readonly shape: readonly number[];
  readonly sizes: readonly number[];
}

/** @throws ExperimentError for a site without tensors */
function panelOf(
  layers: readonly PlacedLayer[],
  site: string,
  experiment: TensorsExperiment,
  picture: PictureSize | undefined,
): SitePanel {
  const [first] = layers;
  if (!first) throw new ExperimentError(`The site ${quoted(site)} has no tensor that can be edited.`);
  const smallest = first.sizes.map((_, axis) => Math.min(...layers.map(({ sizes }) => sizes[axis] ?? 1)));
  const counts = countsOf(smallest, experiment, picture);
  const patches = patchesOf(counts, first.sizes, picture);
  return {
    site,
    counts,
    ...(patches ? { patches } : {}),
    sizes: first.sizes,
    layers: layers.map(({ layer, tensor, axes, shape }) => ({
      layer,
      tensor,
      grid: { axes, shape, counts },
    })),
  };
}

/** How many cells a panel has in each layer. */
export const panelPlaces = ({ counts }: Pick<SitePanel, 'counts'>): number => placeCount({ counts });

/** Names of a panel's places: `3`, `8-11`, `2, 5` of patches; one where there are no positions. */
export function placeNames({ counts, sizes, patches }: SitePanel): readonly string[] {
  return Array.from({ length: placeCount({ counts }) }, (_, place) => {
    if (patches && place >= patches.first) {
      const patch = place - patches.first;
      return `${Math.floor(patch / patches.columns)}, ${patch % patches.columns}`;
    }
    const [count, across] = counts;
    if (count === undefined) return 'all of it';
    if (across !== undefined) return `${Math.floor(place / across)}, ${place % across}`;
    const [from, to] = placeRange(place, count, sizes[0] ?? count);
    return to - from === 1 ? String(from) : `${from}-${to - 1}`;
  });
}
