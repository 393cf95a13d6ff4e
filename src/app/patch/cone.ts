// What a cable can change: its cone. In its own layer that is what its component feeds; other positions are reached by way
// of keys and values alone, the later ones, or all of them where every position sees every other.

import type { Architecture } from '../../architectures/architecture.ts';
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
const isLookedAt = (component: string): boolean => /^(head_)?(key|value)_output$/.test(component);

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
      if (next === 'block_input') continue;
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

const stageOf = (architecture: Architecture, component: string, layer: number | null): number => {
  if (layer !== null) return layer;
  return component === 'embedding_output' ? -1 : architecture.layerCount;
};

function coneFrom(architecture: Architecture, place: Place): (spot: Spot) => boolean {
  const { isCausal } = architecture;
  const stage = stageOf(architecture, place.component, place.layer);
  const first = place.positions === 'all' || !isCausal ? 0 : Math.min(...place.positions);
  const isOwn = (position: number | null) =>
    position === null || place.positions === 'all' || place.positions.includes(position);
  const isLater = (position: number | null) => position === null || position >= first;
  const { own, others } = reachIn(architecture, place.component);
  const next = reachIn(architecture, 'block_input').others;
  /** Whether the layer passes the change on at later positions; else attention of the next one does, and not before. */
  const isMixed = others.has('block_output');
  return ({ run, component, layer, position }) => {
    if (run !== place.run) return false;
    const there = stageOf(architecture, component, layer);
    if (there < stage) return false;
    if (there > stage) {
      const isSpread = isMixed || there > stage + 1 || next.has(component);
      return isSpread ? isLater(position) : isOwn(position);
    }
    if (component === place.component) return isOwn(position);
    return (others.has(component) && isLater(position)) || (own.has(component) && isOwn(position));
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
