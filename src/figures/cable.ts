// The path of a patch cable between two sockets: it leaves both to one side and hangs between them.

import { path } from 'd3';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * @param from where the cable starts, in pixels
 * @param to   where it ends
 * @param side 1 to hang to the right of the sockets, -1 to the left
 * @returns an SVG path; longer cables hang further out, up to a limit, so that neighbours stay apart
 */
export function cablePath(from: Point, to: Point, side: 1 | -1): string {
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const reach = side * Math.min(72, 12 + distance * 0.3);
  const cable = path();
  cable.moveTo(from.x, from.y);
  cable.bezierCurveTo(from.x + reach, from.y, to.x + reach, to.y, to.x, to.y);
  return cable.toString();
}
