// Weights as whole numbers of 4 bits with a scale for each group of neighbours: what GGUF's blocks are, in the form in which
// onnxruntime multiplies by them without expanding them before.
//
//     w = scale (code - 8) + minimum
//
// Its kernels for float32 know no minima, which are a product of their own with the sums of the groups, and no more than 4 bits: a
// number of more has two codes, each with a scale, and is multiplied by the input twice.

import { gemm } from './contraction.ts';
import { add, cast, mul, sub } from './elementwise.ts';
import { concat, gather, reshape, unsqueeze } from './layout.ts';
import { reduceSum } from './reduction.ts';
import { replacing } from './replacing.ts';
import { apply, constant, describeValue, ShapeError, type Value } from './value.ts';

/** A matrix [outputs, inputs]. */
export interface Blocks {
  readonly inputs: number;
  /** uint8 [outputs, groups of all parts, half a group]; of two codes in a byte the first is in the lower bits. */
  readonly codes: Value;
  /** [outputs, groups of all parts] */
  readonly scales: Value;
  /** [outputs, groups] */
  readonly minima?: Value;
}

interface Sizes {
  readonly outputs: number;
  /** Codes of a number. */
  readonly parts: number;
  /** Of a part. */
  readonly groups: number;
  /** Inputs of a group. */
  readonly group: number;
}

function sizesOf({ inputs, codes }: Blocks): Sizes {
  const [outputs, all, bytes] = codes.shape;
  if (typeof outputs !== 'number' || typeof all !== 'number' || typeof bytes !== 'number')
    throw new ShapeError(`MatMulNBits: codes ${describeValue(codes)} have no known sizes`);
  const group = bytes * 2;
  return { outputs, groups: inputs / group, group, parts: (all * group) / inputs };
}

/**
 * x W^T + bias.
 * @param x    [rows, inputs]
 * @param bias [outputs]
 * @returns    [rows, outputs]
 */
export function blockProduct(x: Value, blocks: Blocks, bias?: Value): Value {
  const { inputs, codes, scales, minima } = blocks;
  const { outputs, groups, group, parts } = sizesOf(blocks);
  const [rows, width] = x.shape;
  if (x.shape.length !== 2 || rows === undefined || width !== inputs)
    throw new ShapeError(`MatMulNBits: ${describeValue(x)} has not ${inputs} inputs`);
  const read = concat(
    Array.from({ length: parts }, () => x),
    1,
  );
  const attributes = { K: parts * inputs, N: outputs, bits: 4, block_size: group };
  const scaled = apply('MatMulNBits', [read, codes, scales], attributes, 'float32', [rows, outputs]);
  if (!minima) return bias ? add(scaled, bias) : scaled;
  const sums = reduceSum(reshape(x, [rows, groups, group]), { axes: [2], keepDimensions: false });
  return add(scaled, gemm(sums, minima, { transposeB: true, ...(bias ? { bias } : {}) }));
}

/**
 * Some rows of W, expanded.
 * @param indices int32 [count]
 * @returns       [count, inputs]
 */
export function blockRows(blocks: Blocks, indices: Value): Value {
  const { inputs, scales, minima } = blocks;
  const { groups, group, parts } = sizesOf(blocks);
  const [count] = indices.shape;
  if (indices.shape.length !== 1 || count === undefined)
    throw new ShapeError(`Gather: ${describeValue(indices)} are not the numbers of rows`);
  const bytes = cast(gather(blocks.codes, indices, 0), 'float32');
  // What is cast to a whole number is cut off.
  const second = cast(cast(mul(bytes, constant(1 / 16)), 'int32'), 'float32');
  const first = sub(bytes, mul(second, constant(16)));
  const codes = reshape(concat([unsqueeze(first, [3]), unsqueeze(second, [3])], 3), [
    count,
    parts * groups,
    group,
  ]);
  const ofGroups = (values: Value) => unsqueeze(gather(values, indices, 0), [2]);
  const scaled = mul(sub(codes, constant(8)), ofGroups(scales));
  const summed = reduceSum(reshape(scaled, [count, parts, groups, group]), {
    axes: [1],
    keepDimensions: false,
  });
  return reshape(minima ? add(summed, ofGroups(minima)) : summed, [count, inputs]);
}

/**
 * The same values, computed from blocks wherever a weight is multiplied by as PyTorch's Linear has it, or rows are taken out of
 * it. Where it is used in other ways it stays what it was.
 * @param blocksOf of values that stand for weights
 */
export function withBlocks(
  outputs: Readonly<Record<string, Value>>,
  blocksOf: ReadonlyMap<Value, Blocks>,
): Readonly<Record<string, Value>> {
  return replacing(outputs, ({ op, inputs: [first, second, bias], attributes }) => {
    if (!first || !second) return undefined;
    if (op === 'Gemm' && attributes.transA === 0 && attributes.transB === 1) {
      const blocks = blocksOf.get(second);
      return blocks && blockProduct(first, blocks, bias);
    }
    const blocks = op === 'Gather' && attributes.axis === 0 ? blocksOf.get(first) : undefined;
    return blocks && second.shape.length === 1 ? blockRows(blocks, second) : undefined;
  });
}
