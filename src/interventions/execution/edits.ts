// Turns one intervention in one example into an edit of a row: its units, its formula, its source.

import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import type { Edit, Location, Site, Source } from '../../runtime/plan/plan.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import { subspaceOf, type UnitLocation } from '../configuration/locations.ts';
import type { ResolvedIntervention } from '../configuration/resolve.ts';
import { fragmentOf, InterventionError, subspaceWidth } from '../intervention.ts';
import { keysAt, lengthAt, type Prompt } from './prompt.ts';
import { type Call, isLate, type Piece, promptsOf } from './runs.ts';

export interface EditContext {
  readonly architecture: Architecture;
  readonly call: Call;
  /** Of the configuration. */
  readonly interventionCount: number;
}

/** What another run has at a site, wanted before the run that takes it begins. */
export interface LateSource {
  readonly run: string;
  readonly example: number;
  readonly site: Site;
  readonly location: Location;
}

export const lateKey = ({ run, example, site, location }: LateSource): string =>
  JSON.stringify([run, example, site, location]);

const everywhere: UnitLocation = { positions: 'all' };

/** One entry is for all examples. */
const forExample = <T>(list: readonly T[] | undefined, example: number): T | undefined =>
  list && (list.length === 1 ? list[0] : list[example]);

function promptOf(call: Call, run: string, example: number, label: string): Prompt {
  const prompt = promptsOf(call, run, label)[example];
  if (!prompt) throw new InterventionError(`${label}: '${run}' has no example ${example}.`);
  return prompt;
}

/** @throws InterventionError for a position that the prompt does not have */
function placeOf(prompt: Prompt, component: ComponentDescription, position: number): number {
  const length = lengthAt(prompt, component);
  // Padding is the tokens'.
  const place = length === prompt.tokens.length ? prompt.placeOf(position) : position;
  if (Number.isInteger(place) && place >= 0 && place < length) return place;
  throw new InterventionError(
    `Position ${position} does not exist: the sequence has positions 0 to ${length - 1}${position < 0 ? ", counted from the first; 'last' is the last" : ''}.`,
  );
}

function placed(
  prompt: Prompt,
  component: ComponentDescription,
  { positions, heads }: UnitLocation,
  label: string,
): Location {
  try {
    return {
      positions:
        positions === 'all'
          ? positions
          : positions === 'last'
            ? [lengthAt(prompt, component) - 1]
            : positions.map((position) => placeOf(prompt, component, position)),
      ...(heads ? { heads } : {}),
    };
  } catch (error) {
    if (!(error instanceof InterventionError)) throw error;
    throw new InterventionError(`${label}: ${error.message}`, { cause: error });
  }
}

/** Where an intervention puts to in an example. */
export function targetOf({ call }: EditContext, { resolved, located }: Piece, example: number): Location {
  const { label, targetRun } = resolved;
  return placed(
    promptOf(call, targetRun, example, label),
    resolved.component,
    forExample(located.base, example) ?? everywhere,
    label,
  );
}

/** What an intervention takes from another run in an example; undefined when it takes from none. */
export function originOf(
  { architecture, call }: EditContext,
  { resolved, located, sourceRun }: Piece,
  example: number,
): LateSource | undefined {
  const { label, sourceSite } = resolved;
  if (sourceRun === undefined || !sourceSite) return undefined;
  const prompt = promptOf(call, sourceRun, example, label);
  const component = describeComponent(architecture, sourceSite.component);
  const location = placed(prompt, component, forExample(located.source, example) ?? everywhere, label);
  return { run: sourceRun, example, site: sourceSite, location };
}

function countUnits(
  architecture: Architecture,
  site: Site,
  { positions, heads }: Location,
  length: number,
): number {
  const { layout, heads: all = 1 } = describeComponent(architecture, site.component);
  const places = positions === 'all' ? length : positions.length;
  return places * (layout === 'token' ? 1 : (heads?.length ?? all));
}

/** How many numbers a source has, before it is read. */
export function lateSize(
  { architecture, call }: EditContext,
  { run, example, site, location }: LateSource,
): number {
  const component = describeComponent(architecture, site.component);
  const prompt = promptOf(call, run, example, `'${run}'`);
  const units = countUnits(architecture, site, location, lengthAt(prompt, component));
  return units * (component.layout === 'pair' ? keysAt(prompt, component) : component.width);
}

/** [positions, width] for each of `heads`: [positions, heads, width] */
function eachHead(data: Float32Array, positions: number, heads: number): Float32Array {
  const width = data.length / positions;
  const all = new Float32Array(data.length * heads);
  for (let unit = 0; unit < positions * heads; unit++) {
    const position = Math.floor(unit / heads);
    all.set(data.subarray(position * width, (position + 1) * width), unit * width);
  }
  return all;
}

interface UnitSizes {
  /** Whether units are given head by head, not position by position. */
  readonly isByHead: boolean;
  readonly positions: number;
  readonly heads: number;
  readonly width: number;
}

