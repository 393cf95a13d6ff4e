// Where interventions take from and put to: pyvene's `unit_locations` and `subspaces`, with its shorthands, except the one
// that means two things.

import { requireNames, shownValue } from '../arguments.ts';
import { InterventionError } from '../intervention.ts';

export type Unit = 'pos' | 'h' | 'h.pos';

/** Of one side of one intervention in one example. */
export interface UnitLocation {
  readonly positions: readonly number[] | 'all' | 'last';
  readonly heads?: readonly number[];
}

/**
 * One side, for all interventions: nothing (all positions); a number, 'last' (the last position of each prompt) or
 * `{ positions, heads }` for all interventions and examples; or pyvene's full form, for each intervention a list over examples of lists of units (for `h.pos` a pair of
 * such lists, heads first). An intervention whose entry is null is left out.
 */
export type SideLocations =
  | null
  | number
  | 'last'
  | { readonly positions?: readonly number[] | 'last'; readonly heads?: readonly number[] }
  | readonly unknown[];

/**
 * `{ 'sources->base': ... }`, `{ base: ... }`, or in series `{ 'source_0->source_1': ..., 'source_1->base': ... }`. The
 * value is a number for both sides, `{ source, base }`, or pyvene's pair `[source, base]` in full form.
 */
export type UnitLocations = Readonly<Record<string, SideLocations | SidePair>>;
export interface SidePair {
  readonly source?: SideLocations;
  readonly base?: SideLocations;
}

export interface LocatedIntervention {
  /** One for each example, or one for all. Undefined: all units. */
  readonly source: readonly UnitLocation[] | undefined;
  readonly base: readonly UnitLocation[] | undefined;
}

/** Unlike `Array.isArray`, does not make a list of `any`. */
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'number');

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !isList(value);

const locationOf = (unit: Unit, units: readonly number[]): UnitLocation =>
  unit === 'h' ? { positions: 'all', heads: units } : { positions: units };

/** `[batch][units]`, or for `h.pos` `[[batch][heads], [batch][positions]]`. */
function fullForm(unit: Unit, value: unknown, examples: number, label: string): readonly UnitLocation[] {
  const refuse = (why: string): never => {
    throw new InterventionError(`${label}: ${shownValue(value)} ${why}.`);
  };
  const lists = (of: unknown): readonly (readonly number[])[] => {
    if (!isList(of) || !of.every(isNumbers))
      return refuse('must be a list over examples of lists of units, such as [[3], [4]]');
    if (of.length !== examples)
      return refuse(`has locations for ${of.length} examples, and the batch has ${examples}`);
    if (of.some((units) => units.length === 0)) return refuse('names no unit for some example');
    return of;
  };
  if (unit !== 'h.pos') return lists(value).map((units) => locationOf(unit, units));
  if (!isList(value) || value.length !== 2)
    return refuse("must be, for the unit 'h.pos', a pair: heads for each example, and positions for each");
  const heads = lists(value[0]);
  const positions = lists(value[1]);
  return heads.map((each, example) => ({ heads: each, positions: positions[example] ?? [] }));
}

