// What a plan of cells holds on the device: the hidden states of its rows, activations that are taken from one row and put
// into another, and the states that a recurrence hands to rows that fork. Of a model's width the others are no more than
// the hidden states; a recurrence's state has hundreds of times as many numbers.

import type { Architecture } from '../architectures/architecture.ts';
import { batchBytesOf } from '../runtime/backends/backend.ts';
import { mostHandedBatches } from '../runtime/forward/handedStates.ts';
import { describeComponent } from '../runtime/plan/sites.ts';

/** Numbers of the hidden states while rows pass a layer: what enters it lies there until all has left. */
export const hiddenNumbers = ({ width }: Architecture, tokens: number): number => 2 * tokens * width;

/** An activation that a row takes. */
export interface TakenSite {
  readonly component: string;
  /** Layers, `to` excluded. */
  readonly from: number;
  readonly to: number;
  readonly positions: readonly number[];
  /** Of those that the component has; default all. */
  readonly heads?: readonly number[];
  /** The row that it is taken from; absent where it comes from the host. */
  readonly source?: unknown;
}

/** What is put into rows stands on the device for the rows that pass a layer together: 256 MiB of float32 at most. */
const mostTogether = 2 ** 26;

/** Numbers of what rows take at one layer, the one with most. Components of pairs pass through the host. */
export function takenNumbers(architecture: Architecture, sites: readonly TakenSite[]): number {
  interface Layer {
    put: number;
    /** Positions that are held of a row, by row and component. */
    readonly held: Map<unknown, Map<string, Set<number>>>;
  }
  const layers = new Map<number, Layer>();
  const widthOf = (component: string, heads?: number): number => {
    const known = describeComponent(architecture, component);
    if (known.layout === 'pair') return 0;
    return known.width * (heads ?? known.heads ?? 1);
  };
  for (const { component, from, to, positions, heads, source } of sites) {
    const put = positions.length * widthOf(component, heads?.length);
    for (let layer = from; layer < to; layer++) {
      const at = layers.get(layer) ?? { put: 0, held: new Map() };
      layers.set(layer, at);
      at.put += put;
      if (source === undefined) continue;
      const ofRow = at.held.get(source) ?? new Map<string, Set<number>>();
      at.held.set(source, ofRow);
      const held = ofRow.get(component) ?? new Set();
      ofRow.set(component, held);
      for (const position of positions) held.add(position);
    }
  }
  const totals = [...layers.values()].map(({ put, held }) => {
    const kept = [...held.values()].flatMap((ofRow) =>
      [...ofRow].map(([component, positions]) => positions.size * widthOf(component)),
    );
    return Math.min(put, mostTogether) + kept.reduce((sum, numbers) => sum + numbers, 0);
  });
  return Math.max(0, ...totals);
}

/**
 * States that the engine hands on within a layer take a few batches at most; where more would be handed on, rows gather what made
 * them, which is less (`runtime/forward/handedStates.ts`). Of the backend with the largest batches, because an estimate is of any.
 */
const mostHanded =
  (mostHandedBatches * Math.max(...Object.values(batchBytesOf))) / Float32Array.BYTES_PER_ELEMENT;

/** Numbers of the states with which rows begin that fork from some rows at these positions. */
export function handedNumbers({ recurrence }: Architecture, parents: readonly (readonly number[])[]): number {
  if (!recurrence) return 0;
  const each = recurrence.windowWidth + recurrence.stateWidth;
  const states = parents.reduce(
    (sum, positions) => sum + new Set(positions.filter((position) => position > 0)).size,
    0,
  );
  return Math.min(states * each, mostHanded);
}
