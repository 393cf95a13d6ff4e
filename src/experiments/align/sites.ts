// Where an alignment's interventions are: the sites that a file names by layer and position, the further ones of a joint training,
// how wide their vectors are, and where each is in an example.

import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { ResolvedPrompt } from '../resolvedPrompt.ts';
import { checkHouseholder } from '../rotationTraining.ts';
import { layersWith } from '../stackLayers.ts';
import type { ExamplePlace } from './examplePlaces.ts';
import { type AlignExperiment, mostSites } from './experiment.ts';
import type { ResolvedExample } from './resolveExamples.ts';
import {
  indexOfPosition,
  positionKey,
  positionsIn,
  positionText,
  type SitePosition,
} from './sitePosition.ts';

/** One site in one layer, for all examples. */
export interface AlignSite {
  readonly component: string;
  readonly layer: number;
  readonly position: SitePosition;
  /** Of a component that is one for each head: those whose vectors are joined. */
  readonly heads?: readonly number[];
}

/** A further site of a joint training: with each site in turn, and of a layer of its own or of that site's. */
export interface JointSite extends Omit<AlignSite, 'layer'> {
  readonly layer: number | 'same';
  /** Entries of its vector. */
  readonly width: number;
}

const list = <T>(given: T | readonly T[]): readonly T[] => (Array.isArray(given) ? given : [given as T]); // What is no array is one.

/** @throws ExperimentError for heads that the component does not have, or that are missing */
function checkHeads(
  { name, layout, heads: count = 0 }: ComponentDescription,
  heads: readonly number[] | undefined,
  field: string,
): void {
  if (layout === 'token') {
    if (heads === undefined) return;
    throw new ExperimentError(
      `'${field}.heads': '${name}' is not one for each head. Leave 'heads' out, or name a component such as 'head_attention_value_output'.`,
    );
  }
  if (heads === undefined)
    throw new ExperimentError(
      `'${field}.heads' is missing: '${name}' is one for each head. Name those whose vectors are one site, of 0 to ${count - 1}.`,
    );
  const beyond = heads.find((head) => head >= count);
  if (beyond !== undefined)
    throw new ExperimentError(
      `'${field}.heads': there is no head ${beyond}; '${name}' has heads 0 to ${count - 1}.`,
    );
  if (new Set(heads).size < heads.length)
    throw new ExperimentError(`'${field}.heads' names one twice: ${heads.join(', ')}.`);
}

/** How many positions each site joins. @throws ExperimentError where they differ, or heads are joined as well */
function joinedPositions(
  positions: readonly SitePosition[],
  heads: readonly number[] | undefined,
  field: string,
): number {
  const [count = 1, ...others] = positions.map((position) => positionsIn(position).length);
  const other = others.find((each) => each !== count);
  if (other !== undefined)
    throw new ExperimentError(
      `'${field}.position' joins ${count} in one site and ${other} in another, so their vectors are not of one width. Join as many everywhere, or write two files.`,
    );
  if (heads && count > 1)
    throw new ExperimentError(
      `'${field}.position' joins ${count} positions, and '${field}.heads' names heads: heads are joined at one position. Name one position, or a component without heads.`,
    );
  return count;
}

/** A component of which a site is a part, and how wide its vectors are. @throws ExperimentError or PlanError that names the field */
function widthAt(
  architecture: Architecture,
  { component, heads }: { readonly component: string; readonly heads?: readonly number[] | undefined },
  positions: readonly SitePosition[],
  field: string,
) {
  const described = describeComponent(architecture, component);
  const { layout, scope } = described;
  if (layout === 'pair' || scope === 'model') {
    throw new ExperimentError(
      `'${field}.component': '${component}' has no vector for each position of a layer, so nothing can be aligned there. Name one such as 'block_output' or 'mlp_output'.`,
    );
  }
  checkHeads(described, heads, field);
  const joined = joinedPositions(positions, heads, field) * (heads?.length ?? 1);
  return { width: described.width * joined, own: described.width };
}

/** @throws ExperimentError for a rank that the width does not have, or a way of training that does not fit it */
function checkRank(
  { intervention, training }: AlignExperiment,
  component: string,
  { width, own }: ReturnType<typeof widthAt>,
): void {
  const chosen = intervention.type === 'LowRankRotated' ? intervention.rank : undefined;
  const dimensions = intervention.type === 'Rotated' ? intervention.dimensions : chosen;
  if (dimensions !== undefined && dimensions > width) {
    const field = chosen === undefined ? 'dimensions' : 'rank';
    throw new ExperimentError(
      `'intervention.${field}' is ${dimensions}, but ${width === own ? `'${component}' has` : `what is joined of '${component}' has`} a width of ${width}. Give at most ${width}.`,
    );
  }
  if (training.rotation === 'householder')
    checkHouseholder('training.rotation', {
      width,
      // Every other type rotates the whole width, or nothing.
      columns: chosen ?? width,
      decay: training.weightDecay ?? (training.optimizer === 'adamw' ? 0.01 : 0),
    });
}

