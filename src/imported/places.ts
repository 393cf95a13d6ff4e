// Where in a tensor the positions of a figure lie: along one axis (tokens, bytes, time steps, the patches of a transformer), over
// the two axes of a picture, or nowhere, where the tensor is one thing. Many of them may be taken together as one.

import { quoted } from '../messages/wording.ts';
import { batchName } from './exampleInputs.ts';
import type { NormalGraph } from './piece.ts';
import { SiteError, type TensorEdit } from './plan.ts';
import type { TensorFacts } from './probe.ts';
import { sizeOf, stridesOf } from './tensor.ts';

/** The axes that positions lie along: none, one, or the two of a picture. */
export type PositionAxes = readonly [] | readonly [number] | readonly [number, number];

/** Positions of a tensor of known shape. */
export interface PlaceGrid {
  readonly axes: PositionAxes;
  readonly shape: readonly number[];
  /** Along each axis. */
  readonly counts: readonly number[];
}

/** Operators whose results of four axes lie as [batch, channels, height, width] by their definition. */
const spatial = new Set(['Conv', 'ConvTranspose', 'MaxPool', 'AveragePool', 'Resize', 'Upsample']);
/** Operators after which the axes of a picture are not where they were. */
const reordering = new Set(['Reshape', 'Flatten', 'Transpose', 'MatMul', 'Gemm', 'Einsum', 'Squeeze']);

type PictureAxes = readonly [1, 2] | readonly [2, 3];
type Shapes = ReadonlyMap<string, Pick<TensorFacts, 'shape'>>;

const pictures = new WeakMap<NormalGraph, ReadonlyMap<string, PictureAxes>>();

/** The tensors that lie as one does, on to what reorders them; spatial operators' results as those define. */
function spread(graph: NormalGraph, tensors: Shapes, from: Map<string, PictureAxes>): void {
  for (const { op, inputs, outputs } of graph.nodes) {
    const lying = inputs.map((name) => from.get(name)).find((axes) => axes !== undefined);
    const axes = spatial.has(op) ? ([2, 3] as const) : lying;
    if (axes === undefined || reordering.has(op)) continue;
    for (const name of outputs) if (tensors.get(name)?.shape.length === 4) from.set(name, axes);
  }
}

/**
 * How the inputs lie that are pictures: those with three colours in front or at the end, or that a spatial operator reads as
 * they are. An input of four axes may as well be a mask over pairs of tokens, or kept keys and values.
 */
function pictureInputs(graph: NormalGraph, tensors: Shapes): Map<string, PictureAxes> {
  const found = new Map<string, PictureAxes>();
  for (const { name, shape } of graph.inputs) {
    if (shape?.length !== 4) continue;
    const isRead = () => {
      const own = new Map<string, PictureAxes>([[name, [2, 3]]]);
      spread(graph, tensors, own);
      return graph.nodes.some(({ op, inputs }) => spatial.has(op) && own.has(inputs[0] ?? ''));
    };
    if (shape[1] === 3) found.set(name, [2, 3]);
    else if (shape[3] === 3) found.set(name, [1, 2]);
    else if (isRead()) found.set(name, [2, 3]);
  }
  return found;
}

/** The tensors that still lie as the picture does that the model reads. */
function pictureTensors(graph: NormalGraph, tensors: Shapes): ReadonlyMap<string, PictureAxes> {
  const known = pictures.get(graph);
  if (known) return known;
  const found = pictureInputs(graph, tensors);
  if (found.size > 0) spread(graph, tensors, found);
  pictures.set(graph, found);
  return found;
}

/** What an axis grows with, the batch left out. */
const growsWith = (role: string | null): string =>
  (role ?? '')
    .split(/[*+]/)
    .filter((word) => word !== batchName && !/^-?[\d.]*$/.test(word))
    .join('*');

/**
 * The axes that positions lie along, as what each axis grows with tells; of a tensor of fixed sizes, the one that exporters put
 * them on. Of scores for each pair, those of the queries.
 */
