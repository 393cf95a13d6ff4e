// Fits a configuration to a model: which site each intervention edits, where it takes from, which type it is, with which
// parameters. Everything that can be refused without knowing the inputs is refused here.

import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import { PlanError, type Site } from '../../runtime/plan/plan.ts';
import { describeComponent, stageOf } from '../../runtime/plan/sites.ts';
import {
  checkParameters,
  type Intervention,
  InterventionError,
  type InterventionType,
  type Parameters,
  subspaceWidth,
} from '../intervention.ts';
import { interventionType } from '../types/registry.ts';
import type { Configuration, NestedNumbers, Representation } from './configuration.ts';
import { interventionKeys } from './configuration.ts';
import { type GivenParameters, readParameters } from './givenParameters.ts';
import { checkLink, checkSame, type FirstOfLink } from './links.ts';
import { expandPartition, type Unit } from './locations.ts';
import { isModulePath, moduleSite } from './modulePaths.ts';
import { moduleInput } from './modules.ts';

/** A constant in place of a source: numbers in the order of units. */
export interface ConstantSource {
  readonly data: Float32Array;
}

export interface ResolvedIntervention {
  readonly index: number;
  /** As pyvene names it. */
  readonly key: string;
  /** For messages: `representations.0`. */
  readonly label: string;
  readonly representation: Representation;
  readonly site: Site;
  readonly component: ComponentDescription;
  readonly unit: Unit;
  readonly intervention: Intervention;
  readonly partition: readonly (readonly number[])[] | undefined;
  /** Where the source is read, in its run. Undefined without one. */
  readonly sourceSite: Site | undefined;
  readonly constant: ConstantSource | undefined;
  /** The run that is edited, and the one that it takes from. */
  readonly targetRun: string;
  readonly sourceRun: string | undefined;
  /** The key of `unit_locations` that it is looked up under, and its place there. */
  readonly route: string;
  readonly routeIndex: number;
  readonly routeCount: number;
}

export interface ResolvedConfiguration {
  readonly mode: 'parallel' | 'serial';
  readonly interventions: readonly ResolvedIntervention[];
  /** How many sources a call gives. */
  readonly sourceCount: number;
}

export interface ResolveOptions {
  /** Parameters by the key of the intervention; others start as their type says. */
  readonly parameters?: Readonly<Record<string, GivenParameters>>;
  /** Make the columns of given rotations orthonormal instead of refusing those that are not. */
  readonly orthonormalize?: boolean;
  /** Of parameters that are drawn at random; default 0. */
  readonly seed?: number;
}

const flatten = (numbers: NestedNumbers): readonly number[] =>
  typeof numbers === 'number' ? [numbers] : numbers.flatMap(flatten);

function typeNames(configuration: Configuration): readonly string[] {
  const { representations, intervention_types: given } = configuration;
  if (typeof given !== 'string' && given.length !== representations.length) {
    throw new InterventionError(
      `'intervention_types' has ${given.length} entries, and there are ${representations.length} representations. Give one for each, or a single name for all.`,
    );
  }
  return representations.map(
    ({ intervention_type: own }, index) =>
      own ?? (typeof given === 'string' ? given : (given[index] ?? 'VanillaIntervention')),
  );
}

/** Which source each intervention takes from: pyvene's groups. */
function groupsOf({ representations }: Configuration): readonly number[] {
  const keys = representations.map(({ group_key: key }) => key ?? undefined);
  if (keys.every((key) => key === undefined)) return representations.map((_, index) => index);
  const missing = keys.indexOf(undefined);
  if (missing >= 0) {
    throw new InterventionError(
      `'representations.${missing}.group_key' is missing; when one intervention names its group, all must.`,
    );
  }
  const used = [...new Set(keys)].sort((a, b) => Number(a) - Number(b));
  used.forEach((key, place) => {
    if (key !== place)
      throw new InterventionError(
        `The groups are ${used.join(', ')}; they are the places of their sources, so they must count 0, 1, 2, ... without a gap.`,
      );
  });
  return keys.map(Number);
}

function siteOf(
  architecture: Architecture,
  component: string,
  layer: number | null,
  label: string,
): { readonly site: Site; readonly description: ComponentDescription } {
  try {
    const description = describeComponent(architecture, component);
    const site = { component, layer: description.scope === 'model' ? null : layer };
    stageOf(architecture, site);
    return { site, description };
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    throw new InterventionError(`${label}: ${error.message}`, { cause: error });
  }
}

