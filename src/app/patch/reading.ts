// pyvene's configuration and the arguments of its call as cables, and whether cables are what the library can run. Both
// ways end at the library itself, so that its sentences are the page's.

import type { Architecture } from '../../architectures/architecture.ts';
import { type Configuration, readConfiguration } from '../../interventions/configuration/configuration.ts';
import type { Subspaces, UnitLocations } from '../../interventions/configuration/locations.ts';
import {
  type ResolvedConfiguration,
  type ResolveOptions,
  resolveConfiguration,
} from '../../interventions/configuration/resolve.ts';
import { compileCall } from '../../interventions/execution/compile.ts';
import { lateKey } from '../../interventions/execution/edits.ts';
import type { Prompt } from '../../interventions/execution/prompt.ts';
import type { Call } from '../../interventions/execution/runs.ts';
import { type ExportedPiece, exportedPieces, type Units } from '../../interventions/export/exported.ts';
import { InterventionError } from '../../interventions/intervention.ts';
import type { Cable, CableSettings, PatchDocument, Place } from './document.ts';
import type { StackLengths } from './stacks.ts';
import type { Wiring } from './wiring.ts';

/** Token ids of the runs' prompts. */
export interface PromptTokens {
  readonly base: readonly number[];
  readonly sources: readonly (readonly number[])[];
  /** Of a model that reads more than a text: positions of each stack, in the base and then in each source. */
  readonly lengths?: readonly StackLengths[];
}

/** Of tokens alone where nothing else is read; else nothing but its lengths is known here, and no more is asked. */
function promptOf(tokens: readonly number[], lengths: StackLengths | undefined): Prompt {
  const prompt: Prompt = { tokens, placeOf: (position) => position };
  return lengths ? { ...prompt, read: { start: { kind: 'tokens', tokens }, lengths } } : prompt;
}

/** Whether a source is read: where a model reads more than a text it may well have no tokens. */
export const hasSource = ({ sources, lengths }: PromptTokens, index: number): boolean =>
  lengths
    ? Object.values(lengths[index + 1] ?? {}).some((length) => length > 0)
    : (sources[index]?.length ?? 0) > 0;

/** Without the sources that are not there yet. */
export function withoutEmpty(tokens: PromptTokens): PromptTokens {
  const { base, sources, lengths } = tokens;
  return {
    base,
    sources: sources.filter((_, index) => hasSource(tokens, index)),
    ...(lengths
      ? { lengths: lengths.filter((_, place) => place === 0 || hasSource(tokens, place - 1)) }
      : {}),
  };
}

export interface CheckedWiring {
  readonly resolved: ResolvedConfiguration;
  readonly call: Call;
}

/**
 * Let the library say whether it can run this.
 * @throws InterventionError or PlanError that names the intervention, what was given and what would be right
 */
export function checkWiring(
  architecture: Architecture,
  wiring: Omit<Wiring, 'configuration'> & { readonly configuration: unknown },
  tokens: PromptTokens,
  options: ResolveOptions = {},
): CheckedWiring {
  const resolved = resolveConfiguration(architecture, readConfiguration(wiring.configuration), options);
  const { unitLocations, subspaces } = wiring;
  const call: Call = {
    base: [promptOf(tokens.base, tokens.lengths?.[0])],
    // Sources that nothing takes from hang there unused.
    sources: tokens.sources
      .slice(0, resolved.sourceCount)
      .map((own, index) => [promptOf(own, tokens.lengths?.[index + 1])]),
    unitLocations,
    subspaces,
  };
  const compiled = compileCall(architecture, resolved, call);
  // What later phases read stands empty here: units are counted from their places, not from the numbers.
  const read = new Map<string, Float32Array>();
  for (let phase = 0; phase < compiled.phases; phase++) {
    compiled.rows(phase, read);
    for (const late of compiled.late(phase)) read.set(lateKey(late), new Float32Array());
  }
  return { resolved, call };
}

/** JSON longer than this is data, not a configuration that somebody wired. */
const longestJson = 2_000_000;

