// Arithmetic on dimensions that may be known only by name: enough to multiply them, to cancel common factors, and so to
// find the one unknown entry of a reshape.

import { type Dimension, formatShape, type Shape, ShapeError } from './value.ts';

interface Factors {
  readonly count: number;
  /** Sorted; a name that occurs twice stands twice. */
  readonly names: readonly string[];
}

function factorsOf(dimension: Dimension): Factors {
  if (typeof dimension === 'number') return { count: dimension, names: [] };
  const parts = dimension.split('*');
  const first = Number(parts[0]);
  return Number.isNaN(first)
    ? { count: 1, names: parts.sort() }
    : { count: first, names: parts.slice(1).sort() };
}

function fromFactors({ count, names }: Factors): Dimension {
  if (names.length === 0 || count === 0) return count;
  return count === 1 ? names.join('*') : [count, ...names].join('*');
}

/** The product of dimensions, in canonical form: equal products are equal strings. */
export function multiplyDimensions(...dimensions: readonly Dimension[]): Dimension {
  const factors = dimensions.map(factorsOf);
  return fromFactors({
    count: factors.reduce((product, f) => product * f.count, 1),
    names: factors.flatMap((f) => f.names).sort(),
  });
}

/** `whole / part`, or undefined when it is not a whole number of anything. */
export function divideDimensions(whole: Dimension, part: Dimension): Dimension | undefined {
  const a = factorsOf(whole);
  const b = factorsOf(part);
  if (b.count === 0 || a.count % b.count !== 0) return undefined;
  const names = [...a.names];
  for (const name of b.names) {
    const at = names.indexOf(name);
    if (at < 0) return undefined;
    names.splice(at, 1);
  }
  return fromFactors({ count: a.count / b.count, names });
}

/**
 * The shape that numpy's broadcasting gives. Sizes must be equal or 1; two different names never broadcast, because
 * nothing says that they are equal.
 * @throws ShapeError naming the operator and both shapes
 */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i): Dimension => {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw new ShapeError(
      `${op}: ${formatShape(a)} and ${formatShape(b)} do not broadcast (${left} against ${right})`,
    );
  });
}

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);
