// The result of a trace as plain data: what was asked, on what it ran, the two baselines, and the measurements of every
// cell that has arrived. It can be written to a file, read back, drawn, and completed by a later run.

import * as v from 'valibot';
import { type CellChange, countCells as countAll, type Finished } from '../cellRun.ts';
import { type Immutable, readVersioned, tokenId, wholeNumber } from '../experimentFile.ts';
import { growthOf } from '../growth.ts';
import type { Count, Growth } from '../kind.ts';
import { samplesSchema } from '../metrics.ts';
import { namedSchema, resultEntries } from '../resultParts.ts';
import type { TraceCell } from './cells.ts';
import { traceExperimentSchema } from './experiment.ts';

/** The newest; 2 adds the texts of the tokens that are named by id. */
export const traceResultVersion = 2;

export const traceResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('trace-result'),
    version: v.picklist([1, traceResultVersion]),
    experiment: traceExperimentSchema,
    ...resultEntries,
    tokens: v.array(namedSchema),
    /** First token, and the one after the last. */
    subject: v.strictTuple([tokenId, tokenId]),
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
        /** [layer, position] row-major, null for a cell that has not been computed. */
        cells: v.array(v.nullable(samplesSchema)),
      }),
    ),
    /** Texts of the most probable tokens, for a reader without the tokenizer. */
    names: v.optional(v.array(namedSchema)),
  }),
  v.check(
    ({ streams, layerCount, positions }) =>
      streams.every(({ cells }) => cells.length === layerCount * positions.length),
    'Every stream must have a cell for each layer and position',
  ),
  v.check(
    ({ tokens, positions, subject }) =>
      positions.every((position) => position < tokens.length) &&
      subject[0] < subject[1] &&
      subject[1] <= tokens.length,
    'Positions and subject must lie in the prompt',
  ),
);

export type TraceResult = Immutable<v.InferOutput<typeof traceResultSchema>>;

/** @throws ExperimentError that names the first thing that is wrong */
export function readTraceResult(value: unknown): TraceResult {
  return readVersioned(traceResultSchema, value, 'trace-result', traceResultVersion);
}

/** Place of a cell in its stream's list; -1 when the result has no such cell. */
export function cellIndex(result: TraceResult, { layer, position }: Omit<TraceCell, 'stream'>): number {
  const column = result.positions.indexOf(position);
  return column < 0 || layer >= result.layerCount ? -1 : layer * result.positions.length + column;
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
  return { ...result, version: traceResultVersion, names };
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