/** One side for one intervention. */
function sideOf(
  side: unknown,
  unit: Unit,
  index: number,
  count: number,
  examples: number,
  label: string,
  /** Whether the side was named, so that two numbers are two units. */
  isNamed: boolean,
): readonly UnitLocation[] | undefined | 'left out' {
  if (side === null) return undefined;
  if (side === 'last' && unit === 'pos') return [{ positions: 'last' }];
  if (typeof side === 'number') {
    if (unit === 'h.pos')
      throw new InterventionError(
        `${label}: ${side} names one number, and the unit 'h.pos' needs a head and a position: { "heads": [..], "positions": [..] }.`,
      );
    return [locationOf(unit, [side])];
  }
  if (isObject(side)) {
    requireNames(`${label}: a location`, side, ['positions', 'heads']);
    const { positions, heads } = side;
    for (const [name, list] of Object.entries({ positions, heads })) {
      const isLast = name === 'positions' && list === 'last';
      if (list !== undefined && !isLast && !(isNumbers(list) && list.length > 0))
        throw new InterventionError(
          `${label}: '${name}' must be a list of numbers, not ${shownValue(list)}.`,
        );
    }
    if (unit === 'pos' && heads)
      throw new InterventionError(`${label}: 'heads' are named, but the unit is 'pos'.`);
    if (positions === undefined && heads === undefined)
      throw new InterventionError(`${label}: the location names neither 'positions' nor 'heads'.`);
    return [
      {
        positions: isNumbers(positions) ? positions : positions === 'last' ? 'last' : 'all',
        ...(isNumbers(heads) ? { heads } : {}),
      },
    ];
  }
  if (!isList(side)) throw notALocation(label, side);
  if (isNumbers(side)) {
    if (side.length === 0) throw new InterventionError(`${label}: the list of units is empty.`);
    if (unit === 'h.pos')
      throw new InterventionError(
        `${label}: ${shownValue(side)} names one kind of unit, and the unit 'h.pos' needs heads and positions: { "heads": [..], "positions": [..] }.`,
      );
    if (side.length === 2 && !isNamed) throw ambiguous(label, side);
    return [locationOf(unit, side)];
  }
  if (side.length !== count)
    throw new InterventionError(
      `${label}: it has locations for ${side.length} interventions, and there are ${count}: ${shownValue(side)}.`,
    );
  const own = side[index];
  return own === null ? 'left out' : fullForm(unit, own, examples, `${label}.${index}`);
}

const notALocation = (label: string, value: unknown) =>
  new InterventionError(
    `${label}: ${shownValue(value)} is not a location. Write a number, 'last' (for the unit 'pos'), { "positions": [..], "heads": [..] }, { "source": .., "base": .. }, or pyvene's lists.`,
  );

function ambiguous(label: string, [a, b]: readonly unknown[]): InterventionError {
  return new InterventionError(
    `${label}: [${shownValue(a)}, ${shownValue(b)}] can mean source ${shownValue(a)} into base ${shownValue(b)}, or both of them on both sides. Write { "source": ${shownValue(a)}, "base": ${shownValue(b)} } for the first, { "source": { "positions": [${shownValue(a)}, ${shownValue(b)}] }, "base": { "positions": [${shownValue(a)}, ${shownValue(b)}] } } for the second.`,
  );
}

function sidesOf(value: unknown, label: string): { readonly source: unknown; readonly base: unknown } {
  if (value === null || typeof value === 'number' || value === 'last') return { source: value, base: value };
  if (isObject(value)) {
    if ('source' in value || 'base' in value) {
      requireNames(label, value, ['source', 'base']);
      const { source = null, base = null } = value;
      return { source, base };
    }
    return { source: value, base: value };
  }
  if (!isList(value)) throw notALocation(label, value);
  if (isNumbers(value)) {
    if (value.length === 2) throw ambiguous(label, value);
    return { source: value, base: value };
  }
  if (value.length !== 2)
    throw new InterventionError(
      `${label}: it must be a pair of source and base locations, and has ${value.length} entries: ${shownValue(value)}.`,
    );
  return { source: value[0] ?? null, base: value[1] ?? null };
}

export interface Placed {
  readonly unit: Unit;
  /** The key of `unit_locations` under which it is looked up. */
  readonly route: string;
  /** Place among the interventions of its route, and their number. */
  readonly index: number;
  readonly count: number;
}

/**
 * Locations of every intervention, `undefined` for one that is left out.
 * @param examples prompts of the batch
 * @throws InterventionError that names the entry, what was given and what would be right
 */
