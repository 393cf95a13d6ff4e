// Turns batches of cells into plans of rows, and says what they will cost before any of them runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Plan, Reduction, Row } from '../../runtime/plan/plan.ts';
import { stacksOf } from '../../runtime/plan/stacks.ts';
import { promptRow, readLogits } from '../planRuns.ts';
import {
  batchCells,
  carriedBy,
  cellRow,
  cellSpan,
  columnsOf,
  firstCarried,
  layersBefore,
  layersOf,
  mostSamples,
  type TraceBatch,
  type TraceCell,
  type TraceOutline,
} from './cells.ts';

export const cleanRow = ({ start, tokens }: TraceOutline): Row =>
  start ? { start, edits: [] } : promptRow(tokens);

export interface CellsPlan {
  readonly plan: Plan;
  /** The cell and the sample, counted from the first corrupted row given, of each read. */
  readonly members: readonly { readonly cell: TraceCell; readonly sample: number }[];
}

/**
 * One plan for some cells under some samples of the corruption: the clean run, the corrupted ones, and a row for each
 * cell and sample.
 */
export function planCells(
  outline: TraceOutline,
  architecture: Architecture,
  cells: readonly TraceCell[],
  corrupted: readonly Row[],
  reduction?: Reduction,
): CellsPlan {
  // Rows of one length side by side waste no padding in attention.
  const members = [...cells]
    .sort((a, b) => a.position - b.position)
    .flatMap((cell) => corrupted.map((_, sample) => ({ cell, sample })));
  const first = 1 + corrupted.length;
  const rows = members.map(({ cell, sample }) => {
    const [parent, source] = outline.direction === 'restore' ? [1 + sample, 0] : [0, 1 + sample];
    return cellRow(outline, architecture, cell, parent, source);
  });
  return {
    plan: {
      rows: [cleanRow(outline), ...corrupted, ...rows],
      reads: members.map((_, index) => readLogits(first + index, outline.watched, reduction)),
    },
    members,
  };
}

/** Work before it is done. */
export interface TraceWork {
  /** Cells of all streams, those that change nothing included. */
  readonly cells: number;
  /** Batches in which they arrive. */
  readonly batches: number;
  readonly rows: number;
  /** Rows times the layers each passes: the unit of progress. */
  readonly rowLayers: number;
  /** Tokens times the layers each passes: what time goes by. */
  readonly tokenLayers: number;
}

/** Layers that the runs pass which all cells of a batch share, by stack: those that they fork from, and take from. */
interface WholeRuns {
  /** Of the run that cells fork from: up to (exclusive) a layer of the model. */
  readonly parent: number;
  /** Of the run that they take activations from. */
  readonly source: number;
}

/** Runs of an encoder-decoder's encoder. */
const noRuns: WholeRuns = { parent: 0, source: 0 };

function wholeRuns(
  outline: TraceOutline,
  { layerCount, isCausal, encoder }: Architecture,
  cells: readonly TraceCell[],
): { readonly main: WholeRuns; readonly encoder: WholeRuns } {
  const spans = cells.map((cell) => {
    const { fork, to } = cellSpan(outline, layerCount, cell);
    const before = layersBefore(outline, cell);
    const isEncoders = encoder !== undefined && outline.streams[cell.stream]?.isOfInput === true;
    return { fork: before + fork, to: before + to, isEncoders };
  });
  const own = spans.filter(({ isEncoders }) => !isEncoders);
  const encoders = spans.filter(({ isEncoders }) => isEncoders);
  // Keys and values of earlier positions are needed to the end.
  const isPast = isCausal && cells.some((cell) => firstCarried(outline, cell, isCausal) > 0);
  const main = {
    parent: isPast ? layerCount : Math.max(0, ...spans.map(({ fork }) => fork)),
    source: Math.max(0, ...own.map(({ to }) => to)),
  };
  if (!encoder) return { main, encoder: noRuns };
  return {
    main,
    encoder: {
      // A row of the decoder reads its parent's encoder to the end.
      parent: own.length > 0 ? layerCount : Math.max(0, ...encoders.map(({ fork }) => fork)),
      source: Math.max(main.source, ...encoders.map(({ to }) => to)),
    },
  };
}

/** Where the layers begin of the decoder and of what it reads, and the stack that that reads where there is one. */
function beginnings(architecture: Architecture) {
  const stacks = stacksOf(architecture);
  const [main, read, first] = stacks.toReversed();
  return { before: main?.from ?? 0, read: read?.from ?? 0, first };
}

interface BatchWork {
  readonly rows: number;
  readonly rowLayers: number;
  readonly tokenLayers: number;
}