/** @throws ExperimentError or PlanError that names the field */
function resolveJointSites(
  architecture: Architecture,
  experiment: AlignExperiment,
  layers: readonly number[],
): readonly JointSite[] {
  const { jointly = [], intervention } = experiment;
  const { type } = intervention;
  if (jointly.length > 0 && type !== 'LowRankRotated' && type !== 'Rotated')
    throw new ExperimentError(
      `'jointly' trains a fixed number of directions at each site, and a ${type} learns how many. Give an intervention of type 'LowRankRotated' or 'Rotated'.`,
    );
  return jointly.map(({ layer, ...site }, at) => {
    const field = `jointly.${at}`;
    const width = widthAt(architecture, site, [site.position], field);
    checkRank(experiment, site.component, width);
    if (layer === 'same') checkSameStack(architecture, experiment.site.component, site.component, field);
    checkLayers(architecture, site.component, layer === 'same' ? layers : [layer], `${field}.layer`);
    const { component, position, heads } = site;
    return { component, layer, position, ...(heads ? { heads } : {}), width: width.width };
  });
}

/** @throws ExperimentError for `same` where it would be the layer of another stack */
function checkSameStack(architecture: Architecture, own: string, other: string, field: string): void {
  const places = [own, other].map((name) => describeComponent(architecture, name).place?.from ?? 0);
  if (places[0] === places[1]) return;
  throw new ExperimentError(
    `'${field}.layer' is 'same', and '${other}' has other layers than '${own}': they are of two stacks. Give the layer's number.`,
  );
}

/** @throws ExperimentError for a layer that does not have the component */
function checkLayers(
  architecture: Architecture,
  component: string,
  layers: readonly number[],
  field: string,
): void {
  const having = layersWith(architecture, component);
  const beyond = layers.find((layer) => !having.includes(layer));
  if (beyond === undefined) return;
  const { place, layers: some } = describeComponent(architecture, component);
  throw new ExperimentError(
    some && beyond < (place?.count ?? architecture.layerCount)
      ? `'${field}': layer ${beyond} has no '${component}' in this model. Layers that have one: ${having.join(', ')}.`
      : `'${field}': there is no layer ${beyond}; this model has layers 0 to ${(place?.count ?? architecture.layerCount) - 1}${place ? ` of '${component}'` : ''}.`,
  );
}

/** @throws ExperimentError or PlanError that names the field */
export function resolveSites(architecture: Architecture, experiment: AlignExperiment) {
  const { site } = experiment;
  const { component, heads } = site;
  const positions: readonly SitePosition[] = list<SitePosition>(site.position);
  const width = widthAt(architecture, site, positions, 'site');
  const layers = site.layer === 'all' ? layersWith(architecture, component) : list(site.layer);
  checkLayers(architecture, component, layers, 'site.layer');
  for (const [field, keys, texts] of [
    ['layer', layers.map(String), layers.map(String)],
    ['position', positions.map(positionKey), positions.map(positionText)],
  ] as const) {
    if (new Set(keys).size < keys.length)
      throw new ExperimentError(`'site.${field}' names one twice: ${texts.join(', ')}.`);
  }
  if (layers.length * positions.length > mostSites)
    throw new ExperimentError(
      `'site' names ${layers.length * positions.length} sites, and there can be at most ${mostSites}. Name fewer layers or positions.`,
    );
  checkRank(experiment, component, width);
  const sites = layers.flatMap((layer) =>
    positions.map((position) => ({ component, layer, position, ...(heads ? { heads } : {}) })),
  );
  const jointly = resolveJointSites(architecture, experiment, layers);
  return { layers, positions, sites, width: width.width, jointly };
}

/** One of the interventions that are trained together: where it acts, and what it takes from. */
export interface SitePart {
  readonly site: AlignSite;
  /** Entries of its vector. */
  readonly width: number;
  readonly placeOf: (example: ResolvedExample) => ExamplePlace;
  readonly sourceOf: (example: ResolvedExample) => ResolvedPrompt;
}

const nowhere: ExamplePlace = { base: [], source: [] };

/** The site itself, then the further sites of a joint training. */
export function partsOf(
  { positions, jointly, width }: Pick<ReturnType<typeof resolveSites>, 'positions' | 'jointly' | 'width'>,
  site: AlignSite,
): readonly SitePart[] {
  const place = indexOfPosition(positions, site.position);
  const own: SitePart = {
    site,
    width,
    placeOf: ({ places }) => places[place] ?? nowhere,
    sourceOf: ({ source }) => source,
  };
  const others = jointly.map(
    ({ width: wide, layer, ...where }, at): SitePart => ({
      site: { ...where, layer: layer === 'same' ? site.layer : layer },
      width: wide,
      placeOf: ({ further }) => further[at]?.place ?? nowhere,
      sourceOf: ({ further, source }) => further[at]?.prompt ?? source,
    }),
  );
  return [own, ...others];
}
