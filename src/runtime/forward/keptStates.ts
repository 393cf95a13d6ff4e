// All states of one prompt, kept for later plans: what enters each layer, and the keys and values of all positions but the
// last. Rows of the same prompt then begin wherever they first change, at any layer and position, and nothing before is run
// again. It is what a hand that moves an edit about needs; `kept.ts` is for many prompts that fork at one place.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Backend, DeviceTensor } from '../backends/backend.ts';
import type { KeptPresent, KeptRow, KeptSlice } from '../plan/keptRow.ts';
import { PlanError } from '../plan/plan.ts';
import { embedStage, headStage, type Stage } from '../plan/stage.ts';
import type { PlacedRow } from './placedRow.ts';
import type { RowKeeper } from './rowKeeper.ts';

export interface KeptStates {
  readonly length: number;
  /** On the device, padding left aside. */
  readonly bytes: number;
  /**
   * The prompt as a row to fork from.
   * @throws PlanError for a layer or a position that does not exist
   */
  rowAt(layer: number, position: number): KeptRow;
  /** Give the memory back; rows of it can be forked from no more. */
  dispose(): void;
}

/** Bytes that the states of a prompt take. @param length tokens */
export const statesBytes = ({ width, presentWidth, layerCount }: Architecture, length: number): number =>
  4 * layerCount * (length * width + (length - 1) * presentWidth);

/** The first row of a run, whole. */
export class StatesKeeper implements RowKeeper {
  readonly length: number;
  readonly bytes: number;
  readonly #backend: Backend;
  readonly #architecture: Architecture;
  readonly #tensors: DeviceTensor[] = [];
  readonly #hidden = new Map<Stage, KeptSlice>();
  readonly #present = new Map<Stage, KeptPresent>();

  constructor(backend: Backend, architecture: Architecture, length: number) {
    this.#backend = backend;
    this.#architecture = architecture;
    this.length = length;
    this.bytes = statesBytes(architecture, length);
  }

  #isLayer = (stage: Stage): boolean => stage > embedStage && stage < headStage(this.#architecture);

  wantsPresent(rows: readonly number[], stage: Stage): boolean {
    // Where every position sees every other, rows fork at the first alone.
    return this.#architecture.isCausal && this.length > 1 && this.#isLayer(stage) && rows.includes(0);
  }

  takeHidden(placed: readonly PlacedRow[], stage: Stage, hidden: DeviceTensor | undefined): void {
    const tensor = hidden && this.#isLayer(stage) ? this.#copy(placed, hidden, this.length) : undefined;
    if (tensor) this.#hidden.set(stage, { tensor, at: 0 });
  }

  takePresent(
    placed: readonly PlacedRow[],
    stage: Stage,
    { 'present.keys': keys, 'present.values': values }: Readonly<Record<string, DeviceTensor>>,
  ): void {
    if (!keys || !values || !this.wantsPresent([0], stage)) return;
    const count = this.length - 1;
    const copied = { keys: this.#copy(placed, keys, count), values: this.#copy(placed, values, count) };
    if (copied.keys && copied.values)
      this.#present.set(stage, { keys: copied.keys, values: copied.values, at: 0, count });
  }

  /** The first tokens of the row. */
  #copy(placed: readonly PlacedRow[], tensor: DeviceTensor, count: number): DeviceTensor | undefined {
    const own = placed.find(({ row }) => row === 0);
    if (!own) return undefined;
    const width = tensor.shape[1] ?? 1;
    const start = (own.tokenOf(0) ?? 0) * width;
    const copy = this.#backend.assemble(
      [this.#backend.paddedSize(count), width],
      [{ from: tensor, start, count: count * width, at: 0 }],
    );
    this.#tensors.push(copy);
    return copy;
  }

  rowAt(layer: number, position: number): KeptRow {
    const hidden = this.#hidden.get(layer);
    const isThere = Number.isInteger(position) && position >= 0 && position < this.length;
    if (!hidden || !isThere)
      throw new PlanError(
        `Nothing was kept at layer ${layer}, position ${position}: the prompt has ${this.length} positions in layers 0 to ${this.#architecture.layerCount - 1}.`,
      );
    const present = [...this.#present].filter(([stage]) => position > 0 && stage >= layer);
    return {
      length: this.length,
      layer,
      position,
      hidden: { tensor: hidden.tensor, at: hidden.at + position },
      present: new Map(present.map(([stage, own]) => [stage, { ...own, count: position }])),
    };
  }

  dispose(): void {
    for (const tensor of this.#tensors.splice(0)) this.#backend.dispose(tensor);
    this.#hidden.clear();
  }
}
