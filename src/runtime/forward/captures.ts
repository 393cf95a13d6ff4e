// What rows must hand to the edits of other rows: for each (row, site) the positions that some edit takes from it, kept
// on the device until the last of those edits has run.

import type { Arena } from '../backends/arena.ts';
import type { DeviceTensor, Piece } from '../backends/backend.ts';
import type { ReadTensor } from '../plan/plan.ts';
import type { ScheduledEdit } from '../plan/scheduled.ts';
import type { Stage } from '../plan/stage.ts';
import { type CaptureRequest, captureKey, placeOf } from './captureRequests.ts';
import type { TapGroup } from './taps.ts';

/** A captured block: units position by position, all heads of each. */
export interface Capture {
  readonly request: CaptureRequest;
  readonly tensor: DeviceTensor;
  /** First unit of the block in the tensor. */
  readonly at: number;
  /** Units per position: heads of a per-head component, else 1. */
  readonly unitsPerPosition: number;
  readonly width: number;
}

export class Captures {
  readonly #arena: Arena;
  readonly #held = new Map<string, Capture>();
  /** Captures of pair components pass through the host: the batches they go to are padded differently. */
  readonly #pairs = new Map<string, { readonly request: CaptureRequest; readonly tensor: ReadTensor }>();

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Keep what the captures of one group have brought. */
  keep(group: TapGroup, tensor: DeviceTensor | undefined): void {
    if (!tensor) throw new Error(`Nothing was captured of '${group.slot.component}'.`);
    const { component } = group;
    const unitsPerPosition = component.layout === 'head' ? (component.heads ?? 1) : 1;
    for (const { target, at } of group.members) {
      if (target.kind !== 'capture') continue;
      this.#held.set(target.request.key, {
        request: target.request,
        tensor,
        at,
        unitsPerPosition,
        width: component.width,
      });
    }
  }

  /** @param tensor [heads, positions, keys] of all heads and the request's positions */
  keepPairs(request: CaptureRequest, tensor: ReadTensor | undefined): void {
    if (!tensor) throw new Error(`Nothing was captured of '${request.component}'.`);
    this.#pairs.set(request.key, { request, tensor });
  }

  /** The source of an edit of a pair component: [heads, positions, keys] of the edit's units. */
  pairSource(edit: ScheduledEdit): Float32Array {
    if (edit.source?.kind === 'tensor') return edit.source.data;
    const { origin } = edit;
    const held = origin && this.#pairs.get(captureKey(origin.row, origin.stage, origin.component));
    if (!held) throw new Error(`The source of an edit of '${edit.site.component}' was not captured.`);
    const { positions, heads = [] } = origin.location;
    const [, heldPositions = 0, keys = 0] = held.tensor.shape;
    const data = new Float32Array(heads.length * positions.length * keys);
    heads.forEach((head, h) => {
      positions.forEach((position, p) => {
        const from = (head * heldPositions + placeOf(held.request, position)) * keys;
        data.set(held.tensor.data.subarray(from, from + keys), (h * positions.length + p) * keys);
      });
    });
    return data;
  }

  of(edit: ScheduledEdit): Capture {
    const { origin } = edit;
    const capture = origin && this.#held.get(captureKey(origin.row, origin.stage, origin.component));
    if (!capture) throw new Error(`The source of an edit of '${edit.site.component}' was not captured.`);
    return capture;
  }

  /** Drop what no later stage uses. */
  release(stage: Stage): void {
    for (const [key, { request }] of this.#pairs) if (request.lastUse <= stage) this.#pairs.delete(key);
    // Captures of one batch share a tensor: it goes with the last of them.
    const dropped = new Set<DeviceTensor>();
    for (const [key, { request, tensor }] of this.#held) {
      if (request.lastUse > stage) continue;
      this.#held.delete(key);
      dropped.add(tensor);
    }
    if (dropped.size === 0) return;
    for (const { tensor } of this.#held.values()) dropped.delete(tensor);
    for (const tensor of dropped) this.#arena.dispose(tensor);
  }
}

/** A tensor [units, width] that holds these captures, and where each begins in it: the captures' own tensor when they share one. */
export function poolOf(
  arena: Arena,
  captures: readonly Capture[],
): {
  readonly tensor: DeviceTensor;
  readonly starts: ReadonlyMap<Capture, number>;
  readonly isTemporary: boolean;
} {
  const distinct = [...new Set(captures)];
  const [first] = distinct;
  if (!first) throw new Error('A pool needs a capture.');
  if (distinct.every((capture) => capture.tensor === first.tensor)) {
    return { tensor: first.tensor, starts: new Map(distinct.map((c) => [c, c.at])), isTemporary: false };
  }
  const starts = new Map<Capture, number>();
  const pieces: Piece[] = [];
  let at = 0;
  for (const capture of distinct) {
    const units = capture.request.positions.length * capture.unitsPerPosition;
    starts.set(capture, at);
    pieces.push({
      from: capture.tensor,
      start: capture.at * capture.width,
      count: units * capture.width,
      at: at * capture.width,
    });
    at += units;
  }
  return {
    tensor: arena.assemble([arena.backend.paddedSize(at), first.width], pieces),
    starts,
    isTemporary: true,
  };
}
