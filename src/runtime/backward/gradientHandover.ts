// Gradients that go from row to row: of what an edit took from another row, and of the keys and values that a forked row
// read of its ancestors. They wait on the device until the backward pass comes to the row that they belong to.

import type { Arena } from '../backends/arena.ts';
import type { DeviceTensor, Piece } from '../backends/backend.ts';
import { captureKey } from '../forward/captureRequests.ts';
import type { BatchRecord } from '../forward/execute.ts';
import type { Lookup } from '../forward/lookup.ts';
import type { PlacedRow } from '../forward/placedRow.ts';
import type { Needs } from './gradientNeeds.ts';
import { tokenAt } from './gradientSpans.ts';
import type { Arrival } from './gradientUses.ts';

type Outputs = Readonly<Record<string, DeviceTensor>>;

/** Gradients of keys and values that rows which forked from a row have read: tokens `at` and on of [past, width]. */
interface PresentArrival {
  readonly keys: DeviceTensor | undefined;
  readonly values: DeviceTensor | undefined;
  readonly at: number;
}

const noArrivals: readonly Arrival[] = [];

export class Handover {
  readonly #arena: Arena;
  readonly #lookup: Lookup;
  readonly #needs: Needs;
  /** By the capture that they go back to. */
  readonly #arrivals = new Map<string, Arrival[]>();
  #present = new Map<number, PresentArrival[]>();

  constructor(arena: Arena, lookup: Lookup, needs: Needs) {
    this.#arena = arena;
    this.#lookup = lookup;
    this.#needs = needs;
  }

  arrivals(capture: string): readonly Arrival[] {
    return this.#arrivals.get(capture) ?? noArrivals;
  }

  /** Take the gradients of the sources of a batch's edits. @param edits by place, those whose sources' gradients came */
  takeSources({ edits: { groups } }: BatchRecord, edits: readonly number[], outputs: Outputs): void {
    for (const group of edits) {
      const tensor = outputs[`gradient.edit${group}.source`];
      if (!tensor) continue;
      for (const [unit, { edit, index }] of (groups[group]?.units ?? []).entries()) {
        const { origin } = edit;
        if (!origin || !this.#needs.dependsAt(origin.row, origin.stage)) continue;
        const { positions, heads = [0] } = origin.location;
        const position = positions[Math.floor(index / heads.length)] ?? 0;
        const head = heads[index % heads.length] ?? 0;
        const key = captureKey(origin.row, origin.stage, origin.component);
        const known = this.#arrivals.get(key) ?? [];
        this.#arrivals.set(key, known);
        known.push({ component: origin.component, tensor, unit, position, head });
        this.#arena.keep(tensor);
      }
      // It goes with the last of those that wait for it.
      this.#arena.dispose(tensor);
    }
  }

  /** Take the gradients of the ancestors' keys and values of a batch. */
  takePast({ stage, past }: BatchRecord, outputs: Outputs): void {
    const { 'gradient.past.keys': keys, 'gradient.past.values': values } = outputs;
    if (!keys && !values) return;
    for (const [row, { at }] of past?.places ?? []) {
      if (!this.#needs.dependsAt(row, stage)) continue;
      this.#present.set(row, [...(this.#present.get(row) ?? []), { keys, values, at }]);
    }
  }

  /** The inputs that bring the rows of a batch the gradients of their keys and values; undefined without any. */
  present(batch: readonly PlacedRow[]): Readonly<Record<string, DeviceTensor>> | undefined {
    const found = batch.flatMap((placed) =>
      (this.#present.get(placed.row) ?? []).map((arrival) => ({ placed, arrival, own: this.#ownOf(placed) })),
    );
    const [first] = found;
    const width = (first?.arrival.keys ?? first?.arrival.values)?.shape[1];
    if (width === undefined) return undefined;
    const count = found.reduce((sum, { own }) => sum + own, 0);
    const units = new Int32Array(this.#arena.backend.paddedSize(count));
    const pieces: { readonly keys: Piece[]; readonly values: Piece[] } = { keys: [], values: [] };
    let k = 0;
    for (const { placed, arrival, own } of found) {
      const token = tokenAt(placed, placed.first);
      for (let i = 0; i < own; i++) units[k + i] = token + i;
      for (const name of ['keys', 'values'] as const) {
        const from = arrival[name];
        if (from) pieces[name].push({ from, start: arrival.at * width, count: own * width, at: k * width });
      }
      k += own;
    }
    return {
      'present.units': this.#arena.upload(units, [units.length]),
      'present.keys.gradient': this.#arena.assemble([units.length, width], pieces.keys),
      'present.values.gradient': this.#arena.assemble([units.length, width], pieces.values),
    };
  }

  #ownOf({ row }: PlacedRow): number {
    const { length, first } = this.#lookup.row(row);
    return length - first;
  }

  /** What has arrived at a batch is used up. */
  free({ placed, stage }: BatchRecord): void {
    for (const { key } of placed.flatMap(({ row }) => this.#lookup.capturesAt(row, stage))) {
      for (const { tensor } of this.arrivals(key)) this.#arena.release(tensor);
      this.#arrivals.delete(key);
    }
  }

  /** Keys and values are of one layer alone. */
  endStage(): void {
    for (const { keys, values } of [...this.#present.values()].flat())
      for (const tensor of [keys, values]) if (tensor) this.#arena.dispose(tensor);
    this.#present = new Map();
  }
}