function checkUnit({ name, layout }: ComponentDescription, unit: Unit, label: string): void {
  if ((layout === 'token') === (unit === 'pos')) return;
  throw new InterventionError(
    layout === 'token'
      ? `${label}.unit: '${name}' has no heads, so its unit is 'pos', not '${unit}'. Its per-head form, where it has one, is 'head_${name}'.`
      : `${label}.unit: '${name}' is one for each head, so its unit is 'h' or 'h.pos', not '${unit}'.`,
  );
}

/** What a type reads besides its site, and of which width. */
function sourceOf(
  architecture: Architecture,
  representation: Representation,
  type: InterventionType,
  site: Site,
  component: ComponentDescription,
  input: string | undefined,
  label: string,
): Site | undefined {
  const { source_component: named, source_layer: layer } = representation;
  const own = named ?? layer;
  const takesNone = type.source === 'none' || type.source === 'made';
  if (takesNone) {
    if (own !== null && own !== undefined)
      throw new InterventionError(`${label}: a ${type.name} takes no source, so it cannot name one.`);
    return undefined;
  }
  if (type.source === 'run') {
    const { site: source, description } = siteOf(
      architecture,
      named ?? site.component,
      layer ?? site.layer,
      `${label}.${named ? 'source_component' : 'source_layer'}`,
    );
    if (description.width !== component.width)
      throw new InterventionError(
        `${label}: the source '${description.name}' has width ${description.width}, and '${component.name}' has width ${component.width}.`,
      );
    return source;
  }
  if (own !== null && own !== undefined)
    throw new InterventionError(
      `${label}: a ${type.name} reads what enters its module, so it cannot name another source.`,
    );
  const entering = input ?? moduleInput(site.component, label);
  const { description } = siteOf(architecture, entering, site.layer, label);
  if (type.source === 'otherInput' && description.width !== component.width)
    throw new InterventionError(
      `${label}: '${component.name}' cannot be skipped: what enters has width ${description.width}, what leaves ${component.width}.`,
    );
  return { component: entering, layer: site.layer };
}

function requireOptions(type: InterventionType, representation: Representation, label: string): void {
  for (const need of type.needs ?? []) {
    const field = need === 'lowRankDimension' ? 'low_rank_dimension' : 'latent_dim';
    if (representation[field] === null || representation[field] === undefined)
      throw new InterventionError(`${label}: a ${type.name} needs '${field}'.`);
  }
}

interface InstanceRequest {
  readonly architecture: Architecture;
  readonly type: InterventionType;
  readonly representation: Representation;
  readonly component: ComponentDescription;
  readonly sourceSite: Site | undefined;
  readonly given: Parameters | undefined;
  readonly seed: number;
  readonly label: string;
}

function makeInstance(request: InstanceRequest): Intervention {
  const { architecture, type, representation, component, sourceSite, given, seed, label } = request;
  if (component.layout === 'pair' && (type.isTrainable || type.units === 'joined'))
    throw new InterventionError(
      `${label}: a ${type.name} acts on vectors, and '${component.name}' is one number for each pair of positions.`,
    );
  const joined = type.units === 'joined' ? (representation.max_number_of_units ?? 1) : 1;
  const width = component.width * joined;
  const rank = representation.low_rank_dimension ?? undefined;
  if (rank !== undefined && type.name !== 'JumpReLUAutoencoderIntervention' && rank > width)
    throw new InterventionError(
      `${label}.low_rank_dimension: ${rank} directions do not fit into vectors of width ${width}.`,
    );
  if (!given) requireOptions(type, representation, label);
  const inputWidth =
    type.source === 'input' && sourceSite
      ? describeComponent(architecture, sourceSite.component).width
      : undefined;
  const parameters =
    given ??
    type.initial({
      width,
      seed,
      ...(inputWidth === undefined ? {} : { inputWidth }),
      ...(rank === undefined ? {} : { lowRankDimension: rank }),
      ...(representation.latent_dim ? { latentDimension: representation.latent_dim } : {}),
    });
  checkParameters(type, width, parameters, label);
  const instance = { type, width, parameters };
  const interchanged = interchangedEntries(instance, representation, label);
  return interchanged ? { ...instance, interchanged } : instance;
}

/** The entries that `interchange_dim` names; undefined for all. */
function interchangedEntries(
  instance: Intervention,
  { interchange_dim: given }: Representation,
  label: string,
): readonly number[] | undefined {
  if (given === null || given === undefined) return undefined;
  const width = subspaceWidth(instance, label);
  const entries = typeof given === 'number' ? Array.from({ length: given }, (_, entry) => entry) : given;
  const outside = entries.find((entry) => entry >= width);
  if (outside !== undefined)
    throw new InterventionError(
      `${label}.interchange_dim: entry ${outside} does not exist; there are 0 to ${width - 1}.`,
    );
  return entries.length === width && typeof given === 'number' ? undefined : entries;
}

