// What rows leave for later plans: their states at the entrance of a layer, and the keys and values of the positions
// before a fork. Whoever runs the same prompts under many edits runs what comes before the edits once.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Backend, DeviceTensor, Piece } from '../backends/backend.ts';
import { carriedEdit } from '../plan/carried.ts';
import type { KeptPresent, KeptRow, KeptSlice } from '../plan/keptRow.ts';
import { PlanError } from '../plan/plan.ts';
import type { Schedule } from '../plan/scheduled.ts';
import { headStage, type Stage } from '../plan/stage.ts';
import type { PlacedRow } from './placedRow.ts';
import type { RowKeeper } from './rowKeeper.ts';

export interface KeepRequest {
  /** The layer at whose entrance later rows fork. */
  readonly layer: number;
  /** For each row that is kept, the position at which later rows fork. */
  readonly positions: ReadonlyMap<number, number>;
}

/** @throws PlanError for a layer or a position that does not exist, and a row that does not carry all of itself */
export function checkKeep(architecture: Architecture, { layer, positions }: KeepRequest, { rows }: Schedule) {
  if (!Number.isInteger(layer) || layer < 0 || layer >= architecture.layerCount) {
    throw new PlanError(
      `Nothing can be kept at layer ${layer}: this model has layers 0 to ${architecture.layerCount - 1}.`,
    );
  }
  for (const [row, position] of positions) {
    const { length, first, start, edits } = rows[row] ?? { length: 0, first: 0, start: 0, edits: [] };
    if (!Number.isInteger(position) || position < 0 || position >= length)
      throw new PlanError(
        `Row ${row} cannot be kept from position ${position} on: it has ${length} positions.`,
      );
    if (first > 0 || start > layer)
      throw new PlanError(
        `Row ${row} cannot be kept: it carries only what it changes. Keep its parent instead.`,
      );
    const carried = carriedEdit(architecture, { edits: [...edits] }, { layer, before: position });
    if (carried)
      throw new PlanError(
        `Row ${row} cannot be kept from position ${position} on: '${carried.component}' of layer ${carried.stage} is edited at position ${carried.position}, and what follows from that state is not kept. Keep it from position ${carried.position} on, and repeat the edit.`,
      );
    if (position > 0 && !architecture.isCausal)
      throw new PlanError(
        `In ${architecture.family} every position sees every other, so a row is kept from position 0 on.`,
      );
  }
}

/** Bytes that a kept row takes, padding of the device left aside. @param length positions of its sequence */
export function keptBytes(
  architecture: Architecture,
  { layer, length, position }: { readonly layer: number; readonly length: number; readonly position: number },
): number {
  const { width, presentWidth, layerCount } = architecture;
  return 4 * ((length - position) * width + presentWidth * position * (layerCount - layer));
}

/** The last stage that each row must reach to be kept. */
export function keptEnds(
  architecture: Architecture,
  { layer, positions }: KeepRequest,
): ReadonlyMap<number, Stage> {
  const last = headStage(architecture) - 1;
  return new Map([...positions].map(([row, position]) => [row, position > 0 ? last : layer]));
}

/** Copies what is to be kept from the batches of a run, while they pass. */
export class Keeper implements RowKeeper {
  readonly #backend: Backend;
  readonly #request: KeepRequest;
  readonly #tensors: DeviceTensor[] = [];
  readonly #hidden = new Map<number, KeptSlice>();
  readonly #present = new Map<number, Map<Stage, KeptPresent>>();
  readonly #head: Stage;

  constructor(backend: Backend, architecture: Architecture, request: KeepRequest) {
    this.#backend = backend;
    this.#head = headStage(architecture);
    this.#request = request;
  }

  /** Whether the keys and values of a batch are wanted. */
  wantsPresent(rows: readonly number[], stage: Stage): boolean {
    const { layer, positions } = this.#request;
    return stage >= layer && stage < this.#head && rows.some((row) => (positions.get(row) ?? 0) > 0);
  }

  /** @param hidden [tokens, width], what entered the stage */
  takeHidden(placed: readonly PlacedRow[], stage: Stage, hidden: DeviceTensor | undefined): void {
    if (!hidden || stage !== this.#request.layer) return;
    const spans = this.#spans(placed, (length, position) => [position, length - position]);
    const tensor = this.#copy(hidden, spans);
    for (const { row, at } of tensor ? spans : []) if (tensor) this.#hidden.set(row, { tensor, at });
  }

  /** @param outputs of a batch: keys and values are [tokens, width] */
  takePresent(
    placed: readonly PlacedRow[],
    stage: Stage,
    { 'present.keys': keys, 'present.values': values }: Readonly<Record<string, DeviceTensor>>,
  ): void {
    if (!keys || !values || stage < this.#request.layer) return;
    const spans = this.#spans(placed, (_, position) => [0, position]);
    const copied = { keys: this.#copy(keys, spans), values: this.#copy(values, spans) };
    for (const { row, at, count } of spans) {
      if (!copied.keys || !copied.values) continue;
      const layers = this.#present.get(row) ?? new Map<Stage, KeptPresent>();
      this.#present.set(row, layers);
      layers.set(stage, { keys: copied.keys, values: copied.values, at, count });
    }
  }

  /** Which tokens of a batch are kept of each row, and their place in the copy. */
  #spans(
    placed: readonly PlacedRow[],
    rangeOf: (length: number, position: number) => readonly [number, number],
  ) {
    let at = 0;
    return placed.flatMap(({ row, length, tokenOf }) => {
      const position = this.#request.positions.get(row);
      if (position === undefined) return [];
      const [first, count] = rangeOf(length, position);
      if (count === 0) return [];
      const span = { row, from: tokenOf(first) ?? 0, at, count };
      at += count;
      return [span];
    });
  }

  #copy(
    tensor: DeviceTensor,
    spans: readonly { readonly from: number; readonly at: number; readonly count: number }[],
  ): DeviceTensor | undefined {
    if (spans.length === 0) return undefined;
    const width = tensor.shape[1] ?? 1;
    const pieces = spans.map(
      ({ from, at, count }): Piece => ({
        from: tensor,
        start: from * width,
        count: count * width,
        at: at * width,
      }),
    );
    const total = spans.reduce((sum, { count }) => sum + count, 0);
    const copy = this.#backend.assemble([this.#backend.paddedSize(total), width], pieces);
    this.#tensors.push(copy);
    return copy;
  }

  /** What was kept, after the run. @param schedule of the run */
  rows({ rows }: Schedule): ReadonlyMap<number, KeptRow> {
    const { layer, positions } = this.#request;
    return new Map(
      [...positions].map(([row, position]) => {
        const hidden = this.#hidden.get(row);
        if (!hidden) throw new Error(`Row ${row} was not kept.`);
        const length = rows[row]?.length ?? 0;
        return [row, { length, layer, position, hidden, present: this.#present.get(row) ?? new Map() }];
      }),
    );
  }

  dispose(): void {
    for (const tensor of this.#tensors.splice(0)) this.#backend.dispose(tensor);
  }
}
