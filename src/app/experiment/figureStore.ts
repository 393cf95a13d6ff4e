// How the figure is looked at: metric, colours, orientation, pinned cells, and the cell that the inspector shows. None of it
// needs a new run.

import { createStore, type StoreApi } from 'zustand/vanilla';
import { type CellAddress, isSameCell } from '../../figures/description.ts';
import { togglePin, unpin } from '../../figures/pins.ts';
import { type FigureView, initialView } from './figureView.ts';

export interface FigureState {
  readonly view: FigureView;
  readonly isTable: boolean;
  /** Under the pointer or the keyboard. */
  readonly looked: CellAddress | null;
  /** The pinned cell that the inspector shows while nothing else is looked at. */
  readonly chosen: CellAddress | null;
  readonly change: (change: Partial<FigureView>) => void;
  readonly setTable: (isTable: boolean) => void;
  readonly look: (cell: CellAddress | null) => void;
  readonly pin: (cell: CellAddress) => void;
  readonly unpin: (cell: CellAddress) => void;
  readonly choose: (cell: CellAddress) => void;
  /** Another experiment: its cells are others, unless it comes with pins of its own. */
  readonly reset: (view?: FigureView) => void;
}

export type FigureStore = StoreApi<FigureState>;

/** @param first how figures are looked at before anything is chosen */
export function createFigureStore(first: FigureView = initialView): FigureStore {
  return createStore<FigureState>((set, get) => {
    const repin = (pins: FigureView['pins']) => set({ view: { ...get().view, pins } });
    return {
      view: first,
      isTable: false,
      looked: null,
      chosen: null,
      change: (change) => set({ view: { ...get().view, ...change } }),
      setTable: (isTable) => set({ isTable }),
      look: (looked) => {
        const before = get().looked;
        if (looked === null ? before !== null : before === null || !isSameCell(before, looked))
          set({ looked });
      },
      pin: (cell) => {
        const pins = togglePin(get().view.pins, cell);
        repin(pins);
        set({ chosen: pins.find((each) => isSameCell(each, cell)) ?? pins.at(-1) ?? null });
      },
      unpin: (cell) => {
        const pins = unpin(get().view.pins, cell);
        repin(pins);
        set({ chosen: pins.at(-1) ?? null });
      },
      choose: (chosen) => set({ chosen }),
      reset: (view) => {
        const pins = view?.pins ?? [];
        set({ view: view ?? { ...get().view, sheet: 0, pins }, looked: null, chosen: pins[0] ?? null });
      },
    };
  });
}
