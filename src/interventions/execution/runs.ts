// The runs of a call: the base, its sources, and in which order they can run, given who takes from whom.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Site } from '../../runtime/plan/plan.ts';
import { stageOf } from '../../runtime/plan/sites.ts';
import {
  type LocatedIntervention,
  locateInterventions,
  type Subspaces,
  type UnitLocations,
} from '../configuration/locations.ts';
import {
  type ResolvedConfiguration,
  type ResolvedIntervention,
  sourceNumber,
} from '../configuration/resolve.ts';
import { InterventionError } from '../intervention.ts';
import type { Prompt } from './prompt.ts';

export interface Call {
  readonly base: readonly Prompt[];
  /** One for each group; null for a group that needs none. */
  readonly sources: readonly (readonly Prompt[] | null)[];
  readonly unitLocations?: UnitLocations | null | undefined;
  readonly subspaces?: Subspaces | undefined;
  /** Activations in place of sources, by the key of the intervention. */
  readonly sourceRepresentations?: ReadonlyMap<string, Float32Array> | undefined;
}

/** An intervention that a call does not leave out, and where. */
export interface Piece {
  readonly resolved: ResolvedIntervention;
  readonly located: LocatedIntervention;
  /** In place of a source run. */
  readonly constant: Float32Array | undefined;
  /** A constant of the configuration has its units head by head, as pyvene; one of the call as they are collected. */
  readonly isByHead: boolean;
  /** The run that it takes from; undefined with a constant, or without a source. */
  readonly sourceRun: string | undefined;
}

/** The prompts of a run, one for each example. @throws InterventionError when the call gives none */
export function promptsOf({ base, sources }: Call, run: string, label: string): readonly Prompt[] {
  if (run === 'base' || run === 'original') return base;
  const index = sourceNumber(run);
  // One source serves every group.
  const found = sources.length === 1 ? sources[0] : sources[index];
  if (!found)
    throw new InterventionError(
      `${label}: it takes from '${run}', and the call gives no source there. 'sources' has ${sources.length} ${sources.length === 1 ? 'entry' : 'entries'}.`,
    );
  return found;
}

/** @throws InterventionError that names what is missing, or of another number */
export function piecesOf(configuration: ResolvedConfiguration, call: Call): readonly Piece[] {
  const { interventions, sourceCount } = configuration;
  const { base, sources, sourceRepresentations } = call;
  if (sources.length > 1 && sources.length !== sourceCount)
    throw new InterventionError(
      `'sources' has ${sources.length} entries, and there are ${sourceCount} sources to take from. Give one for each (null where none is needed), or one for all.`,
    );
  const located = locateInterventions(
    interventions.map(({ unit, route, routeIndex, routeCount }) => ({
      unit,
      route,
      index: routeIndex,
      count: routeCount,
    })),
    call.unitLocations,
    base.length,
  );
  const pieces = interventions.flatMap((resolved, index): readonly Piece[] => {
    const own = located[index];
    if (!own) return [];
    const given = sourceRepresentations?.get(resolved.key);
    const constant = given ?? resolved.constant?.data;
    const sourceRun = constant ? undefined : resolved.sourceRun;
    return [{ resolved, located: own, constant, isByHead: given === undefined, sourceRun }];
  });
  for (const { resolved, sourceRun } of pieces) {
    const { type } = resolved.intervention;
    if (sourceRepresentations?.has(resolved.key) && type.source !== 'run')
      throw new InterventionError(
        `sourceRepresentations: a ${type.name} ('${resolved.key}') takes no source.`,
      );
    const { source_run: from, target_run: to } = resolved.representation;
    const missing = [from, to].find((run) => sourceNumber(run) >= sources.length);
    if (missing)
      throw new InterventionError(
        `${resolved.label}: it names '${missing}', and 'sources' has ${sources.length} ${sources.length === 1 ? 'entry' : 'entries'}.`,
      );
    for (const run of [resolved.targetRun, sourceRun]) {
      if (run === undefined) continue;
      const prompts = promptsOf(call, run, resolved.label);
      if (prompts.length !== base.length)
        throw new InterventionError(
          `${resolved.label}: '${run}' has ${prompts.length} examples, and the base has ${base.length}.`,
        );
    }
  }
  return pieces;
}

/** Whether what is taken is computed after the place where it is put. */
export function isLate(architecture: Architecture, { resolved, sourceRun }: Piece): boolean {
  const { site, sourceSite } = resolved;
  const stage = (of: Site) => stageOf(architecture, of);
  return sourceRun !== undefined && sourceSite !== undefined && stage(sourceSite) > stage(site);
}

/** Runs in an order in which each comes after those it takes from. @throws InterventionError for a circle */
function orderRuns(pieces: readonly Piece[]): readonly string[] {
  const takes = new Map<string, Set<string>>([['base', new Set()]]);
  for (const { resolved, sourceRun } of pieces) {
    const { targetRun, label } = resolved;
    const own = takes.get(targetRun) ?? new Set();
    takes.set(targetRun, own);
    if (sourceRun === undefined) continue;
    if (sourceRun === targetRun)
      throw new InterventionError(
        `${label}: it takes from the run that it edits, '${sourceRun}'. 'original' is the base without interventions.`,
      );
    if (!takes.has(sourceRun)) takes.set(sourceRun, new Set());
    own.add(sourceRun);
  }
  const order: string[] = [];
  const open: string[] = [];
  const visit = (run: string) => {
    if (order.includes(run)) return;
    if (open.includes(run))
      throw new InterventionError(
        `The runs ${open.map((name) => `'${name}'`).join(', ')} take from each other in a circle; a run cannot wait for itself.`,
      );
    open.push(run);
    for (const other of takes.get(run) ?? []) visit(other);
    open.pop();
    order.push(run);
  };
  for (const run of takes.keys()) visit(run);
  return order;
}

/**
 * Runs in order, each with its phase: runs of one phase need nothing of each other that is computed later than where it
 * is put.
 */
export function phasesOf(architecture: Architecture, pieces: readonly Piece[]): ReadonlyMap<string, number> {
  const phases = new Map<string, number>();
  for (const run of orderRuns(pieces)) {
    const waits = pieces.flatMap((piece) =>
      piece.resolved.targetRun === run && piece.sourceRun !== undefined
        ? [(phases.get(piece.sourceRun) ?? 0) + Number(isLate(architecture, piece))]
        : [],
    );
    phases.set(run, Math.max(0, ...waits));
  }
  return phases;
}
