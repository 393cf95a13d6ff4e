// A component's shape in words, and the form of its socket: round for one vector per position, ringed for one per
// head, square for a value per pair of positions.

import type { ComponentInfo } from '../../worker/protocol.ts';

type Shape = ComponentInfo['shape'];

/** `position × 576`, `position × 9 × 64` */
export const formatShape = (shape: Shape): string => shape.join(' × ');

/** The number before the last dimension counts heads: `position × 9 heads × 64`. */
const withHeads = (shape: Shape): readonly string[] =>
  shape.map((size, place) =>
    typeof size === 'number' && place < shape.length - 1
      ? `${size} ${size === 1 ? 'head' : 'heads'}`
      : String(size),
  );

export const describeShape = (shape: Shape): string => withHeads(shape).join(' × ');

/** `position by 9 heads by 64` */
export const spokenShape = (shape: Shape): string => withHeads(shape).join(' by ');

export type SocketForm = 'vector' | 'heads' | 'pairs';

export function socketForm(shape: Shape): SocketForm {
  if (shape.filter((size) => typeof size === 'string').length > 1) return 'pairs';
  return shape.length > 2 ? 'heads' : 'vector';
}

/** How many numbers there are at one position (for pairs of positions, at one pair). */
export const numbersEach = (shape: Shape): number =>
  shape.reduce<number>((product, size) => (typeof size === 'number' ? product * size : product), 1);
