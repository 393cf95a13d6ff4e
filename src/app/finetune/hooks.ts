// The thin React binding over the page and its bench, for the components of finetuning.

import { createContext, useContext, useMemo } from 'react';
import { useStore } from 'zustand';
import { type FinetuneResult, isAdapterDone } from '../../experiments/finetune/result.ts';
import type { ModelReads } from '../../worker/protocol.ts';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import { usePageOf } from '../experiment/pageContext.tsx';
import type { PageState } from '../experiment/session.ts';
import { bestAdapter } from './answers.ts';
import type { FinetuneDocument } from './document.ts';
import { type FinetuneDraft, placedSentence } from './draft.ts';
import type { BenchState, FinetuneBench } from './finetuneBench.ts';
import type { FinetuneTypes } from './page.ts';

const BenchContext = createContext<FinetuneBench | null>(null);

export const BenchProvider = BenchContext.Provider;

export function useBench(): FinetuneBench {
  const bench = useContext(BenchContext);
  if (bench === null) throw new Error('A component of finetuning is used outside its page.');
  return bench;
}

export const useBenchState = <T>(select: (state: BenchState) => T): T => useStore(useBench().store, select);

export const useOwnPage = (): ExperimentPage<FinetuneTypes> => usePageOf<FinetuneTypes>('finetune');

export const useOwn = <T>(select: (state: PageState<FinetuneTypes>) => T): T =>
  useStore(useOwnPage().store, select);

export const useDocument = (): FinetuneDocument => useOwn((state) => state.history.present);
export const useDraft = (): FinetuneDraft => useOwn((state) => state.draft);

/** Changes the document; what is typed into one field without a pause is one step of undo. */
export function useEdit(): (
  change: (document: FinetuneDocument) => FinetuneDocument,
  field?: string,
) => void {
  const page = useOwnPage();
  return (change, field) => page.edit(change, field);
}

/** What is wrong, by control: what is typed, and what the engine says of it once it can be asked. */
export function useProblems(): ReadonlyMap<string, string> {
  const { draft, estimate, key, history } = useOwn((state) => state);
  const document = history.present;
  return useMemo(() => {
    if (estimate.status !== 'refused' || estimate.key !== key) return draft.problems;
    const [field, sentence] = placedSentence(estimate.message, document);
    return draft.problems.has(field) ? draft.problems : new Map([...draft.problems, [field, sentence]]);
  }, [draft, estimate, key, document]);
}

/** What the model in use reads beside a text; null where it reads one, or there is none. */
export const useReads = (): ModelReads | null => useOwn(({ world }) => world.model?.reads ?? null);

export const useResult = (): FinetuneResult | null => useOwn((state) => state.shown?.result ?? null);

/** Whether what is shown is being computed. */
export const useIsTraining = (): boolean =>
  useOwn(({ run, shown }) => run.status === 'running' && run.key === shown?.key);

/** The adapter that is looked at: the chosen one, else the one in training, else the best. */
export function useLooked(result: FinetuneResult): number {
  const looked = useBenchState((state) => state.looked);
  const isTraining = useIsTraining();
  if (looked !== null && looked < result.adapters.length) return looked;
  const open = isTraining
    ? result.adapters.findIndex((adapter) => adapter !== null && !isAdapterDone(adapter))
    : -1;
  return open >= 0 ? open : bestAdapter(result);
}

/** Whether the model in use is the one of a result. */
export const useIsOfModel = ({ model: own }: Pick<FinetuneResult, 'model'>): boolean =>
  useOwn(({ world: { model } }) => {
    if (model === null) return false;
    if (own.fingerprint !== undefined && model.fingerprint !== undefined)
      return own.fingerprint === model.fingerprint;
    return own.label === model.label;
  });
