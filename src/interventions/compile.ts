// Turns a call of interventions (a base, sources, locations, subspaces) into plans of rows: a row for every example of
// every run, with an edit for every intervention. Runs that take from what is computed later in another run wait for it.

import type { Architecture } from '../architectures/architecture.ts';
import type { Edit, Location, Read, ReadResult, Row, Site, Source } from '../runtime/plan.ts';
import { describeComponent, type Stage, stageOf } from '../runtime/sites.ts';
import { fragmentOf, InterventionError } from './intervention.ts';
import {
  type LocatedIntervention,
  locateInterventions,
  type Subspaces,
  subspaceOf,
  type UnitLocation,
  type UnitLocations,
} from './locations.ts';
import { type ResolvedConfiguration, type ResolvedIntervention, subspaceWidth } from './resolve.ts';

/** A prompt without its padding, and where its tokens stood. */
export interface Prompt {
  readonly tokens: readonly number[];
  /** The place of a position of the prompt as it was given, padding counted. @throws InterventionError in padding */
  readonly placeOf: (position: number) => number;
}

export interface Call {
  readonly base: readonly Prompt[];
  /** One for each group; null for a group that needs none. */
  readonly sources: readonly (readonly Prompt[] | null)[];
  readonly unitLocations?: UnitLocations | null | undefined;
  readonly subspaces?: Subspaces | undefined;
  /** Activations in place of sources, by intervention. */
  readonly sourceRepresentations?: ReadonlyMap<string, Float32Array> | undefined;
}

/** What another run has at a site, wanted before the run that takes it begins. */
export interface LateSource {
  readonly run: string;
  readonly example: number;
  readonly site: Site;
  readonly location: Location;
}

export interface CompiledCall {
  /** Runs of one phase need nothing later than themselves; phase 0 first. */
  readonly phases: number;
  /**
   * The rows of all runs up to a phase, and which row each is.
   * @param given what earlier phases have read, by `lateKey`
   */
  readonly rows: (phase: number, given: ReadonlyMap<string, Float32Array>) => CompiledRows;
  /** What a phase must read for those after it. */
  readonly late: (phase: number) => readonly LateSource[];
  /** What is read for each intervention that collects, by example: the site and place. */
  readonly collected: readonly (readonly {
    readonly example: number;
    readonly run: string;
    readonly read: Omit<Read, 'row'>;
    readonly columns?: readonly number[];
  }[])[];
}

export interface CompiledRows {
  readonly rows: readonly Row[];
  readonly rowOf: (run: string, example: number) => number;
}

export const lateKey = ({ run, example, site, location }: LateSource): string =>
  JSON.stringify([run, example, site, location]);

const everywhere: UnitLocation = { positions: 'all' };

function placeLocation(prompt: Prompt, { positions, heads }: UnitLocation, label: string): Location {
  const places = (() => {
    if (positions === 'all') return positions;
    try {
      return positions.map(prompt.placeOf);
    } catch (error) {
      if (!(error instanceof InterventionError)) throw error;
      throw new InterventionError(`${label}: ${error.message}`, { cause: error });
    }
  })();
  return { positions: places, ...(heads ? { heads } : {}) };
}

interface Piece {
  readonly resolved: ResolvedIntervention;
  readonly located: LocatedIntervention;
}

const at = <T>(list: readonly T[] | undefined, example: number): T | undefined =>
  list && (list.length === 1 ? list[0] : list[example]);

function promptsOf(call: Call, run: string, label: string): readonly Prompt[] {
  if (run === 'base' || run === 'original') return call.base;
  const index = Number(run.replace('source_', ''));
  const { sources } = call;
  // One source serves every group.
  const found = sources.length === 1 ? sources[0] : sources[index];
  if (!found)
    throw new InterventionError(
      `${label}: it takes from '${run}', and the call gives no source there. 'sources' has ${sources.length} ${sources.length === 1 ? 'entry' : 'entries'}.`,
    );
  return found;
}

