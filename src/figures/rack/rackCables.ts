// The cables of a rack as paths: from where something is taken to where it is put. The line shows the type, its width
// the strength, so that neither depends on colour.

import { cablePath, type Point } from '../cable.ts';
import type { SocketAddress } from './rackDescription.ts';
import { type RackLayout, socketPoint } from './rackLayout.ts';

/** How the line of a cable is drawn. */
export type CableLine = 'whole' | 'dashed' | 'dotted' | 'double';

export interface RackCable {
  readonly id: number;
  readonly letter: string;
  readonly line: CableLine;
  /** Sockets that it takes from; empty for a cable that takes nothing from a run. */
  readonly from: readonly SocketAddress[];
  readonly to: readonly SocketAddress[];
  /** What stands at the end of a cable that takes nothing from a run: `0`, `+`, `~`. */
  readonly sign: string | null;
  /** 0 to 1; null where it is not known. */
  readonly strength: number | null;
}

export interface DrawnCable {
  readonly cable: RackCable;
  /** Undefined where an end is folded away, or there is but one. */
  readonly path: string | undefined;
  readonly starts: readonly Point[];
  readonly ends: readonly Point[];
  readonly width: number;
}

const middle = (points: readonly Point[]): Point | undefined => {
  const [first] = points;
  const last = points.at(-1);
  return first && last ? { x: (first.x + last.x) / 2, y: (first.y + last.y) / 2 } : undefined;
};

/** A path that leaves its first socket downwards or upwards, sways to one side, and comes to its end from there. */
export function hangingPath(from: Point, to: Point, width: number): string {
  // To the side where there is more room.
  const side = from.x + to.x > width ? -1 : 1;
  return cablePath(from, to, side);
}

const thinnest = 2;
const thickest = 6;

/** Pixels of a line of this strength. */
export const cableWidth = (strength: number | null): number =>
  thinnest + (thickest - thinnest) * Math.min(1, Math.max(0, strength ?? 0.12));

/** x counts from the first column, as in the layout. */
export function drawCables(layout: RackLayout, cables: readonly RackCable[]): readonly DrawnCable[] {
  const pointsOf = (sockets: readonly SocketAddress[]) =>
    sockets.flatMap((address) => socketPoint(layout, address) ?? []);
  return cables.map((cable): DrawnCable => {
    const [starts, ends] = [pointsOf(cable.from), pointsOf(cable.to)];
    const [from, to] = [middle(starts), middle(ends)];
    return {
      cable,
      path: from && to ? hangingPath(from, to, layout.contentWidth) : undefined,
      starts,
      ends,
      width: cableWidth(cable.strength),
    };
  });
}

/** The dashes of a line, for `stroke-dasharray`; undefined for a whole one. */
export function dashesOf(line: CableLine): string | undefined {
  switch (line) {
    case 'whole':
    case 'double':
      return undefined;
    case 'dashed':
      return '9 5';
    case 'dotted':
      return '1 6';
    default:
      return line satisfies never;
  }
}
