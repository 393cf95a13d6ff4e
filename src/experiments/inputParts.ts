// A picture or a sound as experiments cut it: which positions a part of it has, and which are edited together as one cell. A
// picture has hundreds of patches and a sound a thousand frames, and a cell of each would be hours of work that no figure holds.

import * as v from 'valibot';
import type { Architecture, ModelInput, StackPlace } from '../architectures/architecture.ts';
import type { SeenPart } from '../media/pictureParts.ts';
import { ExperimentError, type Immutable, tokenId, wholeNumber } from './experimentFile.ts';
import type { PromptInput } from './wholePrompt.ts';

/** Into how many parts a picture (across, and as many down) and a sound are cut where nothing else is said. */
export const usualParts = { image: 8, sound: 16 } as const;
export const mostParts = 64;

/**
 * Into how many parts a picture (across, and as many down) or a sound is cut: the states of a part are edited together.
 * Default 8 and 16, or as many as there are patches.
 */
export const partsSchema = v.pipe(wholeNumber, v.minValue(1), v.maxValue(mostParts));

/** A part of a picture: left and top, right and bottom (exclusive), counted in patches from the upper left corner. */
export const patchesSchema = v.strictObject({
  patches: v.strictTuple([tokenId, tokenId, tokenId, tokenId]),
});

/** A stretch of a sound. */
export const secondsSchema = v.strictObject({
  seconds: v.strictTuple([v.pipe(v.number(), v.minValue(0)), v.number()]),
});

export type NamedPart = Immutable<v.InferOutput<typeof patchesSchema> | v.InferOutput<typeof secondsSchema>>;

/** Positions that are put back together, and what they are called. */
export interface Column {
  readonly text: string;
  readonly positions: readonly number[];
}

/** Entries 0 to `count` - 1 in `parts` runs as even as can be. */
function runs(count: number, parts: number): readonly (readonly number[])[] {
  const most = Math.min(parts, count);
  const all = Array.from({ length: count }, (_, at) => at);
  return Array.from({ length: most }, (_, part) =>
    all.slice(Math.floor((part * count) / most), Math.floor(((part + 1) * count) / most)),
  );
}

/** Squares of a picture row by row, behind the position that has no pixels. */
export interface PictureGrid {
  readonly across: number;
  readonly down: number;
}

export function pictureColumns(
  { across, down }: NonNullable<ModelInput['patches']>,
  parts: number = usualParts.image,
): { readonly columns: readonly Column[]; readonly grid: PictureGrid } {
  const [rows, columns] = [runs(down, parts), runs(across, parts)];
  const squares = rows.flatMap((ys, row) =>
    columns.map(
      (xs, column): Column => ({
        text: `row ${row + 1}, column ${column + 1}`,
        positions: ys.flatMap((y) => xs.map((x) => 1 + y * across + x)),
      }),
    ),
  );
  return {
    columns: [{ text: 'class', positions: [0] }, ...squares],
    grid: { across: columns.length, down: rows.length },
  };
}

/** @param seconds that all positions last together */
export function soundColumns(
  positions: number,
  seconds: number,
  parts: number = usualParts.sound,
): readonly Column[] {
  const time = (position: number) => ((position / positions) * seconds).toFixed(2);
  return runs(positions, parts).map((some) => ({
    text: `${time(some[0] ?? 0)}–${time((some.at(-1) ?? 0) + 1)} s`,
    positions: some,
  }));
}

/** @throws ExperimentError for patches that the picture does not have */
export function patchesIn(
  [left, top, right, bottom]: readonly [number, number, number, number],
  { across, down }: NonNullable<ModelInput['patches']>,
): readonly number[] {
  if (left >= right || top >= bottom)
    throw new ExperimentError(
      `The patches [${[left, top, right, bottom].join(', ')}] are none: right must be larger than left, and bottom larger than top.`,
    );
  if (right > across || bottom > down)
    throw new ExperimentError(
      `The patches [${[left, top, right, bottom].join(', ')}] reach past the picture, which has ${across} across and ${down} down.`,
    );
  return Array.from({ length: (right - left) * (bottom - top) }, (_, at) => {
    const row = Math.floor(at / (right - left));
    return 1 + (top + row) * across + left + (at % (right - left));
  });
}

