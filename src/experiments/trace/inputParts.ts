// A picture or a sound as a trace cuts it: which positions are corrupted, and which are put back together as one cell. A
// picture has hundreds of patches and a sound a thousand frames, and a cell of each would be hours of work that no figure holds.

import type { ModelInput } from '../../architectures/architecture.ts';
import type { SeenPart } from '../../media/pictureParts.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { PromptInput } from '../wholePrompt.ts';
import { type TraceExperiment, traceDefaults } from './experiment.ts';

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
  parts: number = traceDefaults.parts.image,
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
  parts: number = traceDefaults.parts.sound,
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

export const wholeTokens = "A text is traced token by token. Leave out 'parts'.";

/**
 * @param seconds that a sound lasts
 * @throws ExperimentError for a text that is to be cut
 */
export function inputParts(
  { parts }: TraceExperiment,
  { kind, tokens, length, model }: PromptInput,
  seconds: number | undefined,
  textOf: (id: number) => string,
): InputParts {
  if (kind === 'text') {
    if (parts !== undefined) throw new ExperimentError(wholeTokens);
    return { kind, columns: tokens.map((id, position) => ({ text: textOf(id), positions: [position] })) };
  }
  if (kind === 'sound') return { kind, columns: soundColumns(length, seconds ?? length, parts) };
  if (!model?.patches) throw new Error('A picture has no patches.');
  return { kind, ...pictureColumns(model.patches, parts) };
}

const places = { patches: ['image', 'patches', 'picture'], seconds: ['sound', 'seconds', 'sound'] } as const;

/**
 * Positions of the input that a subject names, ascending; none for a subject of tokens.
 * @throws ExperimentError for a subject that is in no part of this model's prompt
 */
export function corruptedInput(
  subject: TraceExperiment['subject'],
  input: PromptInput | undefined,
  seconds: number | undefined,
): readonly number[] {
  if (typeof subject === 'string' || !('patches' in subject || 'seconds' in subject)) return [];
  const [kind, name, what] = 'patches' in subject ? places.patches : places.seconds;
  if (input?.kind !== kind)
    throw new ExperimentError(
      `The subject is given by '${name}', and this model reads no ${what}. Give it by the prompt's words.`,
    );
  if ('seconds' in subject) return positionsIn(subject.seconds, input.length, seconds ?? input.length);
  if (!input.model?.patches) throw new Error('A picture has no patches.');
  return patchesIn(subject.patches, input.model.patches);
}
