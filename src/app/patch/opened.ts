// Between the document and its experiment, without a model: a link opens before one is there. Locations are read in the
// forms in which they are written here and by hand; what hangs on a model's shape is left to the editor of JSON.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { partsOfGiven } from '../../experiments/givenPrompt.ts';
import type { InterveneExperiment } from '../../experiments/intervene/experiment.ts';
import { interventionKeys, readConfiguration } from '../../interventions/configuration/configuration.ts';
import { besideOf, type KnownReads } from '../prompt/beside.ts';
import { givenAt, isGiven } from './beside.ts';
import {
  type Cable,
  type CableSettings,
  emptyDocument,
  type PatchDocument,
  type Place,
  type RackView,
} from './document.ts';

type Representation = NonNullable<InterveneExperiment['configuration']>['representations'][number];
type Loose = Readonly<Record<string, unknown>>;

/** Types that take nothing from a run. */
const sourceless = /^(Zero|Collect|Noise|LoRA|Loreft|Noreft|Direft)Intervention$/;

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'number');
const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type Units = Pick<Place, 'positions' | 'heads'>;

const refuse = (index: number): never => {
  throw new ExperimentError(
    `'unitLocations' of intervention ${index} are in a form that the page cannot show without a model. Paste the configuration into the JSON of the Patch page, or write them in full: for each intervention a list over examples of lists of units.`,
  );
};

/** One side of one intervention. */
function unitsOf(side: unknown, unit: Representation['unit'], index: number, isOwn: boolean): Units {
  const of = (units: readonly number[]): Units =>
    unit === 'h' ? { positions: 'all', heads: units } : unit === 'pos' ? { positions: units } : refuse(index);
  if (typeof side === 'number') return of([side]);
  if (isObject(side)) {
    const { positions = 'all', heads } = side;
    if (positions !== 'all' && !isNumbers(positions)) return refuse(index);
    if (unit === 'pos') return { positions };
    return isNumbers(heads) ? { positions, heads } : refuse(index);
  }
  const own: unknown = Array.isArray(side) ? (isOwn ? side : side[index]) : undefined;
  if (!Array.isArray(own)) return side === undefined && unit === 'pos' ? { positions: 'all' } : refuse(index);
  if (unit === 'h.pos') {
    const [heads, positions]: readonly unknown[] = own;
    const [h, p]: readonly unknown[] = [
      Array.isArray(heads) ? heads[0] : undefined,
      Array.isArray(positions) ? positions[0] : undefined,
    ];
    return isNumbers(h) && isNumbers(p) ? { positions: p, heads: h } : refuse(index);
  }
  const [units]: readonly unknown[] = own;
  return isNumbers(units) ? of(units) : refuse(index);
}

function sidesOf(value: unknown): { readonly source: unknown; readonly base: unknown } {
  if (isObject(value) && ('source' in value || 'base' in value))
    return { source: value.source, base: value.base };
  if (Array.isArray(value)) return { source: value[0], base: value[1] };
  return { source: value, base: value };
}

function settingsIn(representation: Representation, subspaces: readonly number[] | undefined): CableSettings {
  const { low_rank_dimension: rank, latent_dim: latent, subspace_partition: partition } = representation;
  const { interchange_dim: dimension, intervention_link_key: link } = representation;
  return {
    ...(rank ? { lowRankDimension: rank } : {}),
    ...(latent ? { latentDimension: latent } : {}),
    ...(partition ? { partition } : {}),
    ...(subspaces ? { subspaces } : {}),
    ...(dimension === null || dimension === undefined ? {} : { interchangeDimension: dimension }),
    ...(link === null || link === undefined ? {} : { link }),
  };
}

const flatten = (value: unknown): readonly number[] =>
  typeof value === 'number' ? [value] : Array.isArray(value) ? value.flatMap(flatten) : [];

/** @throws ExperimentError for locations that need a model to be read */
export function cablesIn(experiment: InterveneExperiment): readonly Cable[] {
  const { configuration, sources } = experiment;
  // Beyond the schema's word for it, every form that the library takes may stand here.
  const unitLocations: Loose = experiment.unitLocations ?? {};
  const subspaces: unknown = experiment.subspaces;
  if (!configuration) return [];
  const { representations, intervention_types: types, mode } = configuration;
  const isSerial = mode === 'serial';
  const groupOf = (index: number) => representations[index]?.group_key ?? (sources.length === 1 ? 0 : index);
  const count = Math.max(...representations.map((_, index) => groupOf(index))) + 1;
  const targetOf = (group: number) => (isSerial && group + 1 < count ? `source_${group + 1}` : 'base');
  const placeInRoute = new Map<string, number>();
  return representations.map((representation, index): Cable => {
    const { component, unit, source_component: fromComponent, source_layer: fromLayer } = representation;
    const layer = representation.layer ?? null;
    const type = (
      representation.intervention_type ??
      (typeof types === 'string' ? types : (types[index] ?? 'VanillaIntervention'))
    )
      .replace(/^<class '(.*)'>$/, '$1')
      .replace(/^.*\./, '');
    const group = groupOf(index);
    const route = isSerial ? `source_${group}->${targetOf(group)}` : 'sources->base';
    const place = placeInRoute.get(route) ?? 0;
    placeInRoute.set(route, place + 1);
    const given =
      unitLocations[route] ?? (unitLocations.base === undefined ? undefined : { base: unitLocations.base });
    const { source, base } = sidesOf(given);
    const listed = (side: unknown): unknown =>
      Array.isArray(side) && !isNumbers(side) ? side[place] : isNumbers(side) ? [side] : side;
    const target = unitsOf(listed(base), unit, index, Array.isArray(base));
    const constant = representation.source_representation;
    const takes = !sourceless.test(type) && (constant === null || constant === undefined);
    const to: Place = { run: representation.target_run ?? targetOf(group), component, layer, ...target };
    const numbers =
      Array.isArray(subspaces) && !isNumbers(subspaces) ? flatten(subspaces[index]?.[0]) : flatten(subspaces);
    return {
      id: index + 1,
      type,
      from: takes
        ? {
            run: representation.source_run ?? `source_${group}`,
            component: fromComponent ?? component,
            layer: fromLayer ?? layer,
            ...(source === undefined ? target : unitsOf(listed(source), unit, index, Array.isArray(source))),
          }
        : null,
      to,
      ...(constant === null || constant === undefined ? {} : { constant: flatten(constant) }),
      settings: settingsIn(representation, numbers.length > 0 ? numbers : undefined),
    };
  });
}

