// Nodes that slide a window over a picture or a sound, and those that make it larger or smaller. Averages and resizing are
// sums with fixed factors along each axis: products with a matrix.

import { matMul } from '../../onnx/contraction.ts';
import { transpose } from '../../onnx/layout.ts';
import { constant, type Value } from '../../onnx/value.ts';
import { conv, convTranspose, maxPool } from '../../onnx/windows.ts';
import { type NodeScope, sizesOf, type Translate } from './nodeScope.ts';

interface Slide {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** In front of each axis, then behind each. */
  readonly pads: readonly number[];
}

const reachOf = (size: number, dilation: number): number => (size - 1) * dilation + 1;

function slideOf(scope: NodeScope, x: Value, kernel: readonly number[]): Slide {
  const strides = scope.integers('strides') ?? kernel.map(() => 1);
  const dilations = scope.integers('dilations') ?? kernel.map(() => 1);
  const auto = scope.text('auto_pad', 'NOTSET');
  const given = scope.integers('pads') ?? [...kernel, ...kernel].map(() => 0);
  if (auto === 'NOTSET' || auto === '') return { kernel, strides, dilations, pads: given };
  const totals = kernel.map((size, axis) => {
    if (auto === 'VALID') return 0;
    const length = Number(x.shape[axis + 2]);
    const stride = strides[axis] ?? 1;
    const windows = Math.ceil(length / stride);
    return Math.max(0, (windows - 1) * stride + reachOf(size, dilations[axis] ?? 1) - length);
  });
  const front = totals.map((total) => (auto === 'SAME_LOWER' ? Math.ceil(total / 2) : Math.floor(total / 2)));
  return {
    kernel,
    strides,
    dilations,
    pads: [...front, ...totals.map((total, axis) => total - (front[axis] ?? 0))],
  };
}

/** With the padding behind that makes room for the last window, where its sizes are rounded up. */
function roundedUp(scope: NodeScope, x: Value, slide: Slide): Slide {
  if (scope.integer('ceil_mode', 0) !== 1) return slide;
  const { kernel, strides, dilations, pads } = slide;
  const behind = kernel.map((size, axis) => {
    const [front, own] = [pads[axis] ?? 0, pads[axis + kernel.length] ?? 0];
    const length = Number(x.shape[axis + 2]);
    const reach = reachOf(size, dilations[axis] ?? 1);
    const stride = strides[axis] ?? 1;
    const windows = Math.ceil((length + front + own - reach) / stride) + 1;
    // A window that would begin behind the end is left out.
    const last = (windows - 1) * stride >= length + front ? windows - 1 : windows;
    return Math.max(own, (last - 1) * stride + reach - length - front);
  });
  return { ...slide, pads: [...pads.slice(0, kernel.length), ...behind] };
}

const kernelOf = (scope: NodeScope, weight: Value): readonly number[] =>
  scope.integers('kernel_shape') ?? sizesOf(weight).slice(2);

const convolution: Translate = (scope) => {
  const [x, weight] = [scope.value(0), scope.value(1)];
  const bias = scope.has(2) ? { bias: scope.value(2) } : {};
  return conv(x, weight, {
    ...slideOf(scope, x, kernelOf(scope, weight)),
    group: scope.integer('group', 1),
    ...bias,
  });
};

const transposedConvolution: Translate = (scope) => {
  const [x, weight] = [scope.value(0), scope.value(1)];
  if (scope.integers('output_shape') || !['NOTSET', ''].includes(scope.text('auto_pad', 'NOTSET')))
    throw scope.problem('works its padding out from the size of its result');
  const outputPadding = scope.integers('output_padding');
  return convTranspose(x, weight, {
    ...slideOf(scope, x, kernelOf(scope, weight)),
    group: scope.integer('group', 1),
    ...(outputPadding ? { outputPadding } : {}),
    ...(scope.has(2) ? { bias: scope.value(2) } : {}),
  });
};

const largest: Translate = (scope) => {
  const x = scope.value(0);
  const kernel = scope.integers('kernel_shape') ?? [];
  return [maxPool(x, kernel, roundedUp(scope, x, slideOf(scope, x, kernel))), undefined];
};

/** Sums with fixed factors along an axis. @param rows for each place of the result the factors of the places of x */
function mapped(x: Value, axis: number, rows: readonly Float32Array[]): Value {
  const size = Number(x.shape[axis]);
  const turned = new Float32Array(size * rows.length);
  for (const [to, factors] of rows.entries())
    for (const [from, factor] of factors.entries()) turned[from * rows.length + to] = factor;
  const last = x.shape.length - 1;
  const order = x.shape.map((_, at) => (at === axis ? last : at === last ? axis : at));
  const aside = axis === last ? x : transpose(x, order);
  const made = matMul(aside, constant(turned, [size, rows.length]));
  return axis === last ? made : transpose(made, order);
}

