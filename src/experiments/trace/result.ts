// The result of a trace as plain data: what was asked, on what it ran, the two baselines, and the measurements of every
// cell that has arrived. It can be written to a file, read back, drawn, and completed by a later run.

import * as v from 'valibot';
import { type CellChange, countCells as countAll, type Finished } from '../cellRun.ts';
import { type Immutable, readVersioned, tokenId, wholeNumber } from '../experimentFile.ts';
import { growthOf } from '../growth.ts';
import { inputOfPlaced, type PlacedInInput } from '../inputParts.ts';
import type { Count, Growth } from '../kind.ts';
import { samplesSchema } from '../metrics.ts';
import { namedSchema, resultEntries } from '../resultParts.ts';
import { seenSchema } from '../seenPicture.ts';
import type { TraceCell } from './cells.ts';
import { traceExperimentSchema } from './experiment.ts';

/**
 * The newest; 2 adds the texts of the tokens that are named by id, 3 what a model reads beside its tokens, 4 the picture that
 * this is about where it is a question, 5 layers that were computed in float16.
 */
export const traceResultVersion = 5;

const columnSchema = v.strictObject({
  /** A token's text, or which part of a picture or a sound it is. */
  text: v.string(),
  positions: v.pipe(v.array(tokenId), v.minLength(1)),
});

/** What a model reads beside the tokens that it predicts from, or in place of them. */
const inputSchema = v.strictObject({
  kind: v.picklist(['text', 'image', 'sound']),
  columns: v.array(columnSchema),
  /** Positions; none where tokens are corrupted. */
  corrupted: v.array(tokenId),
  /** The columns of a picture but the first, row by row. */
  grid: v.optional(v.strictObject({ across: wholeNumber, down: wholeNumber })),
  seen: seenSchema,
});

interface Sized {
  readonly layerCount: number;
  readonly positions: readonly number[];
  readonly input?: { readonly columns: readonly unknown[] } | undefined;
  readonly picture?: { readonly columns: readonly unknown[] } | undefined;
}
interface SizedStream extends PlacedInInput {
  readonly layerCount?: number | undefined;
}

/** Layers that a stream has cells at. */
export const streamLayers = ({ layerCount }: Pick<Sized, 'layerCount'>, stream: SizedStream): number =>
  stream.layerCount ?? layerCount;

/** Cells that a stream has at each layer. */
export const columnCount = (result: Omit<Sized, 'layerCount'>, stream: SizedStream): number =>
  inputOfPlaced(result, stream)?.columns.length ?? result.positions.length;

export const traceResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('trace-result'),
    version: v.picklist([1, 2, 3, 4, traceResultVersion]),
    experiment: traceExperimentSchema,
    ...resultEntries,
    tokens: v.array(namedSchema),
    input: v.optional(inputSchema),
    /** Of a question: the picture that it is about. */
    picture: v.optional(inputSchema),
    /** First token, and the one after the last; null where the input or its picture is corrupted. */
    subject: v.nullable(v.strictTuple([tokenId, tokenId])),
    answer: namedSchema,
    distractor: v.optional(namedSchema),
    /** Standard deviation of the noise; null where the corruption is not noise. */
    level: v.nullable(v.number()),
    samples: wholeNumber,
    layerCount: wholeNumber,
    /** Token positions that have cells, ascending. */
    positions: v.array(tokenId),
    clean: samplesSchema,
    corrupted: samplesSchema,
    streams: v.array(
      v.strictObject({
        component: v.string(),
        window: wholeNumber,
        heads: v.optional(v.array(tokenId)),
        /** Of its stack, where the model has two; else all. */
        layerCount: v.optional(wholeNumber),
        /** Its cells are of the input's columns, not of the tokens at `positions`. */
        isOfInput: v.optional(v.literal(true)),
        /** Its cells are of the picture's columns. */
        isOfPicture: v.optional(v.literal(true)),
        /** [layer, position] row-major, null for a cell that has not been computed. */
        cells: v.array(v.nullable(samplesSchema)),
      }),
    ),
    /** Texts of the most probable tokens, for a reader without the tokenizer. */
    names: v.optional(v.array(namedSchema)),
  }),
  v.check(
    (result) =>
      result.streams.every(
        (stream) => stream.cells.length === streamLayers(result, stream) * columnCount(result, stream),
      ),
    'Every stream must have a cell for each layer and position',
  ),
  v.check(
    ({ streams, ...result }) =>
      streams.every(
        (stream) => (!stream.isOfInput && !stream.isOfPicture) || inputOfPlaced(result, stream) !== undefined,
      ),
    'A stream of the input or of the picture must have its columns',
  ),
  v.check(
    ({ tokens, positions, subject, input, picture }) =>
      positions.every((position) => position < tokens.length) &&
      (subject === null
        ? [input, picture].some((read) => read !== undefined && read.corrupted.length > 0)
        : subject[0] < subject[1] && subject[1] <= tokens.length),
    'Positions and subject must lie in the prompt',
  ),
);

