// The thin React binding over the page and its bench, for the Align page's own components.

import { createContext, useContext, useMemo } from 'react';
import { useStore } from 'zustand';
import type { AlignResult } from '../../experiments/align/result.ts';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import { useFigure, usePageOf } from '../experiment/pageContext.tsx';
import type { PageState } from '../experiment/session.ts';
import { plainSentence } from '../experiment/typedFields.ts';
import type { AlignBench, BenchState } from './alignBench.ts';
import type { AlignDocument } from './document.ts';
import { type AlignDraft, placeOf } from './draft.ts';
import type { AlignTypes } from './page.ts';
import {
  activeSite,
  bestChoice,
  placeKey,
  type SiteChoice,
  siteAt,
  type Variant,
  variantsOf,
} from './variants.ts';

const BenchContext = createContext<AlignBench | null>(null);

export const BenchProvider = BenchContext.Provider;

export function useBench(): AlignBench {
  const bench = useContext(BenchContext);
  if (bench === null) throw new Error('A component of the Align page is used outside its page.');
  return bench;
}

export const useBenchState = <T>(select: (state: BenchState) => T): T => useStore(useBench().store, select);

export const useOwnPage = (): ExperimentPage<AlignTypes> => usePageOf<AlignTypes>('align');

export const useOwn = <T>(select: (state: PageState<AlignTypes>) => T): T =>
  useStore(useOwnPage().store, select);

export const useDocument = (): AlignDocument => useOwn((state) => state.history.present);
export const useDraft = (): AlignDraft => useOwn((state) => state.draft);

/** Changes fields of the document; what is typed into one field without a pause is one step of undo. */
export function useEdit(): (change: (document: AlignDocument) => AlignDocument, field?: string) => void {
  const page = useOwnPage();
  return (change, field) => page.edit(change, field);
}

/** What is wrong, by control: what is typed, and what the engine says of it once it can be asked. */
export function useProblems(): ReadonlyMap<string, string> {
  const { draft, estimate, key, history } = useOwn((state) => state);
  const task = useBenchState((state) => state.task);
  const document = history.present;
  return useMemo(() => {
    const problems = new Map(draft.problems);
    const said = [
      draft.task !== null && task?.status === 'refused' ? task.message : null,
      estimate.status === 'refused' && estimate.key === key ? estimate.message : null,
    ];
    for (const message of said) {
      if (message === null) continue;
      const field = placeOf(message, document);
      if (!problems.has(field)) problems.set(field, plainSentence(message));
    }
    return problems;
  }, [draft, estimate, key, task, document]);
}

/** The results that lie side by side, the one that is shown first. */
export function useVariants(): { readonly main: AlignResult; readonly variants: readonly Variant[] } | null {
  const shown = useOwn((state) => state.shown);
  const recent = useOwn((state) => state.recent);
  const others = useBenchState((state) => state.others);
  return useMemo(() => {
    if (shown === null) return null;
    const earlier = recent.map(({ result }) => result).filter((each) => each !== shown.result);
    return { main: shown.result, variants: variantsOf(shown.result, earlier, others) };
  }, [shown, recent, others]);
}

/** The site whose curves are open: that of the cell that was chosen, else the one in training, else the best. */
export function useChosenSite(): SiteChoice | null {
  const found = useVariants();
  const chosen = useFigure((state) => state.chosen);
  const isRunning = useOwn(({ run, shown }) => run.status === 'running' && run.key === shown?.key);
  if (found === null) return null;
  const { main, variants } = found;
  const picked = chosen && siteAt(main, variants, chosen);
  if (picked) return picked;
  const active = isRunning ? activeSite(main) : null;
  const own = active && variants[0]?.sites.get(placeKey(active.layer, active.position));
  return own ?? bestChoice(variants);
}
