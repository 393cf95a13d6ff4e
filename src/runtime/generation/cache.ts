// The keys and values of sequences that are being generated, layer by layer, in tensors that stay on the device. A slot
// holds one position of one sequence in all layers; sequences that begin alike share the slots of their beginning. Which
// slot is which position reaches attention as indices, so slots need no order and those of an ended row are used again.

import type { Backend, DeviceTensor, Piece } from '../backends/backend.ts';

/** One token of a batch, and the slot that it fills. */
export interface SlotMove {
  /** Place of the token in the batch. */
  readonly from: number;
  readonly slot: number;
}

export interface LayerCache {
  readonly keys: DeviceTensor;
  readonly values: DeviceTensor;
}

/** Slots are made in blocks: a new size may cost the compilation of shaders. */
const blockSlots = 64;
/** A cache that is full grows by this share of itself, so that copying it stays a small part of the work. */
const growth = 0.25;

/** Neighbours that stay neighbours, as one piece. */
function piecesOf(from: DeviceTensor, moves: readonly SlotMove[], width: number): readonly Piece[] {
  const runs: { from: number; slot: number; count: number }[] = [];
  for (const move of moves) {
    const last = runs.at(-1);
    if (last && move.from === last.from + last.count && move.slot === last.slot + last.count) last.count += 1;
    else runs.push({ ...move, count: 1 });
  }
  return runs.map((run) => ({
    from,
    start: run.from * width,
    count: run.count * width,
    at: run.slot * width,
  }));
}

export class GenerationCache {
  readonly #backend: Backend;
  readonly #layers = new Map<number, LayerCache>();
  /** How many sequences use a slot; 0 is free. */
  readonly #uses: number[] = [];
  #lowestFree = 0;
  #capacity = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Slots that there is room for. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Make room for this many slots in all, so that it need not be made bit by bit. */
  reserve(slots: number): void {
    if (slots <= this.#capacity) return;
    const wanted = Math.max(slots, Math.ceil(this.#capacity * (1 + growth)));
    const capacity = this.#backend.paddedSize(Math.ceil(wanted / blockSlots) * blockSlots);
    for (const [layer, { keys, values }] of this.#layers)
      this.#layers.set(layer, {
        keys: this.#grown(keys, capacity),
        values: this.#grown(values, capacity),
      });
    this.#capacity = capacity;
  }

  #grown(tensor: DeviceTensor, capacity: number): DeviceTensor {
    const [slots = 0, width = 1] = tensor.shape;
    const piece = { from: tensor, start: 0, count: slots * width, at: 0 };
    const grown = this.#backend.assemble([capacity, width], [piece]);
    this.#backend.dispose(tensor);
    return grown;
  }

  /** Free slots, the lowest first, used by one sequence from now on. */
  take(count: number): readonly number[] {
    const slots: number[] = [];
    for (let slot = this.#lowestFree; slots.length < count; slot++) {
      if ((this.#uses[slot] ?? 0) > 0) continue;
      this.#uses[slot] = 1;
      slots.push(slot);
    }
    this.#lowestFree = (slots.at(-1) ?? this.#lowestFree - 1) + 1;
    this.reserve(this.#uses.length);
    return slots;
  }

  /** One more sequence uses these slots. */
  share(slots: readonly number[]): void {
    for (const slot of slots) this.#uses[slot] = (this.#uses[slot] ?? 0) + 1;
  }

  /** One sequence less uses these slots. */
  release(slots: readonly number[]): void {
    for (const slot of slots) {
      const uses = (this.#uses[slot] ?? 1) - 1;
      this.#uses[slot] = uses;
      if (uses === 0) this.#lowestFree = Math.min(this.#lowestFree, slot);
    }
  }

  /** @param keys [tokens, width] of a batch in a layer, and `values` likewise */
  write(layer: number, keys: DeviceTensor, values: DeviceTensor, moves: readonly SlotMove[]): void {
    if (moves.length === 0) return;
    const held = this.#layers.get(layer) ?? {
      keys: this.#backend.assemble([this.#capacity, keys.shape[1] ?? 1], []),
      values: this.#backend.assemble([this.#capacity, values.shape[1] ?? 1], []),
    };
    this.#layers.set(layer, held);
    this.#backend.write(held.keys, piecesOf(keys, moves, keys.shape[1] ?? 1));
    this.#backend.write(held.values, piecesOf(values, moves, values.shape[1] ?? 1));
  }

  layer(layer: number): LayerCache {
    const held = this.#layers.get(layer);
    if (!held) throw new Error(`Nothing was kept of layer ${layer}.`);
    return held;
  }

  dispose(): void {
    for (const { keys, values } of this.#layers.values()) {
      this.#backend.dispose(keys);
      this.#backend.dispose(values);
    }
    this.#layers.clear();
    this.#uses.length = 0;
    this.#lowestFree = 0;
    this.#capacity = 0;
  }
}
