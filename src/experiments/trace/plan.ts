// Turns batches of cells into plans of rows, and says what they will cost before any of them runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Plan, Reduction, Row } from '../../runtime/plan/plan.ts';
import { stacksOf } from '../../runtime/plan/stacks.ts';
import { handedNumbers, hiddenNumbers, type TakenSite, takenNumbers } from '../heldNumbers.ts';
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
  positionsOf,
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

interface BatchWork {
  readonly rows: number;
  readonly rowLayers: number;
  readonly tokenLayers: number;
}

/** A stack as the cost of a trace sees it: the layers that its rows pass, their reader's included, and their positions. */
interface CostedStack {
  readonly from: number;
  readonly end: number;
  readonly length: number;
}

/** The stacks of a model in the order in which they run; the last is the one that predicts. */
function costedStacks(outline: TraceOutline, architecture: Architecture): readonly CostedStack[] {
  const { tokens, input, picture } = outline;
  const stacks = stacksOf(architecture);
  const read = input?.length ?? 0;
  const lengths = { first: picture?.length ?? 0, encoder: read, main: tokens.length };
  // What reads a picture alone has no tokens.
  const lengthOf = (name: keyof typeof lengths) => (architecture.input ? read : lengths[name]);
  return stacks.map(({ name, from }, at) => ({
    from,
    end: stacks[at + 1]?.to ?? architecture.layerCount,
    length: lengthOf(name),
  }));
}

/** Which of the stacks, counted from the first, a stream's states are of. */
function levelOf(outline: TraceOutline, stackCount: number, { stream }: TraceCell): number {
  const { isOfInput, isOfPicture } = outline.streams[stream] ?? {};
  if (isOfPicture) return 0;
  return Math.max(0, stackCount - (isOfInput ? 2 : 1));
}

/** Which of the stacks is corrupted: those before it are the same in every run. */
function corruptedLevel({ subject, picture }: TraceOutline, stackCount: number): number {
  if (subject !== null) return stackCount - 1;
  return picture && picture.corrupted.length > 0 ? 0 : Math.max(0, stackCount - 2);
}

/** Layers that the two runs pass which all cells of a batch share, in each stack up to (exclusive) a layer of the model. */
interface SharedRuns {
  /** The run that cells fork from. */
  readonly parent: number;
  /** The run that they take activations from. */
  readonly source: number;
}

function sharedRuns(
  outline: TraceOutline,
  { layerCount, isCausal }: Architecture,
  cells: readonly TraceCell[],
  stacks: readonly CostedStack[],
): readonly SharedRuns[] {
  const spans = cells.map((cell) => {
    const { fork, to } = cellSpan(outline, layerCount, cell);
    const before = layersBefore(outline, cell);
    return { fork: before + fork, to: before + to, level: levelOf(outline, stacks.length, cell) };
  });
  // Keys and values of earlier positions are needed to the end.
  const isPast = isCausal && cells.some((cell) => firstCarried(outline, cell, isCausal) > 0);
  const found: SharedRuns[] = [];
  for (const [level, { end }] of [...stacks.entries()].toReversed()) {
    // A row reads the states of the stack before to their end, as far as it runs itself.
    const [reader] = found;
    const forks = spans.flatMap((span) => (span.level <= level ? [span.fork] : []));
    const isRead = spans.some((span) => span.level > level) || (isPast && level === stacks.length - 1);
    const own = spans.flatMap((span) => (span.level === level ? [span.to] : []));
    found.unshift({
      parent: Math.max(0, ...forks, isRead ? end : 0, Math.min(end, reader?.parent ?? 0)),
      source: Math.max(0, ...own, Math.min(end, reader?.source ?? 0)),
    });
  }
  return found;
}