/** Runs in an order in which each comes after those it takes from. @throws InterventionError for a circle */
function orderRuns(pieces: readonly Piece[]): readonly string[] {
  const takes = new Map<string, Set<string>>();
  const of = (run: string) => takes.get(run) ?? takes.set(run, new Set()).get(run) ?? new Set<string>();
  for (const { resolved } of pieces) {
    const { targetRun, sourceRun, label } = resolved;
    const own = of(targetRun);
    if (sourceRun === undefined) continue;
    if (sourceRun === targetRun)
      throw new InterventionError(
        `${label}: it takes from the run that it edits, '${sourceRun}'. 'original' is the base without interventions.`,
      );
    of(sourceRun);
    own.add(sourceRun);
  }
  const order: string[] = [];
  const open = new Set<string>();
  const visit = (run: string) => {
    if (order.includes(run)) return;
    if (open.has(run))
      throw new InterventionError(
        `The runs ${[...open].map((name) => `'${name}'`).join(', ')} take from each other in a circle; a run cannot wait for itself.`,
      );
    open.add(run);
    for (const other of of(run)) visit(other);
    open.delete(run);
    order.push(run);
  };
  for (const run of ['base', ...takes.keys()]) visit(run);
  return order;
}

/** @throws InterventionError that names the intervention, what was given and what would be right */
export function compileCall(
  architecture: Architecture,
  configuration: ResolvedConfiguration,
  call: Call,
): CompiledCall {
  const examples = call.base.length;
  const { interventions, sourceCount } = configuration;
  if (call.sources.length > 1 && call.sources.length !== sourceCount)
    throw new InterventionError(
      `'sources' has ${call.sources.length} entries, and there are ${sourceCount} groups of interventions. Give one for each (null where none is needed), or one for all.`,
    );
  const located = locateInterventions(
    interventions.map(({ unit, route, routeIndex, routeCount }) => ({
      unit,
      route,
      index: routeIndex,
      count: routeCount,
    })),
    call.unitLocations,
    examples,
  );
  const pieces = interventions.flatMap((resolved, index): readonly Piece[] => {
    const own = located[index];
    return own ? [{ resolved, located: own }] : [];
  });
  const given = (resolved: ResolvedIntervention) =>
    call.sourceRepresentations?.get(resolved.key) ?? resolved.constant?.data;
  const free = pieces.map((piece) =>
    given(piece.resolved) ? { ...piece, resolved: { ...piece.resolved, sourceRun: undefined } } : piece,
  );
  for (const { resolved } of free) {
    for (const run of [resolved.targetRun, resolved.sourceRun]) {
      if (run === undefined) continue;
      const prompts = promptsOf(call, run, resolved.label);
      if (prompts.length !== examples)
        throw new InterventionError(
          `${resolved.label}: '${run}' has ${prompts.length} examples, and the base has ${examples}.`,
        );
    }
  }
  const order = orderRuns(free);
  const stage = (site: Site): Stage => stageOf(architecture, site);
  const isLate = ({ site, sourceSite }: ResolvedIntervention) =>
    sourceSite !== undefined && stage(sourceSite) > stage(site);
  const phaseOf = new Map<string, number>();
  for (const run of order) {
    const waits = free.flatMap(({ resolved }) =>
      resolved.targetRun === run && resolved.sourceRun !== undefined
        ? [(phaseOf.get(resolved.sourceRun) ?? 0) + Number(isLate(resolved))]
        : [],
    );
    phaseOf.set(run, Math.max(0, ...waits));
  }
  const phases = 1 + Math.max(0, ...phaseOf.values());

  const sidesOf = ({ resolved, located: own }: Piece, example: number) => {
    const { label, targetRun, sourceRun } = resolved;
    const base = at(promptsOf(call, targetRun, label), example);
    const source = sourceRun === undefined ? undefined : at(promptsOf(call, sourceRun, label), example);
    if (!base) throw new InterventionError(`${label}: example ${example} does not exist.`);
    return {
      target: placeLocation(base, at(own.base, example) ?? everywhere, label),
      origin: source && placeLocation(source, at(own.source, example) ?? everywhere, label),
      length: base.tokens.length,
    };
  };

  const lateOf = (piece: Piece, example: number): LateSource | undefined => {
    const { resolved } = piece;
    const { origin } = sidesOf(piece, example);
    if (!origin || !resolved.sourceSite || resolved.sourceRun === undefined || !isLate(resolved))
      return undefined;
    return { run: resolved.sourceRun, example, site: resolved.sourceSite, location: origin };
  };

  const editOf = (
    piece: Piece,
    example: number,
    rowOf: CompiledRows['rowOf'],
    read: ReadonlyMap<string, Float32Array>,
  ): Edit => {
    const { resolved } = piece;
    const { intervention, component, label, site, unit, partition, index } = resolved;
    const { type, width } = intervention;
    const { target, origin, length } = sidesOf(piece, example);
    const heads = target.heads ?? Array.from({ length: component.heads ?? 1 }, (_, head) => head);
    const positions = target.positions === 'all' ? length : target.positions.length;
    const units = positions * (component.layout === 'token' ? 1 : heads.length);
    const joined = (() => {
      if (type.units === 'separate') return 1;
      if (unit !== 'pos') return heads.length;
      return piece.located.base ? positions : 1;
    })();
    if (type.units === 'joined' && joined * component.width !== width)
      throw new InterventionError(
        `${label}: it acts on ${width / component.width} units of '${component.name}' as one vector (max_number_of_units), and the call names ${joined}.`,
      );
    const size = type.subspaceWidth?.(width, intervention.parameters);
    const subspace = subspaceOf(
      call.subspaces,
      index,
      interventions.length,
      example,
      examples,
      size ?? width,
      partition,
    );
    if (subspace) subspaceWidth(intervention, label);
    const edit = {
      site,
      location: { ...target, ...(component.layout === 'token' ? {} : { heads }) },
      fragment: fragmentOf(intervention, joined, subspace),
    };
    const constant = given(resolved);
    const source = ((): Source | undefined => {
      if (type.make) return { kind: 'tensor', data: type.make(units, component.width) };
      if (type.source === 'input' && resolved.sourceSite)
        return { kind: 'own', component: resolved.sourceSite.component };
      if (constant)
        return { kind: 'tensor', data: spread(constant, units, component.width, example, examples, label) };
      if (!origin || !resolved.sourceSite || resolved.sourceRun === undefined) return undefined;
      const counted = countUnits(
        architecture,
        resolved.sourceSite,
        origin,
        at(promptsOf(call, resolved.sourceRun, label), example)?.tokens.length ?? 0,
      );
      if (counted !== units)
        throw new InterventionError(
          `${label}: the source names ${counted} ${counted === 1 ? 'unit' : 'units'} and the base ${units}; they must be as many.`,
        );
      const late = lateOf(piece, example);
      if (!late) {
        const row = rowOf(resolved.sourceRun, example);
        return { kind: 'row', row, site: resolved.sourceSite, location: origin };
      }
      const data = read.get(lateKey(late));
      if (!data) throw new Error(`${label}: its source was not read.`);
      return { kind: 'tensor', data };
    })();
    return source ? { ...edit, source } : edit;
  };

  const rows: CompiledCall['rows'] = (phase, read) => {
    const made: Row[] = [];
    const places = new Map<string, number>();
    const plain = new Map<string, number>();
    const rowOf = (run: string, example: number): number => {
      const place = places.get(`${run} ${example}`);
      if (place === undefined) throw new Error(`The run '${run}' is not ready.`);
      return place;
    };
    for (const run of order) {
      if ((phaseOf.get(run) ?? 0) > phase) continue;
      const edits = free.filter(
        ({ resolved }) => resolved.targetRun === run && !resolved.intervention.type.isCollect,
      );
      const prompts = run === 'base' || run === 'original' ? call.base : promptsOf(call, run, run);
      prompts.forEach(({ tokens }, example) => {
        const name = JSON.stringify(tokens);
        // The same prompt without interventions runs once, however many take from it.
        const known = edits.length === 0 ? plain.get(name) : undefined;
        if (known !== undefined) {
          places.set(`${run} ${example}`, known);
          return;
        }
        const own = edits.map((piece) => editOf(piece, example, rowOf, read));
        places.set(`${run} ${example}`, made.length);
        if (edits.length === 0) plain.set(name, made.length);
        made.push({ start: { kind: 'tokens', tokens }, edits: own });
      });
    }
    return { rows: made, rowOf };
  };

  const late: CompiledCall['late'] = (phase) =>
    free.flatMap((piece) =>
      phaseOf.get(piece.resolved.sourceRun ?? '') !== undefined &&
      (phaseOf.get(piece.resolved.sourceRun ?? '') ?? 0) <= phase &&
      (phaseOf.get(piece.resolved.targetRun) ?? 0) > phase
        ? call.base.flatMap((_, example) => {
            const wanted = lateOf(piece, example);
            return wanted ? [wanted] : [];
          })
        : [],
    );

  const collected = free
    .filter(({ resolved }) => resolved.intervention.type.isCollect)
    .map((piece) =>
      call.base.map((_, example) => {
        const { resolved } = piece;
        const { target } = sidesOf(piece, example);
        const columns = subspaceOf(
          call.subspaces,
          resolved.index,
          interventions.length,
          example,
          examples,
          resolved.component.width,
          resolved.partition,
        );
        return {
          example,
          run: resolved.targetRun,
          read: { site: resolved.site, location: target },
          ...(columns ? { columns } : {}),
        };
      }),
    );
  return { phases, rows, late, collected };
}

