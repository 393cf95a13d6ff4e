// What a cable can change: its cone. In its own layer that is what its component feeds; other positions are reached by way
// of keys and values alone, the later ones, or all of them where every position sees every other. What an encoder changes its
// reader sees at every position, from the first layer's cross-attention on.

import type { Architecture } from '../../architectures/architecture.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import type { Cable, Place } from './document.ts';

/** A socket as far as a cone is concerned. */
export interface Spot {
  readonly run: string;
  readonly component: string;
  readonly layer: number | null;
  /** Null for a socket of all positions. */
  readonly position: number | null;
}

export interface Cone {
  readonly reaches: (spot: Spot) => boolean;
}

/** Keys and values are what other positions look at. */
const isLookedAt = (component: string): boolean =>
  /(^|\.)(head_)?(cross_)?(key|value)_output$/.test(component);

interface Reach {
  /** Components of the same layer that change at the same positions, the one in question left out. */
  readonly own: ReadonlySet<string>;
  /** Those that change at later positions too. */
  readonly others: ReadonlySet<string>;
}

/** The per-head form and the whole are one value. */
function formsOf(architecture: Architecture, component: string): readonly string[] {
  return architecture.components
    .filter(({ name, headsOf }) => headsOf === component || name === component)
    .map(({ name }) => name);
}

/** What a component flows into within its layer. */
function reachIn(architecture: Architecture, from: string): Reach {
  const own = new Set<string>();
  const others = new Set<string>();
  const visit = (component: string, isMixed: boolean) => {
    const mixes = isMixed || isLookedAt(component);
    const feeds = architecture.components.find(({ name }) => name === component)?.feeds ?? [];
    for (const next of feeds.flatMap((name) => formsOf(architecture, name))) {
      // The next layer begins here; it is reached because it is later.
      if (/(^|\.)block_input$/.test(next)) continue;
      const seen = mixes ? others : own;
      if (seen.has(next)) continue;
      own.add(next);
      if (mixes) others.add(next);
      visit(next, mixes);
    }
  };
  // A whole component is read and edited before its per-head form.
  for (const form of formsOf(architecture, from)) if (form !== from) own.add(form);
  visit(from, false);
  return { own, others };
}

/** Where a component stands among all layers of the model: whose positions it has, and at which stage. */
interface Standing {
  readonly rank: number;
  readonly stage: number;
  /** What a layer of the reader makes of an encoder's last states. */
  readonly isMemory: boolean;
  /** Of the stack: `encoder.`, `vision.`, or nothing. */
  readonly prefix: string;
}

const ranks = { first: 0, encoder: 1, main: 2 } as const;

function standingOf(architecture: Architecture, component: string, layer: number | null): Standing {
  const { place } = describeComponent(architecture, component);
  const { stack, from } = place ?? { stack: 'main', from: 0 };
  const prefix = /^[a-z]+\./.exec(component)?.[0] ?? '';
  const isMemory =
    stack !== 'main' && /^(head_)?cross_(key|value)_output$/.test(component.slice(prefix.length));
  const isFirst = /(^|\.)embedding_output$/.test(component);
  const stage = layer === null ? (isFirst ? -1 : architecture.layerCount) : from + layer;
  return { rank: ranks[stack] ?? ranks.main, stage, isMemory, prefix };
}

/** Layers of the model before the first of the main stack. */
const mainFrom = ({ components }: Architecture): number =>
  components.find(({ name }) => name === 'block_input')?.place?.from ?? 0;

function coneFrom(architecture: Architecture, place: Place): (spot: Spot) => boolean {
  const own = standingOf(architecture, place.component, place.layer);
  const isCausal = architecture.isCausal && own.rank === ranks.main;
  const first = place.positions === 'all' || !isCausal ? 0 : Math.min(...place.positions);
  const isOwn = (position: number | null) =>
    position === null || place.positions === 'all' || place.positions.includes(position);
  const isLater = (position: number | null) => position === null || position >= first;
  const reach = reachIn(architecture, place.component);
  const next = reachIn(architecture, `${own.prefix}block_input`).others;
  /** Whether the layer passes the change on at later positions; else attention of the next one does, and not before. */
  const isMixed = reach.others.has(`${own.prefix}block_output`);
  const throughCross = reachIn(architecture, 'cross_key_output').own;
  return ({ run, component, layer, position }) => {
    if (run !== place.run) return false;
    const there = standingOf(architecture, component, layer);
    if (there.rank < own.rank || there.stage < own.stage) return false;
    if (there.rank > own.rank) {
      // Its reader: all that follows from cross-attention, in the layer whose keys or values these are, or in the first.
      if (there.stage === -1) return false;
      const from = own.isMemory ? own.stage : there.rank === ranks.main ? mainFrom(architecture) : 0;
      return there.stage > from || (own.isMemory ? reach.own.has(component) : throughCross.has(component));
    }
    if (there.isMemory && !own.isMemory) {
      // The last states are its source, whatever layer reads them.
      const isSpread = isMixed || mainFrom(architecture) > own.stage + 1;
      return isSpread ? isLater(position) : isOwn(position);
    }
    if (there.stage > own.stage) {
      if (own.isMemory) return false;
      // Behind the last layer no attention looks at other positions.
      const isNext = layer !== null && next.has(component);
      const isSpread = isMixed || there.stage > own.stage + 1 || isNext;
      return isSpread ? isLater(position) : isOwn(position);
    }
    if (component === place.component) return isOwn(position);
    return (
      (reach.others.has(component) && isLater(position)) || (reach.own.has(component) && isOwn(position))
    );
  };
}

/**
 * The cone of a cable, followed through the cables that take from what it changes.
 * @param cables all of the document
 */
export function coneOf(architecture: Architecture, cables: readonly Cable[], cable: Cable): Cone {
  const cones: ((spot: Spot) => boolean)[] = [];
  const reached = new Set<Cable>();
  const add = (next: Cable) => {
    reached.add(next);
    const reaches = coneFrom(architecture, next.to);
    cones.push(reaches);
    for (const other of cables) {
      if (reached.has(other) || !other.from) continue;
      const { run, component, layer, positions } = other.from;
      const spots = positions === 'all' ? [null] : positions;
      if (spots.some((position) => reaches({ run, component, layer, position }))) add(other);
    }
  };
  add(cable);
  return { reaches: (spot) => cones.some((reaches) => reaches(spot)) };
}