function batchWork(outline: TraceOutline, architecture: Architecture, batch: TraceBatch): BatchWork {
  const { layerCount, isCausal, encoder } = architecture;
  const { cells, slices } = batch;
  const { samples, direction, input, subject } = outline;
  const { before, read, first } = beginnings(architecture);
  const lengths = lengthsOf(outline, architecture);
  const whole = wholeRuns(outline, architecture, cells);
  let [rowLayers, tokenLayers] = [0, 0];
  const count = (layers: number, length: number, rows: number) => {
    rowLayers += layers * rows;
    tokenLayers += layers * rows * length;
  };
  const countWhole = ({ parent, source }: WholeRuns, from: number, length: number) => {
    const [clean, corrupted] = direction === 'restore' ? [source, parent] : [parent, source];
    // Every slice of the samples repeats the clean run.
    count(Math.max(0, clean - from), length, slices.length);
    count(Math.max(0, corrupted - from), length, samples);
  };
  countWhole(whole.main, before, lengths.main);
  // Where tokens are corrupted, one run of the encoder is the clean one and the corrupted ones'.
  if (subject === null) countWhole(whole.encoder, read, lengths.encoder);
  else
    count(
      Math.max(0, Math.max(whole.encoder.parent, whole.encoder.source) - read),
      lengths.encoder,
      slices.length,
    );
  // What the encoder reads in its turn is the same in every run, and handed over in the encoder's layers.
  if (first) count(before, first.maxPositions, slices.length);
  for (const cell of cells) {
    const fork = layersBefore(outline, cell) + cellSpan(outline, layerCount, cell).fork;
    const carriedFrom = firstCarried(outline, cell, isCausal);
    count(layerCount - Math.max(fork, before), lengths.main - carriedFrom, samples);
    const isEncoders = encoder !== undefined && outline.streams[cell.stream]?.isOfInput === true;
    if (isEncoders) count(layerCount - fork, input?.length ?? 0, samples);
  }
  return { rows: slices.length + samples * (1 + cells.length), rowLayers, tokenLayers };
}

/** Positions of a run, by stack. */
function lengthsOf({ tokens, input }: TraceOutline, { encoder }: Architecture) {
  const read = input?.length ?? 0;
  return encoder ? { main: tokens.length, encoder: read } : { main: tokens.length + read, encoder: 0 };
}

/** Progress that a batch is worth. */
export function batchRowLayers(outline: TraceOutline, architecture: Architecture, batch: TraceBatch): number {
  return batchWork(outline, architecture, batch).rowLayers;
}

/**
 * What a trace will cost, from its outline alone and without planning it: cheap enough to be asked at every keystroke.
 * `runTrace` reports progress towards the same `rowLayers`.
 */
export function estimateTrace(architecture: Architecture, outline: TraceOutline): TraceWork {
  const { layerCount, encoder } = architecture;
  const { before, read, first } = beginnings(architecture);
  const { samples, streams, subject } = outline;
  const batches = batchCells(outline, architecture);
  const whole = 1 + samples;
  const lengths = lengthsOf(outline, architecture);
  const own = whole * (layerCount - before);
  // The baselines run in plans of so many, and rows of one plan share an encoder of which nothing is corrupted.
  const plans = Math.ceil(whole / mostSamples);
  const encoders = !encoder ? 0 : (layerCount - read) * (subject === null ? whole : plans);
  const seen = first ? before * plans : 0;
  const work = batches.map((batch) => batchWork(outline, architecture, batch));
  const sum = (pick: (part: BatchWork) => number) => work.reduce((total, part) => total + pick(part), 0);
  return {
    cells: streams.reduce(
      (total, stream) => total + layersOf(stream, layerCount) * columnsOf(outline, stream).length,
      0,
    ),
    batches: batches.length,
    rows: whole + sum(({ rows }) => rows),
    rowLayers: own + encoders + seen + sum(({ rowLayers }) => rowLayers),
    tokenLayers:
      own * lengths.main +
      encoders * lengths.encoder +
      seen * (first?.maxPositions ?? 0) +
      sum(({ tokenLayers }) => tokenLayers),
  };
}

/** Tokens that the largest batch carries from layer to layer. */
export function mostTokensTogether(architecture: Architecture, outline: TraceOutline): number {
  const { tokens, input } = outline;
  const whole = tokens.length + (input?.length ?? 0);
  const carried = ({ slices: [slice], cells }: TraceBatch) =>
    ((slice?.to ?? 0) - (slice?.from ?? 0)) *
    cells.reduce((total, cell) => total + carriedBy(outline, cell), whole);
  return whole + Math.max(0, ...batchCells(outline, architecture).map(carried));
}
