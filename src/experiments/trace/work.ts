// A trace as work for a model: from its experiment to the changes of its result. Where no model runs, `kind.ts` is enough.

import type { Architecture } from '../../architectures/architecture.ts';
import type { ModelConfiguration } from '../../checkpoint/checkpoint.ts';
import type { Model } from '../../runtime/model.ts';
import { completed, grown } from '../growth.ts';
import { type InputData, readInput } from '../inputData.ts';
import type { KindWork } from '../kind.ts';
import type { RunOptions } from '../planRuns.ts';
import { ranOn, weakCorruptionNotices, withTexts } from '../resultParts.ts';
import { finishedUnits } from '../units.ts';
import { columnsOf, layersOf } from './cells.ts';
import type { TraceExperiment } from './experiment.ts';
import { estimateTrace, mostNumbersTogether } from './plan.ts';
import { type ResolvedTrace, resolveTrace } from './resolve.ts';
import { hasCell, type TraceChange, type TraceResult, traceGrowth, versionOf } from './result.ts';
import {
  type PreparedTrace,
  type PrepareOptions,
  prepareTrace,
  runTrace,
  type TraceBaselines,
  traceUnits,
} from './run.ts';

/** A result without cells. */
function startTrace(model: Model, trace: PreparedTrace, { clean, corrupted }: TraceBaselines): TraceResult {
  const { layerCount } = model.architecture;
  const { answer, distractor, input, inputParts, picture, pictureParts } = trace;
  const on = ranOn(model);
  const read = {
    ...(input && inputParts ? { input: { ...inputParts, corrupted: input.corrupted } } : {}),
    ...(picture && pictureParts ? { picture: { ...pictureParts, corrupted: picture.corrupted } } : {}),
  };
  return {
    kind: 'trace-result',
    version: input || on.precision ? versionOf({ ...read, ...on }) : 1,
    experiment: trace.experiment,
    ...on,
    tokens: withTexts(trace.tokens, trace.tokenTexts),
    ...read,
    subject: trace.subject,
    answer: { id: answer.id, text: answer.text },
    ...(distractor ? { distractor: { id: distractor.id, text: distractor.text } } : {}),
    level: trace.level,
    samples: trace.samples,
    layerCount,
    positions: trace.positions,
    clean,
    corrupted,
    streams: trace.streams.map((stream) => ({
      component: stream.component,
      window: stream.window,
      ...(stream.heads ? { heads: stream.heads } : {}),
      ...(stream.place ? { layerCount: stream.place.count } : {}),
      ...(stream.isOfInput ? { isOfInput: true } : {}),
      ...(stream.isOfPicture ? { isOfPicture: true } : {}),
      cells: new Array(layersOf(stream, layerCount) * columnsOf(trace, stream).length).fill(null),
    })),
    notices: [
      ...trace.notices,
      ...weakCorruptionNotices(clean, corrupted, {
        subject: 'The corruption',
        consequence: 'there is little to restore. Raise the level, or mark another subject.',
      }),
    ],
  };
}

export interface TraceOptions extends RunOptions {
  /** A result of the same experiment on the same model to go on from. */
  readonly earlier?: TraceResult;
  readonly leaveOut?: ReadonlySet<string>;
}

async function* preparedChanges(
  model: Model,
  trace: PreparedTrace,
  { earlier, ...options }: TraceOptions,
): AsyncGenerator<TraceChange, void> {
  const isDone = (cell: Parameters<typeof hasCell>[1]) => earlier !== undefined && hasCell(earlier, cell);
  for await (const update of runTrace(model, trace, { ...options, isDone })) {
    if (update.kind === 'cells') yield update;
    else {
      const result = startTrace(model, trace, update);
      yield { kind: 'started', result: earlier ? { ...result, streams: earlier.streams } : result };
    }
  }
}

/**
 * Run a prepared trace, and yield the whole result as it grows: once with the baselines alone, then after every batch.
 * @throws the signal's reason when it is aborted; the result that was yielded last can be given as `earlier`
 */
export const growTrace = (
  model: Model,
  trace: PreparedTrace,
  options: TraceOptions = {},
): AsyncGenerator<TraceResult, void> => grown(preparedChanges(model, trace, options), traceGrowth());

async function* changes(
  model: Model,
  trace: ResolvedTrace,
  { textOf, ...options }: TraceOptions & PrepareOptions,
): AsyncGenerator<TraceChange, void> {
  const { signal } = options;
  const preparation = { ...(signal ? { signal } : {}), ...(textOf ? { textOf } : {}) };
  yield* preparedChanges(model, await prepareTrace(model, trace, preparation), options);
}

/** Prepare and run a resolved trace to its end. */
export const completeTrace = (
  model: Model,
  trace: ResolvedTrace,
  options: TraceOptions & PrepareOptions = {},
): Promise<TraceResult> => completed(changes(model, trace, options), traceGrowth());

/** Where nothing says how pictures and sounds become numbers. */
const noPreprocessor = async () => undefined;

/** The picture or the sound of a trace, and the one that it is exchanged with. */
async function readBoth(
  architecture: Architecture,
  experiment: TraceExperiment,
  preprocessor: () => Promise<ModelConfiguration | undefined>,
): Promise<InputData | undefined> {
  const read = await readInput(architecture, experiment, preprocessor);
  const { corruption, image } = experiment;
  if (!read || corruption.kind !== 'exchange') return read;
  const parts = { ...experiment, [image ? 'image' : 'sound']: corruption.with };
  const other = await readInput(architecture, parts, preprocessor);
  if (!other) return read;
  return { ...read, other: other.data, notices: [...read.notices, ...other.notices] };
}

export const traceWork: KindWork<TraceExperiment, TraceResult, ResolvedTrace, TraceChange> = {
  resolve: async (architecture, tokenizer, experiment, { preprocessor }) =>
    resolveTrace(
      architecture,
      tokenizer,
      experiment,
      await readBoth(architecture, experiment, preprocessor ?? noPreprocessor),
    ),
  estimate: (architecture, trace) => {
    const { cells, rowLayers, tokenLayers } = estimateTrace(architecture, trace);
    const { answer = null, distractor = null, notices } = trace;
    const bytes = mostNumbersTogether(architecture, trace) * Float32Array.BYTES_PER_ELEMENT;
    return {
      count: cells,
      rowLayers,
      tokenLayers,
      steps: 0,
      bytes,
      notices,
      targets: [{ answer, distractor }],
    };
  },
  units: (architecture, trace) => traceUnits(trace, architecture).map(({ name }) => name),
  unitsDone: (architecture, trace, result) =>
    finishedUnits(traceUnits(trace, architecture), (cell) => hasCell(result, cell)),
  run: changes,
};
