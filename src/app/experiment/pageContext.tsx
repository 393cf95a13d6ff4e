// The thin React binding over a page: which page the components are in, and what of its state they show.

import { createContext, useContext } from 'react';
import { useStore } from 'zustand';
import type { PromptState } from '../prompt/promptStore.ts';
import type { PageTypes } from './definition.ts';
import type { AnyPage, AnyPageState, ExperimentPage } from './experimentPage.ts';
import type { FigureState } from './figureStore.ts';

const PageContext = createContext<AnyPage | null>(null);

export const PageProvider = PageContext.Provider;

/** The page of an experiment that a component is in. */
export function useAnyPage(): AnyPage {
  const page = useContext(PageContext);
  if (page === null) throw new Error('A component of an experiment is used outside its page.');
  return page;
}

export const useAnyState = <T,>(select: (state: AnyPageState) => T): T =>
  useStore(useAnyPage().store, select);

export const useFigure = <T,>(select: (state: FigureState) => T): T => useStore(useAnyPage().figure, select);

/**
 * The page as the components of its own kind see it.
 * @param name of the kind, whose types these are
 */
export function usePageOf<T extends PageTypes>(name: string): ExperimentPage<T> {
  const page = useAnyPage();
  if (page.name !== name) throw new Error(`A component of the page '${name}' is used on '${page.name}'.`);
  // Pages are known by the names of their kinds, and there is one definition, with its types, for each.
  return page as ExperimentPage<T>;
}

/** What the engine has said of one of the page's prompts. */
export function usePromptOf<T>(index: number, select: (state: PromptState) => T): T {
  const store = useAnyPage().prompts()[index];
  if (store === undefined) throw new Error(`The page has no prompt ${index}.`);
  return useStore(store, select);
}