export type TraceResult = Immutable<v.InferOutput<typeof traceResultSchema>>;

/** The version of a result of which all tokens are named: the first that has what it holds. */
export function versionOf({
  input,
  picture,
  precision,
}: Pick<TraceResult, 'input' | 'picture' | 'precision'>): TraceResult['version'] {
  if (precision) return traceResultVersion;
  if (picture) return 4;
  return input ? 3 : 2;
}

/** @throws ExperimentError that names the first thing that is wrong */
export function readTraceResult(value: unknown): TraceResult {
  return readVersioned(traceResultSchema, value, 'trace-result', traceResultVersion);
}

/** Place of a cell in its stream's list; -1 when the result has no such cell. */
export function cellIndex(result: TraceResult, { stream: place, layer, position }: TraceCell): number {
  const stream = result.streams[place];
  if (!stream) return -1;
  const count = columnCount(result, stream);
  const column = inputOfPlaced(result, stream) ? position : result.positions.indexOf(position);
  const isInside = column >= 0 && column < count && layer < streamLayers(result, stream);
  return isInside ? layer * count + column : -1;
}

/** What a column of a stream is called, and whether the corruption begins there. */
export interface ColumnWords {
  readonly text: string;
  /** A token's, or the first of a part of the input. */
  readonly position: number;
  readonly isCorrupted: boolean;
}

/** The columns of a stream, as figures and tables name them. */
export function columnWords(
  result: TraceResult,
  stream: TraceResult['streams'][number],
): readonly ColumnWords[] {
  const { tokens, positions, subject } = result;
  const input = inputOfPlaced(result, stream);
  if (input) {
    const corrupted = new Set(input.corrupted);
    return input.columns.map(({ text, positions: some }) => ({
      text,
      position: some[0] ?? 0,
      isCorrupted: some.some((position) => corrupted.has(position)),
    }));
  }
  return positions.map((position) => ({
    text: tokens[position]?.text ?? '',
    position,
    isCorrupted: subject !== null && position >= subject[0] && position < subject[1],
  }));
}

/** The result with these cells in it; the given one stays as it is. */
export function addCells(result: TraceResult, cells: readonly Finished<TraceCell>[]): TraceResult {
  const streams = result.streams.map((stream) => ({ ...stream, cells: [...stream.cells] }));
  for (const { samples, ...cell } of cells) {
    const index = cellIndex(result, cell);
    const stream = streams[cell.stream];
    if (stream && index >= 0) stream.cells[index] = samples;
  }
  return { ...result, streams };
}

/** The result with the text of every token that its measurements name by id. */
export function nameTokens(result: TraceResult, textOf: (id: number) => string): TraceResult {
  const { clean, corrupted, streams } = result;
  const measured = [clean, corrupted, ...streams.flatMap(({ cells }) => cells)];
  const ids = new Set(measured.flatMap((samples) => samples?.topIds.flat() ?? []));
  const names = [...ids].sort((a, b) => a - b).map((id) => ({ id, text: textOf(id) }));
  return { ...result, version: versionOf(result), names };
}

/** Whether a result holds a cell. */
export function hasCell(result: TraceResult, cell: TraceCell): boolean {
  const index = cellIndex(result, cell);
  return index >= 0 && (result.streams[cell.stream]?.cells[index] ?? null) !== null;
}

/** Cells that have arrived, and all. */
export const countCells = ({ streams }: TraceResult): Count =>
  countAll(streams.flatMap(({ cells }) => cells));

export const isComplete = (result: TraceResult): boolean =>
  result.streams.every(({ cells }) => !cells.includes(null));

export type TraceChange = CellChange<TraceResult, TraceCell>;

export const traceGrowth = (): Growth<TraceResult, TraceChange> =>
  growthOf((result, change) =>
    change.kind === 'started' ? change.result : result && addCells(result, change.cells),
  );
