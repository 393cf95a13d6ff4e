// The thin React binding over the bench.

import { createContext, useContext, useMemo } from 'react';
import { useStore } from 'zustand';
import { type PatchBench, shelfOf } from './bench.ts';
import type { BenchState } from './benchPage.ts';
import type { PatchDocument } from './document.ts';
import type { PatchDraft } from './draft.ts';
import type { EffectState } from './effectStore.ts';
import type { HandState } from './handStore.ts';
import type { SocketState } from './socketStore.ts';
import type { Shelf } from './sockets.ts';
import type { SweepState } from './sweepStore.ts';

const BenchContext = createContext<PatchBench | null>(null);

export const BenchProvider = BenchContext.Provider;

export function useBench(): PatchBench {
  const bench = useContext(BenchContext);
  if (bench === null) throw new Error('A component of the Patch page is used outside its page.');
  return bench;
}

export const useBenchState = <T,>(select: (state: BenchState) => T): T =>
  useStore(useBench().page.store, select);
export const useDocument = (): PatchDocument => useBenchState((state) => state.document);
export const useEffectState = <T,>(select: (state: EffectState) => T): T =>
  useStore(useBench().effect, select);
export const useSockets = <T,>(select: (state: SocketState) => T): T => useStore(useBench().sockets, select);
export const useSweep = <T,>(select: (state: SweepState) => T): T => useStore(useBench().sweeps, select);
export const useHand = <T,>(select: (state: HandState) => T): T => useStore(useBench().hand, select);

export function usePatchDraft(): PatchDraft {
  const bench = useBench();
  return useBenchState((state) => bench.draftOf(state));
}

export function useShelf(): Shelf | null {
  const document = useDocument();
  const draft = usePatchDraft();
  return useMemo(() => shelfOf(document, draft), [document, draft]);
}