const averages: Translate = (scope) => {
  const x = scope.value(0);
  const kernel = scope.integers('kernel_shape') ?? [];
  const plain = slideOf(scope, x, kernel);
  const { strides, dilations, pads } = roundedUp(scope, x, plain);
  const countsPads = scope.integer('count_include_pad', 0) === 1;
  return kernel.reduce((value, size, axis) => {
    const length = Number(value.shape[axis + 2]);
    const [front, behind] = [pads[axis] ?? 0, pads[axis + kernel.length] ?? 0];
    const [stride, dilation] = [strides[axis] ?? 1, dilations[axis] ?? 1];
    const windows = Math.floor((length + front + behind - reachOf(size, dilation)) / stride) + 1;
    // Padding that only the rounding up made room for is never counted.
    const padded = length + (plain.pads[axis + kernel.length] ?? 0);
    const rows = Array.from({ length: windows }, (_, window) => {
      const places = Array.from({ length: size }, (_, at) => window * stride + at * dilation - front);
      const within = places.filter((place) => place >= 0 && place < length);
      const counted = countsPads ? places.filter((place) => place < padded).length : within.length;
      const factors = new Float32Array(length);
      for (const place of within) factors[place] = 1 / counted;
      return factors;
    });
    return mapped(value, axis + 2, rows);
  }, x);
};

/** Where a place of the result lies in what is resized. */
function coordinate(
  scope: NodeScope,
  mode: string,
  at: number,
  from: number,
  to: number,
  scale: number,
): number {
  switch (mode) {
    case 'half_pixel':
      return (at + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return to > 1 ? (at + 0.5) / scale - 0.5 : 0;
    case 'asymmetric':
      return at / scale;
    case 'align_corners':
      return to > 1 ? (at * (from - 1)) / (to - 1) : 0;
    default:
      throw scope.problem(`places its entries by '${mode}'`);
  }
}

function rounded(at: number, mode: string): number {
  const below = Math.floor(at);
  const isHalf = at - below === 0.5;
  if (mode === 'floor') return below;
  if (mode === 'ceil') return Math.ceil(at);
  return isHalf && mode === 'round_prefer_floor' ? below : Math.round(at);
}

const resized: Translate = (scope) => {
  const x = scope.value(0);
  const mode = scope.text('mode', 'nearest');
  if (mode !== 'nearest' && mode !== 'linear') throw scope.problem(`resizes by '${mode}'`);
  if (scope.integer('antialias', 0) === 1 || scope.integers('axes'))
    throw scope.problem('resizes some axes alone, or smoothes them');
  if (scope.text('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    throw scope.problem('works its sizes out from the shape of the picture');
  const isOld = scope.version < 11;
  const places = scope.text('coordinate_transformation_mode', isOld ? 'asymmetric' : 'half_pixel');
  const nearest = scope.text('nearest_mode', isOld ? 'floor' : 'round_prefer_floor');
  const at = isOld ? 1 : 2;
  const scales = scope.has(at) ? scope.numbers(at) : [];
  const sizes = scope.has(3) ? scope.numbers(3) : [];
  return sizesOf(x).reduce((value, from, axis) => {
    const to = sizes[axis] ?? Math.floor(from * (scales[axis] ?? 1));
    const scale = scales[axis] ?? to / from;
    if (to === from && scale === 1) return value;
    const inside = (place: number): number => Math.min(Math.max(place, 0), from - 1);
    const rows = Array.from({ length: to }, (_, index) => {
      const factors = new Float32Array(from);
      const place = coordinate(scope, places, index, from, to, scale);
      if (mode === 'nearest') {
        factors[inside(rounded(place, nearest))] = 1;
        return factors;
      }
      const own = inside(place);
      const below = Math.floor(own);
      const above = inside(below + 1);
      factors[below] = (factors[below] ?? 0) + 1 - (own - below);
      factors[above] = (factors[above] ?? 0) + own - below;
      return factors;
    });
    return mapped(value, axis, rows);
  }, x);
};

export const windowNodes: Readonly<Record<string, Translate>> = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  MaxPool: largest,
  GlobalMaxPool: (scope) => maxPool(scope.value(0), sizesOf(scope.value(0)).slice(2)),
  AveragePool: averages,
  Resize: resized,
};