function batchWork(outline: TraceOutline, architecture: Architecture, batch: TraceBatch): BatchWork {
  const { layerCount, isCausal } = architecture;
  const { cells, slices } = batch;
  const { samples, direction } = outline;
  const stacks = costedStacks(outline, architecture);
  const corrupted = corruptedLevel(outline, stacks.length);
  let [rowLayers, tokenLayers] = [0, 0];
  const count = (layers: number, length: number, rows: number) => {
    rowLayers += Math.max(0, layers) * rows;
    tokenLayers += Math.max(0, layers) * rows * length;
  };
  for (const [level, { parent, source }] of sharedRuns(outline, architecture, cells, stacks).entries()) {
    const { from = 0, length = 0 } = stacks[level] ?? {};
    // Every slice of the samples repeats the clean run.
    if (level < corrupted) count(Math.max(parent, source) - from, length, slices.length);
    else {
      const [clean, other] = direction === 'restore' ? [source, parent] : [parent, source];
      count(clean - from, length, slices.length);
      count(other - from, length, samples);
    }
  }
  for (const cell of cells) {
    const fork = layersBefore(outline, cell) + cellSpan(outline, layerCount, cell).fork;
    const carriedFrom = firstCarried(outline, cell, isCausal);
    for (const { from, end, length } of stacks.slice(levelOf(outline, stacks.length, cell)))
      count(end - Math.max(fork, from), length - carriedFrom, samples);
  }
  return { rows: slices.length + samples * (1 + cells.length), rowLayers, tokenLayers };
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
  const { layerCount } = architecture;
  const { samples, streams } = outline;
  const batches = batchCells(outline, architecture);
  const stacks = costedStacks(outline, architecture);
  const corrupted = corruptedLevel(outline, stacks.length);
  const whole = 1 + samples;
  // The baselines run in plans of so many, and rows of one plan share what is before the corruption.
  const plans = Math.ceil(whole / mostSamples);
  const baselines = stacks.map(({ from, end, length }, level) => {
    const layers = (end - from) * (level < corrupted ? plans : whole);
    return { rowLayers: layers, tokenLayers: layers * length };
  });
  const work = batches.map((batch) => batchWork(outline, architecture, batch));
  const sum = (pick: (part: BatchWork) => number) => work.reduce((total, part) => total + pick(part), 0);
  const sumOfBaselines = (pick: (part: (typeof baselines)[number]) => number) =>
    baselines.reduce((total, part) => total + pick(part), 0);
  return {
    cells: streams.reduce(
      (total, stream) => total + layersOf(stream, layerCount) * columnsOf(outline, stream).length,
      0,
    ),
    batches: batches.length,
    rows: whole + sum(({ rows }) => rows),
    rowLayers: sumOfBaselines(({ rowLayers }) => rowLayers) + sum(({ rowLayers }) => rowLayers),
    tokenLayers: sumOfBaselines(({ tokenLayers }) => tokenLayers) + sum(({ tokenLayers }) => tokenLayers),
  };
}

/** Numbers that the largest batch holds from layer to layer and takes from row to row. */
export function mostNumbersTogether(architecture: Architecture, outline: TraceOutline): number {
  const { tokens, input, picture, direction, streams } = outline;
  const { layerCount, isCausal } = architecture;
  const whole = tokens.length + (input?.length ?? 0) + (picture?.length ?? 0);
  const held = ({ slices: [slice], cells }: TraceBatch) => {
    const samples = Array.from({ length: (slice?.to ?? 0) - (slice?.from ?? 0) }, (_, sample) => sample);
    const carried = samples.length * cells.reduce((total, cell) => total + carriedBy(outline, cell), whole);
    const taken = cells.flatMap((cell) => {
      const stream = streams[cell.stream];
      if (!stream) return [];
      const { from, to } = cellSpan(outline, layerCount, cell);
      const positions = positionsOf(outline, cell);
      const before = layersBefore(outline, cell);
      return samples.map(
        (sample): TakenSite => ({
          component: stream.component,
          from: before + from,
          to: before + to,
          positions,
          ...(stream.heads ? { heads: stream.heads } : {}),
          source: direction === 'restore' ? 'clean' : sample,
        }),
      );
    });
    const forks = cells.map((cell) => firstCarried(outline, cell, isCausal));
    const parents = direction === 'restore' ? samples.map(() => forks) : [forks];
    const hidden = hiddenNumbers(architecture, whole + carried);
    return hidden + takenNumbers(architecture, taken) + handedNumbers(architecture, parents);
  };
  return Math.max(0, ...batchCells(outline, architecture).map(held));
}
