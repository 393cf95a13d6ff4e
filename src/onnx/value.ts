// The values that graphs are made of. A value knows its dtype, its shape and the operation that produced it, so a graph
// is nothing but the values asked of it: whatever they do not need is not in it. Operations are pure functions on
// values (elementwise.ts, layout.ts, ...), which check dtype and shape at once and name the operator when they refuse.

/** `uint8` are codes of stored weights (blocks.ts); `float16` is what `halved` makes of a graph. */
export type Dtype = 'float32' | 'float16' | 'int32' | 'int64' | 'bool' | 'uint8';

/**
 * A number, or a name for a size known only at run time. A product of sizes is written as its factors in canonical
 * order, the number first: `4*queries*rows`. See `multiplyDimensions`.
 */
export type Dimension = number | string;
export type Shape = readonly Dimension[];

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly body: Body };

/** What a loop computes at each step. It reads its own inputs and constants, and nothing of the graph around it. */
export interface Body {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/**
 * One application of an ONNX operator. Reverse mode reads these records, so nothing may hide in closures; what else it may
 * read is in ownGradient.ts.
 */
export interface Operation {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly outputs: readonly Value[];
}

/** float16 by its bits, in a Uint16Array. */
export type ConstantData = Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;

export type Origin =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'constant'; readonly data: ConstantData }
  | { readonly kind: 'operation'; readonly operation: Operation; readonly index: number };

export interface Value {
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly origin: Origin;
}

/** Shapes or dtypes do not fit. The message names the operator or component and what was found. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;
export const describeValue = (value: Value): string => `${value.dtype} ${formatShape(value.shape)}`;

/** A graph input. Two inputs of the same name in one graph must be the same value. */
export function input(name: string, dtype: Dtype, shape: Shape): Value {
  return { dtype, shape, origin: { kind: 'input', name } };
}

/** A float32 constant; a plain number is a scalar (shape []). */
export function constant(data: number | Float32Array, shape: Shape = []): Value {
  const array = typeof data === 'number' ? Float32Array.of(data) : data;
  return checkedConstant('float32', array, shape);
}

/** An int32 constant; a plain number is a scalar (shape []). */
export function int32(data: number | Int32Array, shape: Shape = []): Value {
  const array = typeof data === 'number' ? Int32Array.of(data) : data;
  return checkedConstant('int32', array, shape);
}

/** A one-dimensional int64 constant, which ONNX asks for as axes, shapes and bounds. Never computed with (see notes on WebGPU). */
export function int64s(data: readonly number[]): Value {
  return checkedConstant('int64', BigInt64Array.from(data, BigInt), [data.length]);
}

/** @throws ShapeError when the element count does not match the shape */
export function checkedConstant(dtype: Dtype, data: ConstantData, shape: Shape): Value {
  const count = shape.reduce<number>(
    (product, size) => product * (typeof size === 'number' ? size : Number.NaN),
    1,
  );
  if (count !== data.length) {
    throw new ShapeError(`constant: ${data.length} elements do not fill shape ${formatShape(shape)}`);
  }
  return { dtype, shape, origin: { kind: 'constant', data } };
}

/** Apply an operator whose outputs' dtypes and shapes are known. Only the operator functions call this. */
export function applyMany(
  op: string,
  inputs: readonly Value[],
  attributes: Readonly<Record<string, AttributeValue>>,
  outputs: readonly { readonly dtype: Dtype; readonly shape: Shape }[],
): readonly Value[] {
  const made: Value[] = [];
  const operation: Operation = { op, inputs, attributes, outputs: made };
  outputs.forEach(({ dtype, shape }, index) => {
    made.push({ dtype, shape, origin: { kind: 'operation', operation, index } });
  });
  return made;
}

export function apply(
  op: string,
  inputs: readonly Value[],
  attributes: Readonly<Record<string, AttributeValue>>,
  dtype: Dtype,
  shape: Shape,
): Value {
  const [value] = applyMany(op, inputs, attributes, [{ dtype, shape }]);
  if (!value) throw new ShapeError(`${op}: made no output`);
  return value;
}

/** @throws ShapeError naming the operator when a value has another dtype than one of `dtypes` */
export function expectDtype(op: string, value: Value, ...dtypes: readonly Dtype[]): void {
  if (!dtypes.includes(value.dtype)) {
    throw new ShapeError(`${op}: expected ${dtypes.join(' or ')}, got ${describeValue(value)}`);
  }
}

/** The axis counted from the front. @throws ShapeError when it is out of range */
export function resolveAxis(op: string, value: Value, axis: number): number {
  const rank = value.shape.length;
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new ShapeError(`${op}: axis ${axis} is out of range for ${describeValue(value)}`);
  }
  return resolved;
}

/** The size along an axis of a shape. @throws ShapeError when the axis does not exist */
export function sizeAt(shape: Shape, axis: number): Dimension {
  const size = shape.at(axis);
  if (size === undefined) throw new ShapeError(`shape ${formatShape(shape)} has no axis ${axis}`);
  return size;
}
