// Operators that slide a window over the axes behind the channels: convolutions and pooling, of any number of such axes,
// whose sizes are known. Strides, pads and dilations are always written, so that whoever reads an operation finds them.

import {
  apply,
  describeValue,
  expectDtype,
  formatShape,
  type Shape,
  ShapeError,
  sizeAt,
  type Value,
} from './value.ts';

export interface WindowOptions {
  /** One for each axis that the window slides along; default 1. */
  readonly strides?: readonly number[];
  /** Entries in front of each axis, then behind each; default 0. */
  readonly pads?: readonly number[];
  /** Steps between the entries of a window; default 1. */
  readonly dilations?: readonly number[];
}

export interface ConvolutionOptions extends WindowOptions {
  /** Channels are convolved in so many groups, each by itself; default 1. */
  readonly group?: number;
  /** [channels of the result] */
  readonly bias?: Value;
}

interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

/** The sizes that a window slides along. @throws ShapeError where one is a name, or the options are not of as many axes */
function slidAlong(op: string, x: Value, kernel: readonly number[], options: WindowOptions) {
  expectDtype(op, x, 'float32');
  const sizes = x.shape.slice(2).map(Number);
  const count = kernel.length;
  const { strides = kernel.map(() => 1), dilations = kernel.map(() => 1) } = options;
  const { pads = [...kernel, ...kernel].map(() => 0) } = options;
  if (sizes.length !== count || count === 0 || sizes.some((size) => !Number.isInteger(size)))
    throw new ShapeError(
      `${op}: a window ${formatShape(kernel)} does not slide over ${describeValue(x)}, whose sizes behind the channels must be known`,
    );
  if (strides.length !== count || dilations.length !== count || pads.length !== 2 * count)
    throw new ShapeError(`${op}: strides, pads and dilations must be those of ${count} axes`);
  return { sizes, kernel, strides, pads, dilations };
}

/** Entries from the first of a window to the one behind its last. */
const reach = ({ kernel, dilations }: Windows, axis: number): number =>
  ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;

const padded = ({ pads, kernel }: Windows, axis: number): number =>
  (pads[axis] ?? 0) + (pads[axis + kernel.length] ?? 0);

/** How many windows there are along each axis. */
function windowCounts(op: string, sizes: readonly number[], windows: Windows): readonly number[] {
  const counts = sizes.map(
    (size, axis) =>
      Math.floor((size + padded(windows, axis) - reach(windows, axis)) / (windows.strides[axis] ?? 1)) + 1,
  );
  if (counts.some((count) => count < 1))
    throw new ShapeError(
      `${op}: a window ${formatShape(windows.kernel)} is larger than ${formatShape(sizes)}`,
    );
  return counts;
}

const kernelOf = (op: string, weight: Value): readonly number[] => {
  expectDtype(op, weight, 'float32');
  return weight.shape.slice(2).map(Number);
};

const attributesOf = ({ kernel, strides, pads, dilations }: Windows) => ({
  kernel_shape: kernel,
  strides,
  pads,
  dilations,
});

/** @throws ShapeError when channels, groups or the bias do not fit */
function checkChannels(op: string, x: Value, own: number, group: number, made: number, bias?: Value): void {
  const channels = sizeAt(x.shape, 1);
  if (channels !== own || made % group !== 0)
    throw new ShapeError(
      `${op}: a kernel for ${own} channels in ${group} groups does not fit ${describeValue(x)}`,
    );
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== made))
    throw new ShapeError(`${op}: bias ${describeValue(bias)} does not fit ${made} channels`);
}

/**
 * @param x      [batch, channels, ...sizes]
 * @param weight [results, channels / group, ...window]
 * @returns      [batch, results, ...windows]
 */
export function conv(x: Value, weight: Value, options: ConvolutionOptions = {}): Value {
  const { group = 1, bias } = options;
  const windows = slidAlong('Conv', x, kernelOf('Conv', weight), options);
  const results = Number(sizeAt(weight.shape, 0));
  checkChannels('Conv', x, Number(sizeAt(weight.shape, 1)) * group, group, results, bias);
  const shape: Shape = [sizeAt(x.shape, 0), results, ...windowCounts('Conv', windows.sizes, windows)];
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return apply('Conv', inputs, { ...attributesOf(windows), group }, 'float32', shape);
}

/**
 * What a convolution with this kernel does, the other way: each entry of `x` is spread over its window.
 * @param x      [batch, channels, ...windows]
 * @param weight [channels, results / group, ...window]
 * @param options `outputPadding`: entries behind each axis that no window reaches
 * @returns      [batch, results, ...sizes]
 */
export function convTranspose(
  x: Value,
  weight: Value,
  options: ConvolutionOptions & { readonly outputPadding?: readonly number[] } = {},
): Value {
  const op = 'ConvTranspose';
  const { group = 1, bias } = options;
  const windows = slidAlong(op, x, kernelOf(op, weight), options);
  const { outputPadding = windows.kernel.map(() => 0) } = options;
  const results = Number(sizeAt(weight.shape, 1)) * group;
  checkChannels(op, x, Number(sizeAt(weight.shape, 0)), group, results, bias);
  const sizes = windows.sizes.map(
    (count, axis) =>
      (count - 1) * (windows.strides[axis] ?? 1) +
      reach(windows, axis) -
      padded(windows, axis) +
      (outputPadding[axis] ?? 0),
  );
  return apply(
    op,
    bias ? [x, weight, bias] : [x, weight],
    { ...attributesOf(windows), group, output_padding: outputPadding },
    'float32',
    [sizeAt(x.shape, 0), results, ...sizes],
  );
}

/**
 * The largest entry of each window; what is padded is never it.
 * @param x       [batch, channels, ...sizes]
 * @param kernel  sizes of the window
 * @returns       [batch, channels, ...windows]
 */
export function maxPool(x: Value, kernel: readonly number[], options: WindowOptions = {}): Value {
  const windows = slidAlong('MaxPool', x, kernel, options);
  const shape = [...x.shape.slice(0, 2), ...windowCounts('MaxPool', windows.sizes, windows)];
  return apply('MaxPool', [x], attributesOf(windows), 'float32', shape);
}
