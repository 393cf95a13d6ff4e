// How a batch of rows enters a stage: the tensors that its graph is given, beside weights, edits and reads.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Arena } from '../backends/arena.ts';
import type { Backend, DeviceTensor, TensorData } from '../backends/backend.ts';
import { memoryAt } from '../plan/scheduled.ts';
import { inputOf, partAt, type StackStage } from '../plan/stacks.ts';
import { embedStage, headStage } from '../plan/stage.ts';
import { indexBatch } from './batch.ts';
import { handedInputs } from './handedStates.ts';
import type { Lookup } from './lookup.ts';
import type { Passing } from './passing.ts';
import type { BatchSizes, PlacedRow } from './placedRow.ts';
import { batchTokens, batchVectors } from './rowInputs.ts';
import type { PastPool, Pooled, States } from './states.ts';
import type { VariantSlots } from './variant.ts';

/** What entering asks of a run. */
export interface Entrance {
  readonly architecture: Architecture;
  readonly backend: Backend;
  readonly arena: Arena;
  readonly lookup: Lookup;
  readonly states: States;
  /** Batches will be computed again. */
  readonly isRecorded: boolean;
}

/** A batch that has entered a stage. */
export interface Entered {
  readonly placed: readonly PlacedRow[];
  readonly sizes: BatchSizes;
  readonly inputs: Readonly<Record<string, DeviceTensor>>;
  readonly temporary: readonly DeviceTensor[];
  readonly past?: PastPool;
}

/** Of parts that are made anew for longer rows: as much as the positions that their graph goes along need. */
export function reachAt(
  { architecture, lookup }: Entrance,
  at: StackStage,
  { sizes, past }: Entered,
): Pick<VariantSlots, 'reach'> {
  if (!partAt(architecture, at)?.part.hasReach) return {};
  const positions = past?.starts ? sizes.queries : lookup.schedule.longest[at.stack];
  return { reach: 2 ** Math.ceil(Math.log2(positions)) };
}

/** Give a batch's rows to the embedding or a block. */
export function enterLayer(
  { architecture, backend, arena, lookup, states, isRecorded }: Entrance,
  { stack, stage }: StackStage,
  batch: readonly number[],
  keepsPresent: boolean,
): Entered {
  const rows = batch.map((row) => lookup.row(row));
  const { handsStates } = lookup;
  const pastOf = () => (handsStates ? states.handed(rows) : states.past(batch, stage));
  const past = stage === embedStage ? undefined : pastOf();
  const paddedSize = (size: number) => backend.paddedSize(size);
  const sizes = indexBatch(handsStates ? rows.map((row) => ({ ...row, past: [] })) : rows, {
    stage,
    longest: lookup.schedule.longest,
    past: past?.places ?? new Map(),
    pastCount: past?.count ?? 0,
    paddedSize,
  });
  const inputs: Record<string, DeviceTensor> = {};
  const temporary: DeviceTensor[] = [];
  const give = (name: string, { tensor, isTemporary }: Pooled) => {
    inputs[name] = tensor;
    if (isTemporary) temporary.push(tensor);
  };
  const upload = (name: string, data: TensorData, ...shape: readonly number[]) =>
    give(name, { tensor: arena.upload(data, shape), isTemporary: true });
  for (const name of ['positions', 'lengths'] as const) upload(name, sizes[name], sizes.tokens);
  if (stage === embedStage) {
    const input = inputOf(architecture, stack);
    const { plan } = lookup;
    if (input) upload('vectors', batchVectors(plan, batch, sizes, input), sizes.tokens, input.width);
    else upload('tokens', batchTokens(plan, batch, sizes), sizes.tokens);
  } else {
    upload('query_index', sizes.queryIndex, sizes.rows, sizes.queries);
    upload('query_positions', sizes.queryPositions, sizes.rows, sizes.queries);
    upload('key_index', sizes.keyIndex, sizes.rows, sizes.keys);
    upload('key_positions', sizes.keyPositions, sizes.rows, sizes.keys);
    upload('token_slot', sizes.tokenSlot, sizes.tokens);
    if (isRecorded) upload('key_slot', sizes.keySlot, sizes.tokens);
    if (past && sizes.memory > 0) {
      upload('memory_index', sizes.memoryIndex, sizes.rows, sizes.memory);
      upload('memory_positions', sizes.memoryPositions, sizes.rows, sizes.memory);
    }
    const forks =
      handsStates && keepsPresent ? batch.map((row) => lookup.forkPositions(row, stage)) : undefined;
    const handed = { ...(past?.starts ? { starts: past.starts } : {}), ...(forks ? { forks } : {}) };
    for (const { name, data, shape } of handedInputs(rows, handed, { padded: sizes.rows, paddedSize }))
      upload(name, data, ...shape);
    give('hidden', states.gather(batch, sizes.offsets, sizes.tokens));
    if (past) {
      give('past.keys', past.keys);
      give('past.values', past.values);
    }
  }
  const placed = batch.map((row, place): PlacedRow => {
    const scheduled = lookup.row(row);
    const { first, edits, length } = scheduled;
    const memory = memoryAt(scheduled, stage);
    const offset = sizes.offsets[place] ?? 0;
    const tokenOf = (position: number) => offset + position - first;
    const own = edits.filter((edit) => edit.stage === stage);
    return { row, place, first, length, ...(memory ? { memory } : {}), tokenOf, edits: own };
  });
  return { placed, sizes, inputs, temporary, ...(past ? { past } : {}) };
}

/** Give the head the positions that are read, and no others. */
export function enterHead(
  { architecture, backend, lookup, states }: Entrance,
  batch: readonly Passing[],
): Entered {
  const wanted: { row: number; position: number }[] = [];
  const placed = batch.map(({ row, positions }, place): PlacedRow => {
    const { first, edits, length } = lookup.row(row);
    const tokens = new Map<number, number>();
    for (const position of positions) {
      tokens.set(position, wanted.length);
      wanted.push({ row, position });
    }
    const tokenOf = (position: number) => tokens.get(position);
    return {
      row,
      place,
      first,
      length,
      tokenOf,
      edits: edits.filter((edit) => edit.stage === headStage(architecture)),
    };
  });
  const tokens = backend.paddedSize(wanted.length);
  const { tensor } = states.gatherPositions(wanted, tokens);
  const sizes = { tokens, rows: batch.length, queries: 1, keys: 1, memory: 0 };
  return { placed, sizes, inputs: { hidden: tensor }, temporary: [tensor] };
}
