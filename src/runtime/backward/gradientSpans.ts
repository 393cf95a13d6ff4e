// Gradients on their way from stage to stage: what arrives at the entrance of the stage above, row by row, as runs of
// positions in tensors that stay on the device.

import type { Arena } from '../backends/arena.ts';
import type { DeviceTensor, Piece } from '../backends/backend.ts';
import type { Lookup } from '../forward/lookup.ts';
import type { PlacedRow } from '../forward/placedRow.ts';
import type { Pooled } from '../forward/states.ts';
import type { Stage } from '../plan/stage.ts';

/** Positions `position` to `position + count` of a row, from token `from` of a tensor [tokens, width] on. */
export interface Span {
  readonly tensor: DeviceTensor;
  readonly from: number;
  readonly position: number;
  readonly count: number;
}

export class GradientSpans {
  readonly #arena: Arena;
  readonly #lookup: Lookup;
  #arriving = new Map<number, readonly Span[]>();
  #leaving = new Map<number, readonly Span[]>();

  constructor(arena: Arena, lookup: Lookup) {
    this.#arena = arena;
    this.#lookup = lookup;
  }

  /** The gradient of what entered a stage. */
  leave(row: number, spans: readonly Span[]): void {
    this.#leaving.set(row, spans);
  }

  /** A row passes nothing at a stage: what arrived above it arrives below it. */
  wait(row: number): void {
    const spans = this.#arriving.get(row);
    if (spans) this.#leaving.set(row, spans);
  }

  /** What has left a stage arrives at the one below; what arrived there is freed. */
  advance(): void {
    const kept = new Set([...this.#leaving.values()].flat().map(({ tensor }) => tensor));
    for (const { tensor } of [...this.#arriving.values()].flat())
      if (!kept.has(tensor)) this.#arena.dispose(tensor);
    this.#arriving = this.#leaving;
    this.#leaving = new Map();
  }

  /** The gradient of what left a stage for rows of a batch that went on: [tokens, width]; undefined without any. */
  out(batch: readonly PlacedRow[], stage: Stage, tokens: number): Pooled | undefined {
    const spans = batch
      .filter(({ row }) => this.#lookup.row(row).start <= stage)
      .flatMap((placed) =>
        (this.#arriving.get(placed.row) ?? []).map((span) => ({ span, at: tokenAt(placed, span.position) })),
      );
    const [first] = spans;
    if (!first) return undefined;
    const { tensor } = first.span;
    // Rows that bring nothing are zero, so the tensor itself will do only where all bring something.
    const covered = spans.reduce((sum, { span }) => sum + span.count, 0);
    const isWhole =
      tensor.shape[0] === tokens &&
      covered === tokens &&
      spans.every(({ span, at }) => span.tensor === tensor && span.from === at);
    if (isWhole) return { tensor, isTemporary: false };
    const width = this.#lookup.widthOf(batch[0]?.row ?? 0);
    const pieces = spans.map(({ span, at }) => pieceOf(span, at, width));
    return { tensor: this.#arena.assemble([tokens, width], pieces), isTemporary: true };
  }

  /** Gradients of rows that forked from rows of a batch where they left a stage: the tokens, and a tensor [tokens, width]. */
  forks(
    batch: readonly PlacedRow[],
    stage: Stage,
  ): { readonly units: DeviceTensor; readonly gradient: DeviceTensor } | undefined {
    const placedRows = new Map(batch.map((placed) => [placed.row, placed]));
    const found = this.#lookup.forksAt(stage + 1).flatMap(({ row }) => {
      const placed = placedRows.get(this.#origin(row, stage + 1));
      return placed ? (this.#arriving.get(row) ?? []).map((span) => ({ span, placed })) : [];
    });
    if (found.length === 0) return undefined;
    const count = found.reduce((sum, { span }) => sum + span.count, 0);
    const units = new Int32Array(this.#arena.backend.paddedSize(count));
    const pieces: Piece[] = [];
    const width = this.#lookup.widthOf(batch[0]?.row ?? 0);
    let at = 0;
    for (const { span, placed } of found) {
      const token = tokenAt(placed, span.position);
      for (let i = 0; i < span.count; i++) units[at + i] = token + i;
      pieces.push(pieceOf(span, at, width));
      at += span.count;
    }
    return {
      units: this.#arena.upload(units, [units.length]),
      gradient: this.#arena.assemble([units.length, width], pieces),
    };
  }

  /** The row that a row forked from and that passed the stage before: a parent may have forked at this very layer. */
  #origin(row: number, layer: Stage): number {
    const start = this.#lookup.plan.rows[row]?.start;
    return start?.kind === 'fork' && start.layer === layer ? this.#origin(start.parent, layer) : row;
  }
}

const pieceOf = ({ tensor, from, count }: Span, at: number, width: number): Piece => ({
  from: tensor,
  start: from * width,
  count: count * width,
  at: at * width,
});

export function tokenAt(placed: PlacedRow, position: number): number {
  const token = placed.tokenOf(position);
  if (token === undefined) throw new Error(`Position ${position} of row ${placed.row} is not in its batch.`);
  return token;
}
