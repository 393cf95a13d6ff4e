// What an edit puts in, as tensors: the value and the mask of a graph's edit, or the edited tensor itself between two stages.

import { quoted } from '../messages/wording.ts';
import { SiteError } from './plan.ts';
import type { ScheduledEdit } from './schedule.ts';
import {
  bytesOf,
  bytesPerElement,
  sizeOf,
  stridesOf,
  type Tensor,
  tensorFrom,
  tensorOfBytes,
} from './tensor.ts';

/** @throws SiteError when an index is past the end of its axis */
function requireIndices(name: string, axis: number, indices: readonly number[], size: number): void {
  const past = indices.find((index) => !(Number.isInteger(index) && index >= 0 && index < size));
  if (past !== undefined)
    throw new SiteError(
      `Axis ${axis} of ${quoted(name)} has ${size} places; ${past} is past the last, ${size - 1}.`,
    );
}

/** Copy places of one tensor onto places of another along an axis. */
function place(
  into: Uint8Array,
  shape: readonly number[],
  axis: number,
  to: readonly number[],
  from: Tensor,
  fromIndices: readonly number[],
): void {
  const width = bytesPerElement(from.dtype);
  const inner = (stridesOf(shape)[axis] ?? 1) * width;
  const outer = sizeOf(shape.slice(0, axis));
  const source = bytesOf(from);
  const [ownSize, sourceSize] = [shape[axis] ?? 1, from.shape[axis] ?? 1];
  for (let block = 0; block < outer; block++) {
    for (const [at, index] of to.entries()) {
      const start = (block * sourceSize + (fromIndices[at] ?? 0)) * inner;
      into.set(source.subarray(start, start + inner), (block * ownSize + index) * inner);
    }
  }
}

const sameOthers = (a: readonly number[], b: readonly number[], axis: number): boolean =>
  a.length === b.length && a.every((size, at) => at === axis || size === b[at]);

/** Copy entries, one for one. @throws SiteError when one is past the end, or there are not as many */
function placeEntries(
  into: Uint8Array,
  { tensor: name, entries = new Int32Array() }: ScheduledEdit,
  from: Tensor,
  fromEntries: Int32Array | undefined,
): void {
  const width = bytesPerElement(from.dtype);
  const source = bytesOf(from);
  const count = into.length / width;
  if (fromEntries && fromEntries.length !== entries.length)
    throw new SiteError(
      `${entries.length} entries of ${quoted(name)} are to take ${fromEntries.length} others.`,
    );
  for (const [index, to] of entries.entries()) {
    const at = fromEntries ? (fromEntries[index] ?? 0) : to;
    if (!(to >= 0 && to < count && at >= 0 && (at + 1) * width <= source.length))
      throw new SiteError(`${quoted(name)} has ${count} entries; ${to} takes from ${at}.`);
    into.set(source.subarray(at * width, (at + 1) * width), to * width);
  }
}

/** What an edit of entries puts in: of another row's tensor, or numbers one after the other. */
function entriesIn(
  edit: ScheduledEdit,
  { dtype, shape }: Pick<Tensor, 'dtype' | 'shape'>,
  source?: Tensor,
): Tensor {
  const { value } = edit;
  if (value.kind === 'number') return tensorFrom(dtype, shape, () => value.value);
  const bytes = new Uint8Array(sizeOf(shape) * bytesPerElement(dtype));
  if (value.kind === 'numbers') {
    const { numbers } = value;
    const given = tensorFrom(dtype, [numbers.length], (at) => numbers[at] ?? 0);
    placeEntries(
      bytes,
      edit,
      given,
      Int32Array.from(numbers, (_, at) => at),
    );
  } else if (value.kind === 'row' && source) placeEntries(bytes, edit, source, value.entries);
  else throw new SiteError(`What is to be put into ${quoted(edit.tensor)} was not computed.`);
  return tensorOfBytes(dtype, shape, bytes);
}

