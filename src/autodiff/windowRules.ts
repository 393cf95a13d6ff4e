// Gradients of the operators that slide a window. Of convolutions they go to what is convolved and to the bias: the kernels
// are weights of files that somebody brings, which nobody trains here.

import { cast, equal, mul } from '../onnx/elementwise.ts';
import { concat, gather, reshape, slice, transpose, unsqueeze } from '../onnx/layout.ts';
import { cumulativeSum, reduceSum } from '../onnx/reduction.ts';
import { constant, int32, type Operation, ShapeError, sizeAt, type Value } from '../onnx/value.ts';
import { conv, convTranspose } from '../onnx/windows.ts';
import { sumByIndex } from './gatherRules.ts';
import { inputOf, integerAttribute, outputOf, type Rule } from './rule.ts';

function integers({ op, attributes }: Operation, name: string): readonly number[] {
  const value = attributes[name];
  if (!Array.isArray(value)) throw new ShapeError(`${op}: has no attribute '${name}'`);
  return value;
}

const optionsOf = (operation: Operation) => ({
  strides: integers(operation, 'strides'),
  pads: integers(operation, 'pads'),
  dilations: integers(operation, 'dilations'),
});

const ofKernel = (operation: Operation) => (): never => {
  throw new ShapeError(`${operation.op}: its kernel has no gradient here, only what it is applied to has.`);
};

/** Σ over all axes but that of the channels. */
const ofBias = (g: Value) => (): Value => {
  const axes = g.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  return reduceSum(g, { axes, keepDimensions: false });
};

const convolution: Rule = (g, operation) => {
  const [x, weight] = [inputOf(operation, 0), inputOf(operation, 1)];
  const options = { ...optionsOf(operation), group: integerAttribute(operation, 'group') };
  const { strides, pads, dilations } = options;
  const kernel = integers(operation, 'kernel_shape');
  // What lies behind the last window, where the strides leave a rest.
  const outputPadding = kernel.map((size, axis) => {
    const whole = Number(sizeAt(x.shape, axis + 2)) + (pads[axis] ?? 0) + (pads[axis + kernel.length] ?? 0);
    const steps = (Number(sizeAt(g.shape, axis + 2)) - 1) * (strides[axis] ?? 1);
    return whole - steps - (size - 1) * (dilations[axis] ?? 1) - 1;
  });
  return [() => convTranspose(g, weight, { ...options, outputPadding }), ofKernel(operation), ofBias(g)];
};

const spreading: Rule = (g, operation) => {
  const group = integerAttribute(operation, 'group');
  const weight = inputOf(operation, 1);
  return [() => conv(g, weight, { ...optionsOf(operation), group }), ofKernel(operation), ofBias(g)];
};

/** Entries of a value around which there are more. */
function surrounded(x: Value, axis: number, before: number, behind: number, filled: number): Value {
  const block = (size: number): readonly Value[] => {
    if (size === 0) return [];
    const shape = x.shape.map((own, at) => (at === axis ? size : Number(own)));
    const count = shape.reduce((product, own) => product * own, 1);
    return [constant(new Float32Array(count).fill(filled), shape)];
  };
  return concat([...block(before), x, ...block(behind)], axis);
}

/** The gradient of a window goes to the first of its largest entries, as PyTorch gives it. */
const largest: Rule = (g, operation) => {
  const [x, y] = [inputOf(operation, 0), outputOf(operation)];
  const { strides, pads, dilations } = optionsOf(operation);
  const kernel = integers(operation, 'kernel_shape');
  const rank = kernel.length;
  const counts = kernel.map((_, axis) => Number(sizeAt(y.shape, axis + 2)));
  const lead = x.shape.slice(0, 2);
  // [windows * entries] places along each padded axis.
  const indices = kernel.map((size, axis) => {
    const at = (i: number) =>
      Math.floor(i / size) * (strides[axis] ?? 1) + (i % size) * (dilations[axis] ?? 1);
    const length = (counts[axis] ?? 1) * size;
    return int32(
      Int32Array.from({ length }, (_, i) => at(i)),
      [length],
    );
  });
  const lowest = -3.4028234663852886e38;
  const from = (axis: number) => pads[axis] ?? 0;
  const behind = (axis: number): number => {
    const last = ((counts[axis] ?? 1) - 1) * (strides[axis] ?? 1);
    const reached = last + ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    return Math.max(0, reached - from(axis) - Number(sizeAt(x.shape, axis + 2)));
  };
  const around = kernel.reduce(
    (value, _, axis) => surrounded(value, axis + 2, from(axis), behind(axis), lowest),
    x,
  );
  // [batch, channels, windows, entries, windows, entries, ...], then all windows before all entries.
  const apart = [...lead, ...kernel.flatMap((size, axis) => [counts[axis] ?? 1, size])];
  const order = [0, 1, ...kernel.map((_, axis) => 2 + 2 * axis), ...kernel.map((_, axis) => 3 + 2 * axis)];
  const entries = kernel.reduce((product, size) => product * size, 1);
  return [
    () => {
      const taken = indices.reduce((value, index, axis) => gather(value, index, axis + 2), around);
      const windows = reshape(transpose(reshape(taken, apart), order), [...lead, ...counts, entries]);
      const isLargest = cast(equal(windows, unsqueeze(y, [2 + rank])), 'float32');
      const isFirst = cast(equal(cumulativeSum(isLargest, 2 + rank), constant(1)), 'float32');
      const shares = mul(mul(isLargest, isFirst), unsqueeze(g, [2 + rank]));
      const back = transpose(
        reshape(shares, [...lead, ...counts, ...kernel]),
        order.map((_, axis) => order.indexOf(axis)),
      );
      const flat = reshape(back, [...lead, ...kernel.map((size, axis) => (counts[axis] ?? 1) * size)]);
      // Axis by axis what was taken is added where it was; the axes before are whole again by then.
      return indices.reduce((value, index, axis) => {
        const size = Number(sizeAt(around.shape, axis + 2));
        const whole = placeholder(value, axis + 2, size);
        const summed = sumByIndex(value, whole, index, axis + 2);
        return slice(summed, axis + 2, from(axis), from(axis) + Number(sizeAt(x.shape, axis + 2)));
      }, flat);
    },
  ];
};

/** A value of which only the shape is read. */
const placeholder = (x: Value, axis: number, size: number): Value => ({
  ...x,
  shape: x.shape.map((own, at) => (at === axis ? size : own)),
});

export const windowRules: Readonly<Record<string, Rule>> = {
  Conv: convolution,
  ConvTranspose: spreading,
  MaxPool: largest,
};
