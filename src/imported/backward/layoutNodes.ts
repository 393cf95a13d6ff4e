// Nodes that move entries without computing.

import { where } from '../../onnx/elementwise.ts';
import {
  concat,
  gather,
  gatherElements,
  reshape,
  slice,
  squeeze,
  transpose,
  unsqueeze,
} from '../../onnx/layout.ts';
import { checkedConstant, constant, int32, type Value } from '../../onnx/value.ts';
import { axisOf, type NodeScope, sizesOf, type Translate } from './nodeScope.ts';

const countOf = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);

/** Places along an axis, in any order and number. */
function picked(x: Value, axis: number, places: readonly number[]): Value {
  const isAll = places.length === x.shape[axis] && places.every((place, at) => place === at);
  return isAll ? x : gather(x, int32(Int32Array.from(places), [places.length]), axis);
}

const reshaped: Translate = (scope) => {
  const x = scope.value(0);
  const sizes = sizesOf(x);
  const copies = scope.integer('allowzero', 0) === 0;
  const target = scope.integersOrOperand('shape', 1) ?? [];
  const known = target.map((size, axis) => (size === 0 && copies ? (sizes[axis] ?? 0) : size));
  const rest = countOf(known.filter((size) => size !== -1));
  return reshape(
    x,
    known.map((size) => (size === -1 ? countOf(sizes) / rest : size)),
  );
};

const flattened: Translate = (scope) => {
  const x = scope.value(0);
  const sizes = sizesOf(x);
  const axis = axisOf(x, scope.integer('axis', 1));
  return reshape(x, [countOf(sizes.slice(0, axis)), countOf(sizes.slice(axis))]);
};

const squeezed: Translate = (scope) => {
  const x = scope.value(0);
  const ones = sizesOf(x).flatMap((size, axis) => (size === 1 ? [axis] : []));
  const axes = scope.integersOrOperand('axes', 1)?.map((axis) => axisOf(x, axis)) ?? ones;
  return axes.length === 0 ? x : squeeze(x, axes);
};

const unsqueezed: Translate = (scope) => {
  const x = scope.value(0);
  const axes = scope.integersOrOperand('axes', 1) ?? [];
  const rank = x.shape.length + axes.length;
  return unsqueeze(
    x,
    axes.map((axis) => (axis < 0 ? axis + rank : axis)),
  );
};

/** Bounds and steps as ONNX cuts them to an axis. */
function placesOf(size: number, start: number, end: number, step: number): readonly number[] {
  const clamp = (at: number, low: number, high: number): number => Math.min(Math.max(at, low), high);
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  const places: number[] = [];
  if (step > 0) for (let at = clamp(from, 0, size); at < clamp(to, 0, size); at += step) places.push(at);
  else for (let at = clamp(from, -1, size - 1); at > clamp(to, -1, size - 1); at += step) places.push(at);
  return places;
}

const sliced: Translate = (scope) => {
  const starts = scope.integersOrOperand('starts', 1) ?? [];
  const ends = scope.integersOrOperand('ends', 2) ?? [];
  const axes = scope.integersOrOperand('axes', 3) ?? starts.map((_, axis) => axis);
  const steps = scope.has(4) ? scope.numbers(4) : starts.map(() => 1);
  return axes.reduce((x, each, index) => {
    const axis = axisOf(x, each);
    const step = steps[index] ?? 1;
    const places = placesOf(Number(x.shape[axis]), starts[index] ?? 0, ends[index] ?? 0, step);
    const [first, last] = [places[0], places.at(-1)];
    if (first === undefined || last === undefined) throw scope.problem('takes nothing of an axis');
    return step === 1 ? slice(x, axis, first, last + 1) : picked(x, axis, places);
  }, scope.value(0));
};

const split: Translate = (scope) => {
  const x = scope.value(0);
  const axis = axisOf(x, scope.integer('axis', 0));
  const size = Number(x.shape[axis]);
  const parts = scope.integer('num_outputs', scope.node.outputs.length);
  const each = Math.ceil(size / parts);
  const sizes =
    scope.integersOrOperand('split', 1) ??
    Array.from({ length: parts }, (_, part) => Math.min(each, size - part * each));
  let from = 0;
  return sizes.map((own) => {
    from += own;
    return own === 0 ? undefined : slice(x, axis, from - own, from);
  });
};

/** Repeated to these sizes, where it has one place along an axis or lacks it. */
function expanded(x: Value, target: readonly number[]): Value {
  const rank = Math.max(target.length, x.shape.length);
  const shape = Array.from({ length: rank }, (_, axis) =>
    Math.max(target[axis - rank + target.length] ?? 1, Number(x.shape[axis - rank + x.shape.length] ?? 1)),
  );
  // The condition carries the shape alone.
  const never = checkedConstant('bool', new Uint8Array(countOf(shape)), shape);
  return where(never, constant(0), x);
}