/** @throws ExperimentError for a stretch that lies past what the model hears, or is shorter than a position */
export function positionsIn(
  [from, to]: readonly [number, number],
  positions: number,
  seconds: number,
): readonly number[] {
  if (from >= to)
    throw new ExperimentError(
      `The stretch from ${from} to ${to} seconds is none: its end must be later than its beginning.`,
    );
  if (to > seconds)
    throw new ExperimentError(
      `The stretch from ${from} to ${to} seconds reaches past what the model hears, ${seconds} seconds.`,
    );
  // 0.28 of 30 seconds is 13.999… of 1500 positions in floating point, and the border of one.
  const placeOf = (second: number): number => Number(((second * positions) / seconds).toFixed(6));
  const first = Math.floor(placeOf(from));
  const end = Math.ceil(placeOf(to));
  return Array.from({ length: end - first }, (_, at) => first + at);
}

/** What the model reads beside its tokens, as a figure shows it. */
export interface InputParts {
  readonly kind: PromptInput['kind'];
  readonly columns: readonly Column[];
  /** How a picture's columns lie, but the first, which has no pixels. */
  readonly grid?: PictureGrid;
  /** Of a picture whose middle alone is seen. */
  readonly seen?: SeenPart;
}

/** Which of the things that a model reads the positions of a component are; none: the tokens that it predicts from. */
export interface PlacedInInput {
  /** What is read beside the tokens, or in place of them. */
  readonly isOfInput?: true | undefined;
  /** The picture that this is about, where it is a question. */
  readonly isOfPicture?: true | undefined;
}

/** @param place of a component among the stacks of its model */
export function placedInInput(
  { input }: Pick<Architecture, 'input'>,
  place: StackPlace | undefined,
): PlacedInInput {
  if (place?.stack === 'first') return { isOfPicture: true };
  return input || place?.stack === 'encoder' ? { isOfInput: true } : {};
}

/** Of what is kept for each thing that a model reads, that of a component's; undefined for its tokens. */
export const inputOfPlaced = <Kept>(
  { input, picture }: { readonly input?: Kept | undefined; readonly picture?: Kept | undefined },
  { isOfInput, isOfPicture }: PlacedInInput,
): Kept | undefined => (isOfPicture ? picture : isOfInput ? input : undefined);

export const wholeTokens = "A text is taken token by token. Leave out 'parts'.";

/**
 * @param parts of a question none: they are its picture's
 * @param seconds that a sound lasts
 * @throws ExperimentError for a text that is to be cut
 */
export function inputParts(
  parts: number | undefined,
  { kind, tokens, length, model, picture }: PromptInput,
  seconds: number | undefined,
  textOf: (id: number) => string,
): InputParts {
  if (kind === 'text') {
    if (parts !== undefined && !picture) throw new ExperimentError(wholeTokens);
    return { kind, columns: tokens.map((id, position) => ({ text: textOf(id), positions: [position] })) };
  }
  if (kind === 'sound') return { kind, columns: soundColumns(length, seconds ?? length, parts) };
  if (!model?.patches) throw new Error('A picture has no patches.');
  return { kind, ...pictureColumns(model.patches, parts) };
}

const places = { patches: ['image', 'patches', 'picture'], seconds: ['sound', 'seconds', 'sound'] } as const;

/**
 * Positions of the input that a named part has, ascending.
 * @param whole what is read beside the tokens; a part of a question's is one of its picture
 * @param what begins the message: `The subject`
 * @param instead ends it: what to do where the model reads no such thing
 * @throws ExperimentError for a part that this model's input does not have
 */
export function positionsOfPart(
  part: NamedPart,
  whole: PromptInput | undefined,
  seconds: number | undefined,
  what: string,
  instead: string,
): readonly number[] {
  const [kind, name, read] = 'patches' in part ? places.patches : places.seconds;
  const input = whole?.picture ?? whole;
  if (input?.kind !== kind)
    throw new ExperimentError(`${what} is given by '${name}', and this model reads no ${read}. ${instead}`);
  if ('seconds' in part) return positionsIn(part.seconds, input.length, seconds ?? input.length);
  if (!input.model?.patches) throw new Error('A picture has no patches.');
  return patchesIn(part.patches, input.model.patches);
}