/** [heads, positions, width], as pyvene gathers units, in the order of units here: [positions, heads, width] */
function headsWithin(data: Float32Array, { isByHead, positions, heads, width }: UnitSizes): Float32Array {
  if (!isByHead) return data;
  const turned = new Float32Array(data.length);
  for (let head = 0; head < heads; head++) {
    for (let position = 0; position < positions; position++) {
      const from = (head * positions + position) * width;
      turned.set(data.subarray(from, from + width), (position * heads + head) * width);
    }
  }
  return turned;
}

/**
 * A constant for the units of one example: it may be one vector, one for each unit, or one for each unit and example.
 * @returns [units, width]
 */
function spread(
  data: Float32Array,
  sizes: UnitSizes,
  example: number,
  examples: number,
  label: string,
): Float32Array {
  const { width } = sizes;
  const units = sizes.positions * sizes.heads;
  if (data.length === units * width) return headsWithin(data, sizes);
  if (data.length === width) return eachHead(data, 1, units);
  if (data.length === examples * units * width)
    return headsWithin(data.subarray(example * units * width, (example + 1) * units * width), sizes);
  throw new InterventionError(
    `${label}: the constant source has ${data.length} numbers; it must have ${width} (one vector)${units === 1 ? '' : ` or ${units * width} (one for each of ${units} units)`}.`,
  );
}

/** How many units of the call are one vector. @throws InterventionError when the parameters are for another number */
function joinedUnits(
  { intervention, component, unit, label }: ResolvedIntervention,
  isLocated: boolean,
  positions: number,
  heads: number,
): number {
  const { type, width } = intervention;
  if (type.units === 'separate') return 1;
  const joined = unit !== 'pos' ? heads : isLocated ? positions : 1;
  if (joined * component.width !== width)
    throw new InterventionError(
      `${label}: it acts on ${width / component.width} units of '${component.name}' as one vector (max_number_of_units), and the call names ${joined}.`,
    );
  return joined;
}

/** The entries that an intervention changes in an example; undefined for all. */
export function chosenEntries(
  { call, interventionCount }: EditContext,
  { resolved }: Piece,
  example: number,
): readonly number[] | undefined {
  const { intervention, partition, index, label } = resolved;
  const { type, width, parameters } = intervention;
  const chosen = subspaceOf(
    call.subspaces,
    index,
    interventionCount,
    example,
    call.base.length,
    type.subspaceWidth?.(width, parameters) ?? width,
    partition,
  );
  if (chosen) subspaceWidth(intervention, label);
  return chosen ?? intervention.interchanged;
}

/**
 * @param rowOf the row of a run's example
 * @param read  what earlier phases have read, by `lateKey`
 * @throws InterventionError that names the intervention, what was given and what would be right
 */
export function editOf(
  context: EditContext,
  piece: Piece,
  example: number,
  rowOf: (run: string, example: number) => number,
  read: ReadonlyMap<string, Float32Array>,
): Edit {
  const { architecture, call } = context;
  const { resolved, constant } = piece;
  const { intervention, component, label, site, targetRun, sourceSite } = resolved;
  const target = targetOf(context, piece, example);
  const prompt = promptOf(call, targetRun, example, label);
  const length = lengthAt(prompt, component);
  const heads = target.heads ?? Array.from({ length: component.heads ?? 1 }, (_, head) => head);
  const positions = target.positions === 'all' ? length : target.positions.length;
  const units = positions * (component.layout === 'token' ? 1 : heads.length);
  const isLocated = piece.located.base !== undefined;
  const joined = joinedUnits(resolved, isLocated, positions, heads.length);
  const edit = {
    site,
    location: component.layout === 'token' ? target : { ...target, heads },
    fragment: fragmentOf(intervention, joined, chosenEntries(context, piece, example)),
  };
  const source = ((): Source | undefined => {
    const { make, source: kind } = intervention.type;
    const width = component.layout === 'pair' ? keysAt(prompt, component) : component.width;
    if (make) return { kind: 'tensor', data: eachHead(make(positions, width), positions, units / positions) };
    if (kind === 'input' && sourceSite) return { kind: 'own', component: sourceSite.component };
    if (constant)
      return {
        kind: 'tensor',
        data: spread(
          constant,
          { isByHead: piece.isByHead, positions, heads: units / positions, width },
          example,
          call.base.length,
          label,
        ),
      };
    const origin = originOf(context, piece, example);
    if (!origin) return undefined;
    const from = lengthAt(
      promptOf(call, origin.run, example, label),
      describeComponent(architecture, origin.site.component),
    );
    const count = countUnits(architecture, origin.site, origin.location, from);
    const fromHeads = origin.location.heads?.length;
    if (fromHeads !== undefined && component.layout !== 'token' && fromHeads !== heads.length)
      throw new InterventionError(
        `${label}: the source names ${fromHeads} heads and the base ${heads.length}; they must be as many.`,
      );
    if (count !== units)
      throw new InterventionError(
        `${label}: the source names ${count} ${count === 1 ? 'unit' : 'units'} and the base ${units}; they must be as many.`,
      );
    if (!isLate(architecture, piece))
      return { kind: 'row', row: rowOf(origin.run, example), site: origin.site, location: origin.location };
    const data = read.get(lateKey(origin));
    if (!data) throw new Error(`${label}: its source was not read.`);
    return { kind: 'tensor', data };
  })();
  return source ? { ...edit, source } : edit;
}
