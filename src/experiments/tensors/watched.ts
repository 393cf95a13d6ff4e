// What is measured of a run: a number of one of its outputs, or how far it lies from another run.

import { halfValues } from '../../checkpoint/storage/half.ts';
import { usualOutput } from '../../imported/describe.ts';
import type { OpenedModel } from '../../imported/openedModels.ts';
import { sizeOf, type Tensor } from '../../imported/tensor.ts';
import { didYouMean } from '../../messages/nearest.ts';
import { quoted } from '../../messages/wording.ts';
import { ExperimentError } from '../experimentFile.ts';
import { inQuotes } from '../figureWords.ts';
import { logSumExp } from '../predict.ts';
import type { Watched } from './experiment.ts';

export interface ResolvedWatch {
  readonly watched: Watched;
  /** The tensor that is read. */
  readonly output: string;
}

/** What is measured, with the entries that are meant: known when the clean run is. */
export interface Measure {
  /** Of a run's output. NaN where it is no number. */
  readonly of: (output: Tensor) => number;
  /** `probability of “cat”` */
  readonly name: string;
  readonly entry?: number;
  /** What the formula is of, beside the output: entries with their factors, or the vector that it is compared with. */
  readonly parts: MeasuredParts;
}

export type MeasuredParts =
  | {
      readonly kind: 'entries';
      readonly entries: readonly { readonly entry: number; readonly factor: number }[];
    }
  | { readonly kind: 'compared'; readonly to: Float64Array }
  | { readonly kind: 'whole' };

/** The output that is read: default logits, else the one that the model's own way ends in. */
function outputOf({ imported }: OpenedModel, watched: Watched): string {
  const name = watched.output ?? usualOutput(imported);
  if (name === undefined) throw new ExperimentError('The model has no output.');
  return imported.resolve(name);
}

export const resolveWatched = (opened: OpenedModel, watched: Watched): ResolvedWatch => ({
  watched,
  output: outputOf(opened, watched),
});

function floatsOf({ dtype, data }: Tensor): Float64Array {
  if (dtype === 'float16' && data instanceof Uint16Array)
    return Float64Array.from(data, (bits) => halfValues[bits] ?? Number.NaN);
  return Float64Array.from({ length: data.length }, (_, at) => Number(data[at]));
}

/** The output's shape without the batch of one. */
const rowShape = (shape: readonly number[]): readonly number[] =>
  shape.length > 1 && shape[0] === 1 ? shape.slice(1) : shape;

/**
 * Numbers along the output's last axis at a place, or all of them where none is named and all may be taken.
 * @throws ExperimentError where a place is needed, or is past an end
 */
function vectorOf({ output, watched }: ResolvedWatch, tensor: Tensor, mayBeWhole: boolean): Float64Array {
  const at = 'at' in watched ? watched.at : undefined;
  const shape = rowShape(tensor.shape);
  const numbers = floatsOf(tensor);
  const width = shape.at(-1) ?? 1;
  const before = shape.slice(0, -1);
  const count = sizeOf(before);
  if ((at === undefined || at === 'mean') && count === 1) return numbers;
  if (at === undefined && mayBeWhole) return numbers;
  const axes = `[${shape.join(', ')}]`;
  if (at === undefined)
    throw new ExperimentError(
      `Output ${quoted(output)} is ${axes}: say with 'at' of which place, as [0] for the first or 'mean' for the mean.`,
    );
  if (at === 'mean')
    return Float64Array.from({ length: width }, (_, entry) => {
      let sum = 0;
      for (let place = 0; place < count; place++) sum += numbers[place * width + entry] ?? 0;
      return sum / count;
    });
  const place = placeAt({ output, watched }, at, shape);
  return numbers.slice(place * width, (place + 1) * width);
}

/** Which of the vectors along the last axis a place is. @throws ExperimentError where it is past an end */
function placeAt({ output }: ResolvedWatch, at: readonly number[], shape: readonly number[]): number {
  const axes = `[${shape.join(', ')}]`;
  const before = shape.slice(0, -1);
  if (at.length !== before.length)
    throw new ExperimentError(
      `Output ${quoted(output)} is ${axes}: 'at' needs ${before.length} ${before.length === 1 ? 'place' : 'places'}, and has ${at.length}.`,
    );
  let place = 0;
  for (const [axis, size] of before.entries()) {
    const given = at[axis] ?? 0;
    const index = given < 0 ? size + given : given;
    if (!(index >= 0 && index < size))
      throw new ExperimentError(
        `Axis ${axis} of output ${quoted(output)} has ${size} places (the batch is not counted); ${given} is none of them.`,
      );
    place = place * size + index;
  }
  return place;
}

/**
 * The entries of an output that are measured, as `vectors` of one width: several are averaged where the mean is watched, and
 * one behind the other else.
 */
export function measuredEntries(
  watch: ResolvedWatch,
  tensor: Pick<Tensor, 'shape'>,
): { readonly entries: Int32Array; readonly vectors: number; readonly isMean: boolean } {
  const at = 'at' in watch.watched ? watch.watched.at : undefined;
  const shape = rowShape(tensor.shape);
  const width = shape.at(-1) ?? 1;
  const before = shape.slice(0, -1);
  const count = sizeOf(before);
  const isPlace = Array.isArray(at) && count > 1;
  const first = isPlace ? placeAt(watch, at, shape) * width : 0;
  const length = isPlace ? width : count * width;
  return {
    entries: Int32Array.from({ length }, (_, index) => first + index),
    vectors: isPlace ? 1 : count,
    isMean: at === 'mean' && count > 1,
  };
}

