// Matrix products.

import { broadcastShapes, sameShape } from './dimension.ts';
import { apply, describeValue, expectDtype, ShapeError, sizeAt, type Value } from './value.ts';

/**
 * Matrix product over the last two axes, with leading axes broadcast.
 * @param a [..., m, k]
 * @param b [..., k, n]
 * @returns [..., m, n]
 */
export function matMul(a: Value, b: Value): Value {
  expectDtype('MatMul', a, 'float32');
  expectDtype('MatMul', b, 'float32');
  if (a.shape.length < 2 || b.shape.length < 2 || sizeAt(a.shape, -1) !== sizeAt(b.shape, -2)) {
    throw new ShapeError(`MatMul: ${describeValue(a)} and ${describeValue(b)} do not chain`);
  }
  const lead = broadcastShapes('MatMul', a.shape.slice(0, -2), b.shape.slice(0, -2));
  return apply('MatMul', [a, b], {}, 'float32', [...lead, sizeAt(a.shape, -2), sizeAt(b.shape, -1)]);
}

export interface GemmOptions {
  /** Read `a` as [k, m] instead of [m, k]. */
  readonly transposeA?: boolean;
  /** Read `b` as [n, k] instead of [k, n]: how PyTorch's Linear stores its weight. */
  readonly transposeB?: boolean;
  /** Added to each row: [n]. */
  readonly bias?: Value;
}

/**
 * Matrix product of two matrices, either one read transposed, plus a bias.
 * @param a [m, k]
 * @param b [k, n]
 * @returns [m, n]
 */
export function gemm(a: Value, b: Value, options: GemmOptions = {}): Value {
  const { transposeA = false, transposeB = false, bias } = options;
  expectDtype('Gemm', a, 'float32');
  expectDtype('Gemm', b, 'float32');
  const [m, k] = transposeA ? [a.shape[1], a.shape[0]] : [a.shape[0], a.shape[1]];
  const [kb, n] = transposeB ? [b.shape[1], b.shape[0]] : [b.shape[0], b.shape[1]];
  if (a.shape.length !== 2 || b.shape.length !== 2 || k !== kb || m === undefined || n === undefined) {
    const how = `${transposeA ? ' (a transposed)' : ''}${transposeB ? ' (b transposed)' : ''}`;
    throw new ShapeError(`Gemm: ${describeValue(a)} and ${describeValue(b)} do not chain${how}`);
  }
  if (bias && !sameShape(bias.shape, [n]))
    throw new ShapeError(`Gemm: bias ${describeValue(bias)} does not fit ${n} columns`);
  const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
  return apply('Gemm', bias ? [a, b, bias] : [a, b], attributes, 'float32', [m, n]);
}