/** @throws InterventionError for a configuration that is none */
function withParameters(
  { parameters, configuration }: InterveneExperiment,
  cables: readonly Cable[],
): readonly Cable[] {
  if (!parameters || !configuration) return cables;
  const keys = interventionKeys(readConfiguration(configuration));
  return cables.map((cable, index) => {
    const own = parameters[keys[index] ?? ''];
    if (!own) return cable;
    const read = Object.entries(own).map(
      ([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }] as const,
    );
    return { ...cable, parameters: Object.fromEntries(read) };
  });
}

/** Parameters as a file holds them. */
function writtenParameters(cables: readonly Cable[], configuration: unknown): unknown {
  if (cables.every(({ parameters }) => parameters === undefined)) return undefined;
  const keys = interventionKeys(readConfiguration(configuration));
  const written = (parameters: NonNullable<Cable['parameters']>) =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, { shape, data }]) => [name, { shape, data: Array.from(data) }]),
    );
  return Object.fromEntries(
    cables.flatMap(({ parameters }, index) =>
      parameters ? [[keys[index] ?? '', written(parameters)] as const] : [],
    ),
  );
}

/** @throws ExperimentError for what the page has no controls for, with the way on */
export function documentOf(experiment: InterveneExperiment): PatchDocument {
  const { base, sources, answer = null, distractor = null, rack, seed, configuration } = experiment;
  const prompts = [base, ...sources];
  const texts = prompts.map((given) => partsOfGiven(given).prompt);
  const isText = (text: unknown) => text === undefined || typeof text === 'string' || isEmpty(text);
  if (![...texts, ...prompts.map((given) => partsOfGiven(given).target)].every(isText))
    throw new ExperimentError(
      'Its prompts are token ids, and the page has fields for text. Run it from the command line: patchbay run FILE.json --out DIR.',
    );
  const { matches = [], otherMatches = [], against = 0, pairs = null } = rack ?? {};
  const corrections = sources.map((_, index) => {
    const own = otherMatches.find(({ source }) => source === index)?.matches ?? (index === 0 ? matches : []);
    return Object.fromEntries(own);
  });
  const view: RackView = {
    component: rack?.component ?? 'block_output',
    columns: rack?.by ?? 'position',
    head: rack?.head ?? null,
  };
  return {
    ...emptyDocument,
    base: String(texts[0]),
    sources: sources.length === 0 ? [''] : texts.slice(1).map(String),
    beside: prompts.some((given) => Object.keys(besideOf(given)).length > 0) ? prompts.map(besideOf) : [],
    answer,
    distractor,
    corrections: corrections.every((own) => Object.keys(own).length === 0) ? [] : corrections,
    against,
    cables: withParameters(experiment, cablesIn(experiment)),
    mode: configuration?.mode ?? 'parallel',
    seed,
    view,
    pairs,
  };
}

/** The experiment of a document whose wiring is given; without cables it has none. */
export function experimentIn(
  document: PatchDocument,
  model: string,
  reads: KnownReads,
  wiring: {
    readonly configuration: unknown;
    readonly unitLocations: unknown;
    readonly subspaces?: unknown;
  } | null,
): unknown {
  const { sources, answer, distractor, seed, view, corrections, pairs, against } = document;
  const parameters = wiring ? writtenParameters(document.cables, wiring.configuration) : undefined;
  const last = sources.findLastIndex((_, index) => isGiven(document, index + 1, reads));
  const typed = sources.slice(0, last + 1).map((_, index) => givenAt(document, index + 1, reads));
  const matchesOf = (own: PatchDocument['corrections'][number] = {}) =>
    Object.entries(own).map(([position, place]) => [Number(position), place]);
  const [matches, ...others] = typed.map((_, index) => matchesOf(corrections[index]));
  const otherMatches = others.flatMap((own, index) =>
    own.length === 0 ? [] : [{ source: index + 1, matches: own }],
  );
  return {
    kind: 'intervene',
    version: 1,
    model,
    base: givenAt(document, 0, reads),
    sources: typed,
    ...(answer === null ? {} : { answer }),
    ...(distractor === null ? {} : { distractor }),
    ...wiring,
    ...(parameters === undefined ? {} : { parameters }),
    rack: {
      component: view.component,
      by: view.columns,
      ...(view.head === null ? {} : { head: view.head }),
      ...(matches === undefined || matches.length === 0 ? {} : { matches }),
      ...(otherMatches.length === 0 ? {} : { otherMatches }),
      ...(against === 0 ? {} : { against }),
      ...(pairs === null ? {} : { pairs }),
    },
    seed,
  };
}
