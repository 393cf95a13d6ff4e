// The result of a trace as plain data: what was asked, on what it ran, the two baselines, and the measurements of every
// cell that has arrived. It can be written to a file, read back, drawn, and completed by a later run.

import * as v from 'valibot';
import type { Model } from '../../runtime/model.ts';
import { type Immutable, readVersioned, tokenId, wholeNumber } from '../experimentFile.ts';
import { metricOf, samplesSchema, statisticOf } from '../metrics.ts';
import type { Notice } from '../notice.ts';
import type { TraceCell } from './cells.ts';
import { traceExperimentSchema } from './experiment.ts';
import type { ResolvedTrace } from './resolve.ts';
import {
  type FinishedCell,
  type PreparedTrace,
  type PrepareOptions,
  prepareTrace,
  type RunTraceOptions,
  runTrace,
} from './run.ts';

/** The newest; 2 adds the texts of the tokens that are named by id. */
export const traceResultVersion = 2;

const named = v.strictObject({ id: tokenId, text: v.string() });

export const traceResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('trace-result'),
    version: v.picklist([1, traceResultVersion]),
    experiment: traceExperimentSchema,
    model: v.strictObject({ label: v.string(), modelType: v.string(), parameterCount: v.number() }),
    backend: v.strictObject({ kind: v.picklist(['webgpu', 'wasm', 'node']), description: v.string() }),
    tokens: v.array(named),
    /** First token, and the one after the last. */
    subject: v.strictTuple([tokenId, tokenId]),
    answer: named,
    distractor: v.optional(named),
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
    notices: v.array(v.strictObject({ code: v.string(), text: v.string() })),
    /** Texts of the most probable tokens, for a reader without the tokenizer. */
    names: v.optional(v.array(named)),
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

/** Below this share of the clean probability's fall, a corruption has hardly corrupted. */
const weakFall = 0.2;

function corruptionNotices({
  clean,
  corrupted,
}: Pick<TraceResult, 'clean' | 'corrupted'>): readonly Notice[] {
  const high = statisticOf(metricOf(clean, 'probability')).mean;
  const low = statisticOf(metricOf(corrupted, 'probability')).mean;
  if (low < high * (1 - weakFall)) return [];
  const percent = (p: number) => `${(p * 100).toFixed(1)} %`;
  return [
    {
      code: 'weak-corruption',
      text: `The corruption hardly lowers the probability of the answer (${percent(high)} to ${percent(low)}), so there is little to restore. Raise the level, or mark another subject.`,
    },
  ];
}

/** A result without cells. */
export function startResult(
  model: Model,
  trace: PreparedTrace,
  baselines: Pick<TraceResult, 'clean' | 'corrupted'>,
): TraceResult {
  const { architecture, backend } = model;
  const { layerCount } = architecture;
  const { answer, distractor } = trace;
  return {
    kind: 'trace-result',
    version: 1,
    experiment: trace.experiment,
    model: {
      label: model.label,
      modelType: architecture.modelType,
      parameterCount: model.parameterCount,
    },
    backend: { kind: backend.kind, description: backend.description },
    tokens: trace.tokens.map((id, index) => ({ id, text: trace.tokenTexts[index] ?? '' })),
    subject: trace.subject,
    answer: { id: answer.id, text: answer.text },
    ...(distractor ? { distractor: { id: distractor.id, text: distractor.text } } : {}),
    level: trace.level,
    samples: trace.samples,
    layerCount,
    positions: trace.positions,
    ...baselines,
    streams: trace.streams.map(({ component, window, heads }) => ({
      component,
      window,
      ...(heads ? { heads } : {}),
      cells: new Array(layerCount * trace.positions.length).fill(null),
    })),
    notices: [...trace.notices, ...corruptionNotices(baselines)],
  };
}

/** Place of a cell in its stream's list; -1 when the result has no such cell. */
export function cellIndex(result: TraceResult, { layer, position }: Omit<TraceCell, 'stream'>): number {
  const column = result.positions.indexOf(position);
  return column < 0 || layer >= result.layerCount ? -1 : layer * result.positions.length + column;
}

/** The result with these cells in it; the given one stays as it is. */
export function addCells(result: TraceResult, cells: readonly FinishedCell[]): TraceResult {
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

/** Cells that have arrived, and all. */
export function countCells({ streams }: TraceResult): { readonly done: number; readonly total: number } {
  const cells = streams.flatMap((stream) => stream.cells);
  return { done: cells.filter((cell) => cell !== null).length, total: cells.length };
}

export const isComplete = (result: TraceResult): boolean =>
  result.streams.every(({ cells }) => !cells.includes(null));

export interface TraceOptions extends Omit<RunTraceOptions, 'isDone'> {
  /** A result of the same experiment on the same model to go on from. */
  readonly earlier?: TraceResult;
}

/**
 * Run a prepared trace, and yield the whole result as it grows: once with the baselines alone, then after every batch.
 * @throws the signal's reason when it is aborted; the result that was yielded last can be given as `earlier`
 */
export async function* growTrace(
  model: Model,
  trace: PreparedTrace,
  { earlier, ...options }: TraceOptions = {},
): AsyncGenerator<TraceResult, void> {
  const isDone = (cell: TraceCell): boolean => {
    const index = earlier ? cellIndex(earlier, cell) : -1;
    return index >= 0 && (earlier?.streams[cell.stream]?.cells[index] ?? null) !== null;
  };
  let result: TraceResult | undefined;
  for await (const update of runTrace(model, trace, { ...options, isDone })) {
    if (update.kind === 'baselines') {
      const { clean, corrupted } = update;
      const started = startResult(model, trace, { clean, corrupted });
      result = earlier ? { ...started, streams: earlier.streams } : started;
    } else if (result) {
      result = addCells(result, update.cells);
    }
    if (result) yield result;
  }
}

/** Prepare and run a resolved trace to its end. */
export async function completeTrace(
  model: Model,
  trace: ResolvedTrace,
  { textOf, ...options }: TraceOptions & PrepareOptions = {},
): Promise<TraceResult> {
  const { signal } = options;
  const preparation = { ...(signal ? { signal } : {}), ...(textOf ? { textOf } : {}) };
  let result: TraceResult | undefined;
  const prepared = await prepareTrace(model, trace, preparation);
  for await (const grown of growTrace(model, prepared, options)) result = grown;
  if (!result) throw new Error('A trace ended without a result.');
  return result;
}