const serialRoute = (group: number, count: number): readonly [string, string] => [
  `source_${group}`,
  group + 1 < count ? `source_${group + 1}` : 'base',
];

/** 2 of `source_2`; -1 of a run that is not a source, or of none. */
export function sourceNumber(run: string | null | undefined): number {
  return run?.startsWith('source_') ? Number(run.slice('source_'.length)) : -1;
}

/** @throws InterventionError that names the field, what was given and what would be right */
export function resolveConfiguration(
  architecture: Architecture,
  configuration: Configuration,
  { parameters = {}, orthonormalize = false, seed = 0 }: ResolveOptions = {},
): ResolvedConfiguration {
  const { representations, mode } = configuration;
  const names = typeNames(configuration);
  const groups = groupsOf(configuration);
  const groupCount = Math.max(...groups) + 1;
  const keys = interventionKeys(configuration);
  const stray = Object.keys(parameters).find((key) => !keys.includes(key));
  if (stray !== undefined)
    throw new InterventionError(
      `parameters: there is no intervention '${stray}'. There are: ${keys.join(', ')}.`,
    );
  const linked = new Map<number, FirstOfLink>();
  const drafts = representations.map((representation, index) => {
    const label = `representations.${index}`;
    const key = keys[index] ?? '';
    const type = interventionType(names[index] ?? '', label);
    const given = parameters[key] && readParameters(type, parameters[key], orthonormalize, label);
    const { component, layer, input } = isModulePath(architecture, representation.component)
      ? moduleSite(architecture, representation.component, label)
      : { ...representation, input: undefined };
    const { site, description } = siteOf(architecture, component, layer, label);
    checkUnit(description, representation.unit, label);
    const sourceSite = sourceOf(architecture, representation, type, site, description, input, label);
    const link = representation.intervention_link_key ?? undefined;
    const earlier = link === undefined ? undefined : linked.get(link);
    const intervention =
      earlier?.instance ??
      makeInstance({
        architecture,
        type,
        representation,
        component: description,
        sourceSite,
        given,
        seed: seed + index,
        label,
      });
    if (earlier) {
      checkLink(earlier, type, description, representation, label);
      checkSame(earlier, given, representation, label);
    } else if (link !== undefined) linked.set(link, { instance: intervention, label });
    const partition = representation.subspace_partition
      ? expandPartition(representation.subspace_partition, subspaceWidth(intervention, label), label)
      : undefined;
    const constant = representation.source_representation;
    if (constant !== null && constant !== undefined && type.source !== 'run')
      throw new InterventionError(`${label}: a ${type.name} takes no source, constant or not.`);
    const isTaken = sourceSite !== undefined && type.source !== 'input';
    const beside = (['source_run', 'source_layer', 'source_component'] as const).find(
      (field) => (representation[field] ?? null) !== null,
    );
    if (beside !== undefined && (!isTaken || (constant ?? null) !== null))
      throw new InterventionError(
        isTaken
          ? `${label}.${beside}: it takes a constant, so it cannot also take from a run.`
          : `${label}.${beside}: a ${type.name} takes nothing from another run.`,
      );
    const group = groups[index] ?? 0;
    const [from, to] = mode === 'serial' ? serialRoute(group, groupCount) : [`source_${group}`, 'base'];
    const hasConstant = constant !== null && constant !== undefined;
    const takesRun = sourceSite !== undefined && type.source !== 'input' && !hasConstant;
    const sourceRun = takesRun ? (representation.source_run ?? from) : undefined;
    const targetRun = representation.target_run ?? to;
    if (targetRun === 'original')
      throw new InterventionError(
        `${label}.target_run: 'original' is the base without interventions; edit 'base'.`,
      );
    return {
      index,
      key,
      label,
      representation,
      site,
      component: description,
      unit: representation.unit,
      intervention,
      partition,
      sourceSite,
      constant: hasConstant ? { data: Float32Array.from(flatten(constant)) } : undefined,
      targetRun,
      sourceRun,
      route: mode === 'serial' ? `${from}->${to}` : 'sources->base',
    };
  });
  const interventions = drafts.map((draft): ResolvedIntervention => {
    const fellows = drafts.filter(({ route }) => route === draft.route);
    return { ...draft, routeIndex: fellows.indexOf(draft), routeCount: fellows.length };
  });
  // A run may be named that no group takes from.
  const named = representations.flatMap(({ source_run: from, target_run: to }) =>
    [from, to].map(sourceNumber),
  );
  return { mode, interventions, sourceCount: Math.max(groupCount, ...named.map((number) => number + 1)) };
}
