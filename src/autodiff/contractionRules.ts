// Gradients of the matrix products.

import { gemm, matMul } from '../onnx/contraction.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { reshape, transpose } from '../onnx/layout.ts';
import { reduceSum } from '../onnx/reduction.ts';
import { sizeAt, type Value } from '../onnx/value.ts';
import { inputOf, integerAttribute, type Rule, undoBroadcast } from './rule.ts';

/** The last two axes exchanged. */
function swapped(x: Value): Value {
  const rank = x.shape.length;
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2]);
}

/** [..., m, k] as [... * m, k] */
const flat = (x: Value): Value =>
  reshape(x, [multiplyDimensions(...x.shape.slice(0, -1)), sizeAt(x.shape, -1)]);

const product: Rule = (g, operation) => {
  const [a, b] = [inputOf(operation, 0), inputOf(operation, 1)];
  // One matrix shared by all leading entries: one product sums over them, instead of a matrix for each to be summed.
  const isShared = b.shape.length === 2 && typeof b.shape[0] === 'number' && typeof b.shape[1] === 'number';
  return [
    () => undoBroadcast(matMul(g, swapped(b)), a.shape),
    () =>
      isShared ? gemm(flat(a), flat(g), { transposeA: true }) : undoBroadcast(matMul(swapped(a), g), b.shape),
  ];
};

const gemmRule: Rule = (g, operation) => {
  const [a, b] = [inputOf(operation, 0), inputOf(operation, 1)];
  const transposeA = integerAttribute(operation, 'transA', 0) === 1;
  const transposeB = integerAttribute(operation, 'transB', 0) === 1;
  return [
    () =>
      transposeA
        ? gemm(b, g, { transposeA: transposeB, transposeB: true })
        : gemm(g, b, { transposeB: !transposeB }),
    () =>
      transposeB
        ? gemm(g, a, { transposeA: true, transposeB: transposeA })
        : gemm(a, g, { transposeA: !transposeA }),
    () => reduceSum(g, { axes: [0], keepDimensions: false }),
  ];
};

export const contractionRules: Readonly<Record<string, Rule>> = { MatMul: product, Gemm: gemmRule };