function entryOf(
  { output }: ResolvedWatch,
  entry: number | string,
  width: number,
  labels: readonly string[] | undefined,
): number {
  if (typeof entry === 'string') {
    if (!labels)
      throw new ExperimentError(
        `No config.json beside the model names the entries of its outputs; give ${quoted(entry)} as a number.`,
      );
    const found = labels.indexOf(entry);
    if (found < 0)
      throw new ExperimentError(
        `The model has no label ${quoted(entry)}. ${didYouMean(entry, labels)} It has ${labels.length}.`,
      );
    return entryOf({ output, watched: { kind: 'scalar' } }, found, width, labels);
  }
  if (entry < width) return entry;
  throw new ExperimentError(
    `Output ${quoted(output)} has ${width} entries, 0 to ${width - 1}; ${entry} is none of them.`,
  );
}

const largest = (vector: Float64Array): number =>
  vector.reduce((best, value, at) => (value > (vector[best] ?? Number.NEGATIVE_INFINITY) ? at : best), 0);

const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, at) => sum + value * (b[at] ?? Number.NaN), 0);

const squares = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, at) => sum + (value - (b[at] ?? Number.NaN)) ** 2, 0);

/** @throws ExperimentError for probabilities, of which a softmax would make other ones */
function requireScores({ output }: ResolvedWatch, vector: Float64Array): void {
  const sum = vector.reduce((total, value) => total + value, 0);
  if (vector.length > 1 && Math.abs(sum - 1) < 1e-3 && vector.every((value) => value >= 0))
    throw new ExperimentError(
      `Output ${quoted(output)} holds probabilities already (they are none below 0, and make 1 together). Watch its 'entry'.`,
    );
}

/** @throws ExperimentError where two runs have outputs of other sizes */
function sameSize({ output }: ResolvedWatch, a: Float64Array, b: Float64Array): void {
  if (a.length !== b.length)
    throw new ExperimentError(
      `Output ${quoted(output)} has ${a.length} numbers in one run and ${b.length} in the other; they cannot be compared. Name a place with 'at'.`,
    );
}

/**
 * @param clean     the clean run's output
 * @param reference that of the reference, where there is one
 * @throws ExperimentError for an entry, a place or a label that the output has not
 */
export function measureOf(
  watch: ResolvedWatch,
  { beside }: OpenedModel,
  clean: Tensor,
  reference?: Tensor,
): Measure {
  const { watched, output } = watch;
  const labels = (width: number) => (beside.labels?.length === width ? beside.labels : undefined);
  const named = (entry: number, width: number): string => {
    const label = labels(width)?.[entry];
    return label === undefined ? `entry ${entry} of ${output}` : inQuotes(label);
  };
  switch (watched.kind) {
    case 'entry':
    case 'probability':
    case 'difference': {
      const own = vectorOf(watch, clean, false);
      const width = own.length;
      const find = (entry: number | string): number => entryOf(watch, entry, width, labels(width));
      const entry = watched.entry === undefined ? largest(own) : find(watched.entry);
      const value = (vector: Float64Array): number => vector[entry] ?? Number.NaN;
      if (watched.kind === 'entry')
        return {
          of: (tensor) => value(vectorOf(watch, tensor, false)),
          name: named(entry, width),
          entry,
          parts: { kind: 'entries', entries: [{ entry, factor: 1 }] },
        };
      if (watched.kind === 'difference') {
        const minus = find(watched.minus);
        return {
          of: (tensor) => {
            const vector = vectorOf(watch, tensor, false);
            return value(vector) - (vector[minus] ?? Number.NaN);
          },
          name: `${named(entry, width)} minus ${named(minus, width)}`,
          entry,
          parts: {
            kind: 'entries',
            entries: [
              { entry, factor: 1 },
              { entry: minus, factor: -1 },
            ],
          },
        };
      }
      requireScores(watch, own);
      return {
        of: (tensor) => {
          const vector = vectorOf(watch, tensor, false);
          return Math.exp(value(vector) - logSumExp(vector));
        },
        name: `probability of ${named(entry, width)}`,
        entry,
        parts: { kind: 'entries', entries: [{ entry, factor: 1 }] },
      };
    }
    case 'cosine':
    case 'distance':
    case 'squared': {
      const to = vectorOf(watch, reference ?? clean, true);
      sameSize(watch, to, vectorOf(watch, clean, true));
      const other = reference ? 'the reference' : 'the clean run';
      const compare = (tensor: Tensor, by: (own: Float64Array) => number): number => {
        const own = vectorOf(watch, tensor, true);
        sameSize(watch, own, to);
        return by(own);
      };
      if (watched.kind === 'cosine')
        return {
          of: (tensor) => compare(tensor, (own) => dot(own, to) / Math.sqrt(dot(own, own) * dot(to, to))),
          name: `cosine of ${output} with ${other}`,
          parts: { kind: 'compared', to },
        };
      if (watched.kind === 'distance')
        return {
          of: (tensor) => compare(tensor, (own) => Math.sqrt(squares(own, to))),
          name: `distance of ${output} from ${other}`,
          parts: { kind: 'compared', to },
        };
      return {
        of: (tensor) => compare(tensor, (own) => squares(own, to) / to.length),
        name: `mean squared difference of ${output} to ${other}`,
        parts: { kind: 'compared', to },
      };
    }
    case 'scalar': {
      if (floatsOf(clean).length !== 1)
        throw new ExperimentError(
          `Output ${quoted(output)} is [${clean.shape.join(', ')}], not one number. Watch one of its entries.`,
        );
      return { of: (tensor) => floatsOf(tensor)[0] ?? Number.NaN, name: output, parts: { kind: 'whole' } };
    }
    default:
      return watched satisfies never;
  }
}