export function positionAxes(
  graph: NormalGraph,
  tensors: ReadonlyMap<string, Pick<TensorFacts, 'roles' | 'shape'>>,
  name: string,
): PositionAxes {
  const picture = pictureTensors(graph, tensors).get(name);
  if (picture) return picture;
  const { roles, shape } = tensors.get(name) ?? { roles: [], shape: [] };
  const growing = roles.flatMap((role, axis) => (growsWith(role) === '' ? [] : [axis]));
  const [first, second] = growing;
  if (first !== undefined && second === undefined) return [first];
  if (first !== undefined && second !== undefined)
    return growsWith(roles[first] ?? null) === growsWith(roles[second] ?? null) ? [first] : [first, second];
  if (shape.length === 3) return [1];
  return shape.length === 4 ? [2] : [];
}

/** @throws SiteError for an axis that the tensor has not, or for three of them */
export function checkedAxes(name: string, axes: readonly number[], rank: number): PositionAxes {
  const wrong = axes.find((axis) => !(Number.isInteger(axis) && axis >= 0 && axis < rank));
  if (wrong !== undefined)
    throw new SiteError(`${quoted(name)} has ${rank} axes, 0 to ${rank - 1}; there is no axis ${wrong}.`);
  const [first, second, ...rest] = axes;
  if (first === undefined) return [];
  if (rest.length > 0 || (second !== undefined && first >= second))
    throw new SiteError(
      `Positions of ${quoted(name)} lie along one axis or two in their order; ${axes.join(', ')} are not that.`,
    );
  return second === undefined ? [first] : [first, second];
}

/** How many places along each axis there are before any are taken together. */
export const sizesAlong = (axes: PositionAxes, shape: readonly number[]): readonly number[] =>
  axes.map((axis) => shape[axis] ?? 1);

export const placeCount = ({ counts }: Pick<PlaceGrid, 'counts'>): number => sizeOf(counts);

/** The part of an axis that is one of `count` places: as even as whole numbers are. */
export const placeRange = (at: number, count: number, size: number): readonly [number, number] => [
  Math.floor((at * size) / count),
  Math.floor(((at + 1) * size) / count),
];

const upTo = ([from, to]: readonly [number, number]): readonly number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

/**
 * What an edit of one place is about; of a tensor without positions, all of it.
 * @param place row-major over the counts
 */
export function editedPlace(
  { axes, shape, counts }: PlaceGrid,
  place: number,
): Pick<TensorEdit, 'places' | 'entries'> {
  const [first, second] = axes;
  if (first === undefined) return {};
  const sizes = sizesAlong(axes, shape);
  if (second === undefined)
    return {
      places: { axis: first, indices: upTo(placeRange(place, counts[0] ?? 1, sizes[0] ?? 1)) },
    };
  const across = counts[1] ?? 1;
  const rows = upTo(placeRange(Math.floor(place / across), counts[0] ?? 1, sizes[0] ?? 1));
  const columns = upTo(placeRange(place % across, across, sizes[1] ?? 1));
  return { entries: entriesAt(shape, first, second, rows, columns) };
}

/** Entries of a tensor at some places of two axes, whatever the others are, in their order. */
function entriesAt(
  shape: readonly number[],
  first: number,
  second: number,
  rows: readonly number[],
  columns: readonly number[],
): Int32Array {
  const [inRows, inColumns] = [new Set(rows), new Set(columns)];
  const strides = stridesOf(shape);
  const along = (entry: number, axis: number): number =>
    Math.floor(entry / (strides[axis] ?? 1)) % (shape[axis] ?? 1);
  const entries: number[] = [];
  for (let entry = 0; entry < sizeOf(shape); entry++)
    if (inRows.has(along(entry, first)) && inColumns.has(along(entry, second))) entries.push(entry);
  return Int32Array.from(entries);
}

/** Entries of a tensor at one place, in their order. */
export function entriesOfPlace(grid: PlaceGrid, place: number): Int32Array {
  const { places, entries } = editedPlace(grid, place);
  if (entries) return entries;
  const { shape } = grid;
  if (!places) return Int32Array.from({ length: sizeOf(shape) }, (_, entry) => entry);
  const step = stridesOf(shape)[places.axis] ?? 1;
  const wanted = new Set(places.indices);
  const found: number[] = [];
  for (let entry = 0; entry < sizeOf(shape); entry++)
    if (wanted.has(Math.floor(entry / step) % (shape[places.axis] ?? 1))) found.push(entry);
  return Int32Array.from(found);
}
