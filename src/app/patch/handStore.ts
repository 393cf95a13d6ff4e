// What a person is looking at and holds in the hand: the socket under the pointer or the keys, the sockets that are picked,
// a cable that hangs from them, the cable that is selected. None of it is part of the document.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { isSameSocket, type SocketAddress } from '../../figures/rack/rackDescription.ts';

/** Sockets of one row. */
export interface Picked {
  readonly run: string;
  readonly layer: number | null;
  /** In order, without gaps. */
  readonly columns: readonly number[];
}

export interface HandState {
  /** Where the keys are. */
  readonly focus: SocketAddress | null;
  /** Under the pointer. */
  readonly under: SocketAddress | null;
  readonly picked: Picked | null;
  /** Whether a cable hangs from what is picked. */
  readonly isCarrying: boolean;
  /** The cable whose properties are open, by its id. */
  readonly selected: number | null;
  /** The cable that is pointed at. */
  readonly hovered: number | null;
  /** Why the last socket was refused. */
  readonly refusal: string | null;
  /** Runs whose layers a person has unfolded. */
  readonly unfolded: ReadonlySet<string>;
  /** Of the sockets; 1 as they fit best. */
  readonly zoom: number;
  /** How the sockets of the base are shown: hung in the rack, or as a heatmap with its numbers. */
  readonly shows: 'rack' | 'heatmap';
}

/** From all of a large model at once to sockets for the finger. */
export const zoomSteps: readonly number[] = [0.5, 0.7, 0.85, 1, 1.25, 1.6, 2, 2.5];

export interface HandStore extends StoreApi<HandState> {
  pick(address: SocketAddress, isCarrying: boolean): void;
  /** Up to another socket of the same row. @returns whether it is one */
  extend(address: SocketAddress): boolean;
  drop(): void;
  pointAt(address: SocketAddress | null): void;
  /** One step closer (1) or farther (-1), or back to what fits (0). */
  zoomBy(step: 1 | 0 | -1): void;
}

export function createHandStore(): HandStore {
  const store = createStore<HandState>(() => ({
    focus: null,
    under: null,
    picked: null,
    isCarrying: false,
    selected: null,
    hovered: null,
    refusal: null,
    unfolded: new Set(),
    zoom: 1,
    shows: 'rack',
  }));
  return {
    ...store,
    pick: ({ run, layer, column }, isCarrying) =>
      store.setState({ picked: { run, layer, columns: [column] }, isCarrying, refusal: null }),
    extend: ({ run, layer, column }) => {
      const { picked } = store.getState();
      const [first] = picked?.columns ?? [];
      if (!picked || first === undefined || picked.run !== run || picked.layer !== layer) return false;
      const [from, to] = [Math.min(first, column), Math.max(picked.columns.at(-1) ?? first, column)];
      const end = column < first ? to : column;
      const columns = Array.from({ length: end - from + 1 }, (_, index) => from + index);
      store.setState({ picked: { run, layer, columns }, refusal: null });
      return true;
    },
    drop: () => store.setState({ picked: null, isCarrying: false, refusal: null }),
    zoomBy: (step) => {
      const at = zoomSteps.indexOf(store.getState().zoom);
      const zoom = step === 0 ? 1 : zoomSteps[at + step];
      if (zoom !== undefined) store.setState({ zoom });
    },
    pointAt: (address) => {
      if (!isSameSocket(address, store.getState().under)) store.setState({ under: address });
    },
  };
}