/** What stands in the editor. */
export interface WiringText {
  readonly configuration: Configuration;
  readonly unitLocations: UnitLocations | null;
  readonly subspaces: Subspaces;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const callFields = ['unit_locations', 'unitLocations', 'subspaces', 'configuration'];

/**
 * @param text JSON: pyvene's configuration, or `{ configuration, unit_locations, subspaces }`
 * @throws InterventionError in a sentence; SyntaxError of JSON.parse
 */
export function readWiringText(text: string): WiringText {
  if (text.length > longestJson)
    throw new InterventionError(
      `This JSON has ${Math.round(text.length / 1e6)} million characters; a configuration has at most ${longestJson / 1e6} million. Parameters belong in a pyvene folder; drop that.`,
    );
  return wiringIn(JSON.parse(text));
}

/** @param value what JSON.parse gave */
export function wiringIn(value: unknown): WiringText {
  if (!isObject(value))
    return { configuration: readConfiguration(value), unitLocations: null, subspaces: null };
  const { unit_locations: pyvenes, unitLocations = pyvenes, subspaces = null } = value;
  if (pyvenes !== undefined && value.unitLocations !== undefined)
    throw new InterventionError("It has both 'unit_locations' and 'unitLocations'; leave one.");
  const inner =
    'configuration' in value
      ? value.configuration
      : Object.fromEntries(Object.entries(value).filter(([name]) => !callFields.includes(name)));
  const stray = Object.keys(value).find((name) => !callFields.includes(name));
  if ('configuration' in value && stray !== undefined)
    throw new InterventionError(
      `There is no field '${stray}' beside 'configuration'. There are: unit_locations, subspaces.`,
    );
  if (unitLocations !== undefined && unitLocations !== null && !isObject(unitLocations))
    throw new InterventionError(
      '\'unit_locations\' must be an object, such as { "sources->base": [[[[4]]], [[[4]]]] }.',
    );
  return {
    configuration: readConfiguration(inner),
    // Their insides are checked where they are located: the library takes any shape there and says what is wrong.
    unitLocations: (unitLocations ?? null) as UnitLocations | null,
    subspaces: subspaces as Subspaces,
  };
}

function placeOf(
  run: string,
  site: { component: string; layer: number | null },
  units: Units,
  isWhole: boolean,
): Place {
  const { component, layer } = site;
  return {
    run,
    component,
    layer,
    positions: isWhole ? 'all' : units.positions,
    ...(units.heads ? { heads: units.heads } : {}),
  };
}

function settingsIn({ piece, examples }: ExportedPiece, subspaces: Subspaces): CableSettings {
  const { representation, index } = piece.resolved;
  const { low_rank_dimension: rank, latent_dim: latent, subspace_partition: partition } = representation;
  const { interchange_dim: dimension, intervention_link_key: link } = representation;
  const named = (() => {
    if (subspaces === null) return undefined;
    if (typeof subspaces === 'number') return [subspaces];
    const own = subspaces[index];
    if (subspaces.every((entry) => typeof entry === 'number')) return subspaces;
    return typeof own === 'object' && own !== null ? own[0] : undefined;
  })();
  return {
    ...(rank ? { lowRankDimension: rank } : {}),
    ...(latent ? { latentDimension: latent } : {}),
    ...(partition ? { partition } : {}),
    ...(named && examples[0]?.entries ? { subspaces: named } : {}),
    ...(dimension === null || dimension === undefined ? {} : { interchangeDimension: dimension }),
    ...(link === null || link === undefined ? {} : { link }),
  };
}

/**
 * The cables of a configuration.
 * @param parameters by pyvene's keys, of a folder
 * @throws InterventionError or PlanError in the library's sentence; the document stays as it was
 */
export function cablesOf(
  architecture: Architecture,
  { configuration, unitLocations, subspaces }: WiringText,
  tokens: PromptTokens,
  options: ResolveOptions = {},
): Pick<PatchDocument, 'cables' | 'mode'> {
  const { resolved, call } = checkWiring(
    architecture,
    { configuration, unitLocations: unitLocations ?? {}, subspaces },
    tokens,
    options,
  );
  // A batch would need a base for each example, and the page has one base.
  const pieces = exportedPieces({ model: '', architecture, configuration: resolved, call });
  const missing = resolved.interventions.find(
    ({ index }) => !pieces.some(({ piece }) => piece.resolved.index === index),
  );
  if (missing)
    throw new InterventionError(
      `${missing.label}: the call leaves it out (its location is null), so no cable could show it. Take it away, or locate it.`,
    );
  const cables = pieces.map((exported, index): Cable => {
    const { piece, examples } = exported;
    const { site, sourceSite, targetRun, unit, intervention } = piece.resolved;
    const [only] = examples;
    if (!only) throw new InterventionError('The call has no example.');
    const isWhole = unit === 'h';
    // One source serves every group; on the page it is one run.
    const sourceName = (run: string) =>
      tokens.sources.length === 1 && run.startsWith('source_') ? 'source_0' : run;
    const from =
      piece.sourceRun !== undefined && sourceSite && only.origin
        ? placeOf(sourceName(piece.sourceRun), sourceSite, only.origin, isWhole)
        : null;
    return {
      id: index + 1,
      type: intervention.type.name,
      from,
      to: placeOf(targetRun, site, only.target, isWhole),
      ...(piece.constant ? { constant: Array.from(piece.constant) } : {}),
      settings: settingsIn(exported, subspaces),
    };
  });
  return { cables, mode: resolved.mode };
}

/** A wiring as the editor shows it: pyvene's words for the call's arguments. */
export function wiringText({ configuration, unitLocations, subspaces }: Wiring): string {
  return `${shortJson({
    configuration,
    unit_locations: unitLocations,
    ...(subspaces ? { subspaces } : {}),
  })}\n`;
}

/** JSON with lists of numbers, however nested, on one line: `[[[[3]]], [[[4]]]]`. */
export function shortJson(value: unknown, indent = ''): string {
  const inner = `${indent}  `;
  const isFlat = (one: unknown): boolean =>
    Array.isArray(one) ? one.every(isFlat) : typeof one === 'number' || one === null;
  if (Array.isArray(value) && !isFlat(value))
    return `[\n${value.map((one) => inner + shortJson(one, inner)).join(',\n')}\n${indent}]`;
  if (Array.isArray(value)) return `[${value.map((one) => shortJson(one)).join(', ')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([name, one]) => `${inner}${JSON.stringify(name)}: ${shortJson(one, inner)}`);
  return fields.length === 0 ? '{}' : `{\n${fields.join(',\n')}\n${indent}}`;
}