function countUnits(
  architecture: Architecture,
  site: Site,
  { positions, heads }: Location,
  length: number,
): number {
  const component = describeComponent(architecture, site.component);
  const places = positions === 'all' ? length : positions.length;
  return places * (component.layout === 'token' ? 1 : (heads?.length ?? component.heads ?? 1));
}

/** A constant for the units of one example: it may be one vector, one for each unit, or one for each unit and example. */
function spread(
  data: Float32Array,
  units: number,
  width: number,
  example: number,
  examples: number,
  label: string,
): Float32Array {
  if (data.length === units * width) return data;
  if (data.length === width) {
    const all = new Float32Array(units * width);
    for (let unit = 0; unit < units; unit++) all.set(data, unit * width);
    return all;
  }
  if (data.length === examples * units * width)
    return data.subarray(example * units * width, (example + 1) * units * width);
  throw new InterventionError(
    `${label}: the constant source has ${data.length} numbers; it must have ${width} (one vector) or ${units * width} (one for each of ${units} units).`,
  );
}

/** Chosen columns of [units, width]. */
export function columnsOf(
  result: ReadResult | undefined,
  columns: readonly number[] | undefined,
): { readonly shape: readonly number[]; readonly data: Float32Array } {
  const tensor = result?.value;
  if (!tensor || !(tensor.data instanceof Float32Array)) throw new Error('Nothing was collected.');
  const { shape, data } = tensor;
  if (!columns) return { shape, data };
  const width = shape.at(-1) ?? 1;
  const units = data.length / width;
  const chosen = new Float32Array(units * columns.length);
  for (let unit = 0; unit < units; unit++)
    columns.forEach((column, i) => {
      chosen[unit * columns.length + i] = data[unit * width + column] ?? Number.NaN;
    });
  return { shape: [...shape.slice(0, -1), columns.length], data: chosen };
}