/** Whether an edit leaves some of the tensor as it was. */
export const isPartial = ({ places, entries }: ScheduledEdit): boolean =>
  places !== undefined || entries !== undefined;

/**
 * The numbers that an edit puts in.
 * @param shape  of the tensor in this row
 * @param source the source's tensor, where another row is one
 * @returns a tensor of that shape; outside of the places its numbers mean nothing
 * @throws SiteError when shapes or indices do not fit
 */
export function putIn(edit: ScheduledEdit, base: Pick<Tensor, 'dtype' | 'shape'>, source?: Tensor): Tensor {
  const { tensor: name, places, value } = edit;
  const { dtype, shape } = base;
  if (edit.entries) return entriesIn(edit, base, source);
  if (places) requireIndices(name, places.axis, places.indices, shape[places.axis] ?? 1);
  if (value.kind === 'number') return tensorFrom(dtype, shape, () => value.value);
  const given = value.kind === 'tensor' ? value.tensor : source;
  if (!given) throw new SiteError(`What is to be put into ${quoted(name)} was not computed.`);
  if (given.dtype !== dtype)
    throw new SiteError(`${quoted(name)} holds ${dtype}; what is to be put in holds ${given.dtype}.`);
  if (!places) {
    if (given.shape.length === shape.length && given.shape.every((size, axis) => size === shape[axis]))
      return given;
    throw new SiteError(
      `${quoted(name)} has the shape [${shape.join(', ')}] and what is to be put in [${given.shape.join(', ')}]. They can be interchanged only place by place.`,
    );
  }
  const { axis, indices } = places;
  if (!sameOthers(given.shape, shape, axis))
    throw new SiteError(
      `${quoted(name)} has the shape [${shape.join(', ')}] and what is to be put in [${given.shape.join(', ')}]: they differ beside axis ${axis}.`,
    );
  // A tensor that is given holds the places alone, or the whole, as its size along the axis says.
  const isPlacesOnly = value.kind === 'tensor' && given.shape[axis] === indices.length;
  const from =
    value.kind === 'row' ? (value.indices ?? indices) : isPlacesOnly ? indices.map((_, at) => at) : indices;
  if (from.length !== indices.length)
    throw new SiteError(
      `${indices.length} places of ${quoted(name)} are to take ${from.length} others; they are taken one for one.`,
    );
  requireIndices(name, axis, from, given.shape[axis] ?? 1);
  const bytes = new Uint8Array(sizeOf(shape) * bytesPerElement(dtype));
  place(bytes, shape, axis, indices, given, from);
  return tensorOfBytes(dtype, shape, bytes);
}

/** True at the places of an edit; of size one along all axes but the edit's and the batch's. */
export function maskOf(edit: ScheduledEdit, shape: readonly number[], batchAxis: number): Tensor {
  if (edit.entries) {
    const mask = new Uint8Array(sizeOf(shape));
    for (const entry of edit.entries) mask[entry] = 1;
    return { dtype: 'bool', shape, data: mask };
  }
  const axis = edit.places?.axis ?? -1;
  const own = shape.map((size, at) => (at === axis || at === batchAxis ? size : 1));
  const step = stridesOf(own)[axis] ?? 1;
  const places = new Set(edit.places?.indices);
  return tensorFrom('bool', own, (index) =>
    places.has(Math.floor(index / step) % (own[axis] ?? 1)) ? 1 : 0,
  );
}

/** The tensor with the edit made: between two stages. */
export function edited(edit: ScheduledEdit, base: Tensor, source?: Tensor): Tensor {
  const value = putIn(edit, base, source);
  if (!isPartial(edit)) return value;
  const bytes = Uint8Array.from(bytesOf(base));
  if (edit.entries) placeEntries(bytes, edit, value, undefined);
  if (!edit.places) return tensorOfBytes(base.dtype, base.shape, bytes);
  const { axis, indices } = edit.places;
  place(bytes, base.shape, axis, indices, value, indices);
  return tensorOfBytes(base.dtype, base.shape, bytes);
}
