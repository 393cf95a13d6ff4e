// Cables as pyvene's configuration with the arguments of its call. The way back is `reading.ts`.

import type { Configuration, Representation } from '../../interventions/configuration/configuration.ts';
import type { Subspaces, UnitLocations } from '../../interventions/configuration/locations.ts';
import {
  type Cable,
  cableLetter,
  type PatchDocument,
  type Place,
  sourceIndex,
  sourceRun,
} from './document.ts';

type Given = Readonly<Record<string, unknown>>;

/** A configuration and a call as JSON, defaults left out: what the editor shows and a file keeps. */
export interface Wiring {
  readonly configuration: {
    readonly representations: readonly Partial<Representation>[];
    readonly mode?: Configuration['mode'];
  };
  readonly unitLocations: UnitLocations;
  readonly subspaces?: Subspaces;
}

const unitOf = ({ heads, positions }: Place): Representation['unit'] =>
  heads === undefined ? 'pos' : positions === 'all' ? 'h' : 'h.pos';

/** Units that types with parameters see as one vector: heads, or positions. */
function unitCountOf(place: Place, lengthOf: LengthOf): number {
  const { positions, heads } = place;
  if (heads !== undefined) return heads.length;
  return positions === 'all' ? lengthOf(place) : positions.length;
}

/** Of which source every cable takes; null where one number a cable cannot say it. */
function groupsOf(cables: readonly Cable[]): readonly number[] | null {
  const taken = cables.map(({ from }) => (from ? sourceIndex(from.run) : 0));
  if (taken.some((index) => index === null)) return null;
  const groups = taken.map(Number);
  const most = Math.max(0, ...groups);
  const isWhole = Array.from({ length: most + 1 }, (_, index) => index).every((index) =>
    groups.includes(index),
  );
  return isWhole ? groups : null;
}

/** Where a cable's run flows to when sources flow into each other. */
const serialTarget = (group: number, count: number) => (group + 1 < count ? sourceRun(group + 1) : 'base');

/** Why the cables cannot run in series; null when they can. */
export function whyNotSerial(cables: readonly Cable[]): string | null {
  const groups = groupsOf(cables);
  const count = groups ? Math.max(...groups) + 1 : 0;
  if (!groups || cables.length === 0)
    return 'In series every source flows into the next and the last into the base, so each must have a cable.';
  const other = cables.findIndex((cable, index) => cable.to.run !== serialTarget(groups[index] ?? 0, count));
  if (other < 0) return null;
  return `In series every source flows into the next and the last into the base; cable ${cableLetter(other)} does not.`;
}

function settingsOf(cable: Cable, units: number): Given {
  const { lowRankDimension, latentDimension, partition, interchangeDimension, link } = cable.settings;
  return {
    ...(cable.type === 'VanillaIntervention' ? {} : { intervention_type: cable.type }),
    ...(units === 1 ? {} : { max_number_of_units: units }),
    ...(lowRankDimension === undefined ? {} : { low_rank_dimension: lowRankDimension }),
    ...(latentDimension === undefined ? {} : { latent_dim: latentDimension }),
    ...(partition === undefined ? {} : { subspace_partition: partition }),
    ...(interchangeDimension === undefined ? {} : { interchange_dim: interchangeDimension }),
    ...(link === undefined ? {} : { intervention_link_key: link }),
    ...(cable.constant === undefined ? {} : { source_representation: cable.constant }),
  };
}

/** One side of one cable, of one example, in pyvene's full form. */
function locationsOf(place: Place, lengthOf: LengthOf): readonly unknown[] {
  if (unitOf(place) === 'h') return [place.heads];
  const positions =
    place.positions === 'all'
      ? Array.from({ length: lengthOf(place) }, (_, position) => position)
      : place.positions;
  return unitOf(place) === 'pos' ? [positions] : [[place.heads], [positions]];
}

/** Positions that a component has in a run. */
export type LengthOf = (place: Pick<Place, 'run' | 'component'>) => number;

/** @param lengthOf counts them where a cable is at all positions */
export function wiringOf(
  { cables, sources, mode }: Pick<PatchDocument, 'cables' | 'sources' | 'mode'>,
  lengthOf: LengthOf,
): Wiring {
  const groups = groupsOf(cables);
  const isSerial = mode === 'serial' && whyNotSerial(cables) === null;
  // One source serves every cable of a call, so that nothing need say which; unless some cable edits that source.
  const isShared =
    sources.length === 1 && !isSerial && cables.every(({ to }) => sourceIndex(to.run) === null);
  const groupCount = groups ? Math.max(...groups) + 1 : 1;
  const representations = cables.map((cable, index): Partial<Representation> => {
    const { from, to } = cable;
    const group = groups?.[index] ?? 0;
    const isGrouped = cables.length > 1 && !isShared;
    const usualFrom = sourceRun(isShared ? 0 : group);
    const usualTo = isSerial ? serialTarget(group, groupCount) : 'base';
    // What is left out is read where the module begins; the library finds that place itself.
    const takesSite = from && cable.type !== 'SkipIntervention';
    return {
      layer: to.layer,
      component: to.component,
      ...(unitOf(to) === 'pos' ? {} : { unit: unitOf(to) }),
      ...settingsOf(cable, unitCountOf(to, lengthOf)),
      ...(isGrouped ? { group_key: groups ? group : 0 } : {}),
      ...(takesSite && from.layer !== to.layer ? { source_layer: from.layer } : {}),
      ...(takesSite && from.component !== to.component ? { source_component: from.component } : {}),
      ...(from && from.run !== usualFrom ? { source_run: from.run } : {}),
      ...(to.run !== usualTo ? { target_run: to.run } : {}),
    };
  });
  const routeOf = (index: number): string => {
    const group = groups?.[index] ?? 0;
    return isSerial ? `${sourceRun(group)}->${serialTarget(group, groupCount)}` : 'sources->base';
  };
  const unitLocations = Object.fromEntries(
    [...new Set(cables.map((_, index) => routeOf(index)))].map((route) => {
      const own = cables.filter((_, index) => routeOf(index) === route);
      const side = (pick: (cable: Cable) => Place) => own.map((cable) => locationsOf(pick(cable), lengthOf));
      // What takes nothing from a run is located on both sides all the same: without it, it would be left out.
      return [route, [side(({ from, to }) => from ?? to), side(({ to }) => to)]];
    }),
  );
  const subspaces = cables.map(({ settings }) => (settings.subspaces ? [settings.subspaces] : null));
  return {
    configuration: { representations, ...(isSerial ? { mode: 'serial' } : {}) },
    unitLocations,
    ...(subspaces.some((own) => own !== null) ? { subspaces } : {}),
  };
}
