// The operators that slide a window, in float64, entry by entry as their definitions say.

import type { Operation } from '../../onnx/value.ts';

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

interface Slide {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

// As windows.ts writes them.
const list = ({ attributes }: Operation, name: string): readonly number[] =>
  attributes[name] as readonly number[];

const slideOf = (operation: Operation): Slide => ({
  kernel: list(operation, 'kernel_shape'),
  strides: list(operation, 'strides'),
  pads: list(operation, 'pads'),
  dilations: list(operation, 'dilations'),
});

function* placesIn(sizes: readonly number[]): Generator<readonly number[]> {
  const [first, ...rest] = sizes;
  if (first === undefined) return yield [];
  for (let at = 0; at < first; at++) for (const inner of placesIn(rest)) yield [at, ...inner];
}

const offset = (shape: readonly number[], at: readonly number[]): number =>
  shape.reduce((sum, size, axis) => sum * size + (at[axis] ?? 0), 0);

const countOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Where an entry of a window lies along the axes that it slides along; undefined in the padding. */
function landing(
  { strides, pads, dilations }: Slide,
  sizes: readonly number[],
  window: readonly number[],
  entry: readonly number[],
): readonly number[] | undefined {
  const at = sizes.map(
    (_, axis) =>
      (window[axis] ?? 0) * (strides[axis] ?? 1) +
      (entry[axis] ?? 0) * (dilations[axis] ?? 1) -
      (pads[axis] ?? 0),
  );
  return at.every((place, axis) => place >= 0 && place < (sizes[axis] ?? 0)) ? at : undefined;
}

const windowsOf = ({ kernel, strides, pads, dilations }: Slide, sizes: readonly number[]): number[] =>
  sizes.map((size, axis) => {
    const span = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const whole = size + (pads[axis] ?? 0) + (pads[axis + sizes.length] ?? 0);
    return Math.floor((whole - span) / (strides[axis] ?? 1)) + 1;
  });

export function convolve(operation: Operation, x: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
  const slide = slideOf(operation);
  const group = Number(operation.attributes.group);
  const [batch = 1, , ...sizes] = x.shape;
  const [results = 1, own = 1] = weight.shape;
  const shape = [batch, results, ...windowsOf(slide, sizes)];
  const data = new Float64Array(countOf(shape));
  for (const [n = 0, m = 0, ...window] of placesIn(shape)) {
    let sum = bias?.data[m] ?? 0;
    const first = Math.floor(m / (results / group)) * own;
    for (const [c = 0, ...entry] of placesIn([own, ...slide.kernel])) {
      const at = landing(slide, sizes, window, entry);
      if (!at) continue;
      const value = x.data[offset(x.shape, [n, first + c, ...at])] ?? 0;
      sum += value * (weight.data[offset(weight.shape, [m, c, ...entry])] ?? 0);
    }
    data[offset(shape, [n, m, ...window])] = sum;
  }
  return { shape, data };
}

export function spread(operation: Operation, x: Tensor, weight: Tensor): Tensor {
  const slide = slideOf(operation);
  const group = Number(operation.attributes.group);
  const more = list(operation, 'output_padding');
  const [batch = 1, channels = 1, ...windows] = x.shape;
  const own = weight.shape[1] ?? 1;
  const sizes = windows.map((count, axis) => {
    const span = ((slide.kernel[axis] ?? 1) - 1) * (slide.dilations[axis] ?? 1) + 1;
    const pads = (slide.pads[axis] ?? 0) + (slide.pads[axis + windows.length] ?? 0);
    return (count - 1) * (slide.strides[axis] ?? 1) + span - pads + (more[axis] ?? 0);
  });
  const shape = [batch, own * group, ...sizes];
  const data = new Float64Array(countOf(shape));
  for (const [n = 0, c = 0, ...window] of placesIn(x.shape)) {
    const first = Math.floor(c / (channels / group)) * own;
    for (const [m = 0, ...entry] of placesIn([own, ...slide.kernel])) {
      const at = landing(slide, sizes, window, entry);
      if (!at) continue;
      const to = offset(shape, [n, first + m, ...at]);
      const value = x.data[offset(x.shape, [n, c, ...window])] ?? 0;
      data[to] = (data[to] ?? 0) + value * (weight.data[offset(weight.shape, [c, m, ...entry])] ?? 0);
    }
  }
  return { shape, data };
}

export function largestOfWindows(operation: Operation, x: Tensor): Tensor {
  const slide = slideOf(operation);
  const [batch = 1, channels = 1, ...sizes] = x.shape;
  const shape = [batch, channels, ...windowsOf(slide, sizes)];
  const data = new Float64Array(countOf(shape)).fill(Number.NEGATIVE_INFINITY);
  for (const [n = 0, c = 0, ...window] of placesIn(shape)) {
    const to = offset(shape, [n, c, ...window]);
    for (const entry of placesIn(slide.kernel)) {
      const at = landing(slide, sizes, window, entry);
      if (at) data[to] = Math.max(data[to] ?? 0, x.data[offset(x.shape, [n, c, ...at])] ?? 0);
    }
  }
  return { shape, data };
}
