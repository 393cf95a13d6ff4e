// The hooks of the Steer page's own components.

import { useState } from 'react';
import { useStore } from 'zustand';
import type { SteerExperiment } from '../../experiments/steer/experiment.ts';
import type { SteerResult } from '../../experiments/steer/result.ts';
import type { ExperimentPage } from '../experiment/experimentPage.ts';
import { usePageOf } from '../experiment/pageContext.tsx';
import type { PageState } from '../experiment/session.ts';
import type { SteerDocument } from './document.ts';
import type { SteerDraft } from './draft.ts';

export interface SteerTypes {
  readonly document: SteerDocument;
  readonly experiment: SteerExperiment;
  readonly result: SteerResult;
  readonly draft: SteerDraft;
}

export const useOwnPage = (): ExperimentPage<SteerTypes> => usePageOf<SteerTypes>('steer');

export const useOwn = <V>(select: (state: PageState<SteerTypes>) => V): V =>
  useStore(useOwnPage().store, select);

export const useDocument = (): SteerDocument => useOwn((state) => state.history.present);
export const useDraft = (): SteerDraft => useOwn((state) => state.draft);

/** What is wrong in a control; undefined where nothing is. */
export const useProblem = (field: string): string | undefined =>
  useOwn((state) => state.draft.problems.get(field));

/** Whether something is wrong in a control whose name begins so. */
export const useHasProblem = (start: string): boolean =>
  useOwn((state) => [...state.draft.problems.keys()].some((field) => field.startsWith(start)));

/**
 * Whether a part is open. What is wrong inside is not hidden, and a part that it has opened does not close under the hand that
 * puts it right.
 */
export function useOpening(
  hasProblem: boolean,
  isOpenAtFirst = false,
): readonly [isOpen: boolean, setIsOpen: (isOpen: boolean) => void] {
  const [isOpen, setIsOpen] = useState(isOpenAtFirst);
  if (hasProblem && !isOpen) setIsOpen(true);
  return [isOpen || hasProblem, setIsOpen];
}

/** Changes the document; what is typed into one field without a pause is one step of undo. */
export function useEdit(): (change: (document: SteerDocument) => SteerDocument, field?: string) => void {
  const page = useOwnPage();
  return (change, field) => page.edit(change, field);
}