export function locateInterventions(
  interventions: readonly Placed[],
  locations: UnitLocations | null | undefined,
  examples: number,
): readonly (LocatedIntervention | undefined)[] {
  if (locations === null || locations === undefined)
    return interventions.map(() => ({ source: undefined, base: undefined }));
  if (!isObject(locations)) throw notALocation('unit_locations', locations);
  const routes = [...new Set(interventions.map(({ route }) => route)), 'base'];
  const unknown = Object.keys(locations).find((route) => !routes.includes(route));
  if (unknown !== undefined)
    throw new InterventionError(
      `unit_locations: there is no '${unknown}'; in this configuration it has ${[...new Set(routes)].map((route) => `'${route}'`).join(', ')}.`,
    );
  return interventions.map(({ unit, route, index, count }) => {
    const both = locations[route];
    const baseOnly = locations.base;
    if (both === undefined && baseOnly === undefined)
      throw new InterventionError(`unit_locations: '${route}' is missing.`);
    const label = both === undefined ? 'unit_locations.base' : `unit_locations.${route}`;
    const { source, base } =
      both === undefined
        ? { source: null, base: isObject(baseOnly) && 'base' in baseOnly ? baseOnly.base : baseOnly }
        : sidesOf(both, label);
    if (both !== undefined && baseOnly !== undefined)
      throw new InterventionError(
        `unit_locations: it has both '${route}' and 'base'. '${route}' says both sides; leave 'base' out.`,
      );
    const isNamed = isObject(both) && ('source' in both || 'base' in both);
    const target = sideOf(base ?? null, unit, index, count, examples, label, isNamed);
    const origin = sideOf(source, unit, index, count, examples, label, isNamed);
    return target === 'left out' || origin === 'left out' ? undefined : { source: origin, base: target };
  });
}

export type Subspaces =
  | null
  | number
  | readonly number[]
  | readonly (null | readonly (readonly number[])[])[];

/** Partition cells as lists of entries: `[from, to]` is a range. */
export function expandPartition(
  partition: readonly (readonly number[])[],
  width: number,
  label: string,
): readonly (readonly number[])[] {
  const cells = partition.map((cell) => {
    const [from = 0, to = 0] = cell;
    return cell.length === 2 ? Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i) : cell;
  });
  const entries = cells.flat();
  const outside = entries.find((entry) => entry >= width);
  if (outside !== undefined)
    throw new InterventionError(
      `${label}.subspace_partition: entry ${outside} does not exist; there are 0 to ${width - 1}.`,
    );
  const counted = new Set(entries);
  if (counted.size !== entries.length)
    throw new InterventionError(`${label}.subspace_partition: some entry lies in two of its subspaces.`);
  if (counted.size !== width) {
    const missing = Array.from({ length: width }, (_, i) => i).find((entry) => !counted.has(entry));
    throw new InterventionError(
      `${label}.subspace_partition: it does not cover entry ${missing}; together its subspaces must hold 0 to ${width - 1}.`,
    );
  }
  return cells;
}

/**
 * Entries that one intervention changes in one example; undefined for all.
 * @param width entries, or of a partition its cells
 */
export function subspaceOf(
  subspaces: Subspaces | undefined,
  index: number,
  count: number,
  example: number,
  examples: number,
  width: number,
  partition: readonly (readonly number[])[] | undefined,
): readonly number[] | undefined {
  if (subspaces === null || subspaces === undefined) return undefined;
  const label = `subspaces.${index}`;
  const ids = (() => {
    if (typeof subspaces === 'number') return [subspaces];
    if (isNumbers(subspaces)) return subspaces;
    if (subspaces.length !== count)
      throw new InterventionError(
        `subspaces: it has entries for ${subspaces.length} interventions, and there are ${count}.`,
      );
    const own = subspaces[index];
    if (own === null || own === undefined) return undefined;
    if (!isList(own) || !own.every(isNumbers))
      throw new InterventionError(
        `${label}: it must be a list over examples of lists of numbers, such as [[0, 1], [0, 1]].`,
      );
    if (own.length !== examples)
      throw new InterventionError(
        `${label}: it has subspaces for ${own.length} examples, and the batch has ${examples}.`,
      );
    return own[example];
  })();
  if (ids === undefined) return undefined;
  if (ids.length === 0)
    throw new InterventionError(
      `${label}: it names no ${partition ? 'subspace' : 'entry'}, so nothing would be changed. Leave it out for all, or leave the intervention out.`,
    );
  const size = partition?.length ?? width;
  const outside = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= size);
  if (outside !== undefined)
    throw new InterventionError(
      `${label}: ${partition ? 'subspace' : 'entry'} ${outside} does not exist; there are 0 to ${size - 1}.`,
    );
  return partition ? ids.flatMap((id) => partition[id] ?? []) : ids;
}