const tiled: Translate = (scope) =>
  scope.numbers(1).reduce((x, repeats, axis) => {
    const size = Number(x.shape[axis]);
    return picked(
      x,
      axis,
      Array.from({ length: size * repeats }, (_, place) => place % size),
    );
  }, scope.value(0));

/** Places of the source along a padded axis: its own, mirrored at its ends or those at its ends. */
function paddedPlaces(size: number, before: number, behind: number, mode: string): readonly number[] {
  return Array.from({ length: before + size + behind }, (_, at) => {
    const place = at - before;
    if (mode === 'edge') return Math.min(Math.max(place, 0), size - 1);
    if (mode === 'wrap') return ((place % size) + size) % size;
    return place < 0 ? -place : place >= size ? 2 * (size - 1) - place : place;
  });
}

const padded: Translate = (scope) => {
  const mode = scope.text('mode', 'constant');
  const pads = scope.integersOrOperand('pads', 1) ?? [];
  const axes = scope.has(3) ? scope.numbers(3) : pads.slice(0, pads.length / 2).map((_, axis) => axis);
  const filled = scope.has(2) ? (scope.numbers(2)[0] ?? 0) : scope.float('value', 0);
  return axes.reduce((x, each, index) => {
    const axis = axisOf(x, each);
    const [before, behind] = [pads[index] ?? 0, pads[index + axes.length] ?? 0];
    if (before < 0 || behind < 0) {
      const size = Number(x.shape[axis]);
      if (before > 0 || behind > 0) throw scope.problem('pads one end of an axis and cuts the other');
      return slice(x, axis, -before, size + behind);
    }
    if (mode !== 'constant')
      return picked(x, axis, paddedPlaces(Number(x.shape[axis]), before, behind, mode));
    const block = (size: number): readonly Value[] => {
      const shape = sizesOf(x).with(axis, size);
      return size === 0 ? [] : [constant(new Float32Array(countOf(shape)).fill(filled), shape)];
    };
    return concat([...block(before), x, ...block(behind)], axis);
  }, scope.value(0));
};

const triangle: Translate = (scope) => {
  const x = scope.value(0);
  const [rows = 1, columns = 1] = sizesOf(x).slice(-2);
  const k = scope.has(1) ? (scope.numbers(1)[0] ?? 0) : 0;
  const upper = scope.integer('upper', 1) === 1;
  const kept = Uint8Array.from({ length: rows * columns }, (_, at) => {
    const apart = (at % columns) - Math.floor(at / columns);
    return Number(upper ? apart >= k : apart <= k);
  });
  return where(checkedConstant('bool', kept, [rows, columns]), x, constant(0));
};

/** [batch, channels, rows, columns] with blocks of a picture among its channels, or the other way. */
const depthToSpace: Translate = (scope) => {
  const x = scope.value(0);
  const [batch = 1, channels = 1, rows = 1, columns = 1] = sizesOf(x);
  const size = scope.integer('blocksize', 1);
  const left = channels / size ** 2;
  const isDepthFirst = scope.text('mode', 'DCR') === 'DCR';
  const apart = isDepthFirst
    ? transpose(reshape(x, [batch, size, size, left, rows, columns]), [0, 3, 4, 1, 5, 2])
    : transpose(reshape(x, [batch, left, size, size, rows, columns]), [0, 1, 4, 2, 5, 3]);
  return reshape(apart, [batch, left, rows * size, columns * size]);
};

const spaceToDepth: Translate = (scope) => {
  const x = scope.value(0);
  const [batch = 1, channels = 1, rows = 1, columns = 1] = sizesOf(x);
  const size = scope.integer('blocksize', 1);
  const [down, across] = [rows / size, columns / size];
  const apart = transpose(reshape(x, [batch, channels, down, size, across, size]), [0, 3, 5, 1, 2, 4]);
  return reshape(apart, [batch, channels * size ** 2, down, across]);
};

const gathered = (scope: NodeScope, take: typeof gather): Value => {
  const x = scope.value(0);
  const axis = axisOf(x, scope.integer('axis', 0));
  return take(x, scope.indices(1, Number(x.shape[axis])), axis);
};

export const layoutNodes: Readonly<Record<string, Translate>> = {
  Reshape: reshaped,
  Flatten: flattened,
  Squeeze: squeezed,
  Unsqueeze: unsqueezed,
  Slice: sliced,
  Split: split,
  Tile: tiled,
  Pad: padded,
  Trilu: triangle,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Transpose: (scope) => {
    const x = scope.value(0);
    return transpose(x, scope.integers('perm') ?? x.shape.map((_, axis) => axis).reverse());
  },
  Concat: (scope) => {
    const [first, ...rest] = scope.values();
    if (!first) throw scope.problem('joins nothing');
    return concat([first, ...rest], axisOf(first, scope.integer('axis', 1)));
  },
  Expand: (scope) => expanded(scope.value(0), scope.numbers(1)),
  Gather: (scope) => gathered(scope, gather),
  GatherElements: (scope) => gathered(scope, gatherElements),
};
