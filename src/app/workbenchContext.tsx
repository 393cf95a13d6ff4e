// The thin React binding over the workbench: a context, and one hook per store.

import { createContext, useContext } from 'react';
import { useStore } from 'zustand';
import type { DeviceState } from './frame/deviceStore.ts';
import type { PageState } from './frame/pageStore.ts';
import type { ThemeState } from './frame/themeStore.ts';
import type { CacheState } from './model/cacheStore.ts';
import type { HubState } from './model/hubStore.ts';
import type { ModelState } from './model/modelStore.ts';
import type { PromptState } from './prompt/promptStore.ts';
import type { RackState } from './rack/rackStore.ts';
import type { Workbench } from './workbench.ts';

const WorkbenchContext = createContext<Workbench | null>(null);

export const WorkbenchProvider = WorkbenchContext.Provider;

export function useWorkbench(): Workbench {
  const workbench = useContext(WorkbenchContext);
  if (workbench === null) throw new Error('A component of the page is used outside WorkbenchProvider.');
  return workbench;
}

export const useDevice = <T,>(select: (state: DeviceState) => T): T =>
  useStore(useWorkbench().device, select);
export const useModel = <T,>(select: (state: ModelState) => T): T => useStore(useWorkbench().model, select);
export const useHub = <T,>(select: (state: HubState) => T): T => useStore(useWorkbench().hub, select);
export const useCache = <T,>(select: (state: CacheState) => T): T => useStore(useWorkbench().cache, select);
export const usePrompt = <T,>(select: (state: PromptState) => T): T =>
  useStore(useWorkbench().prompt, select);
export const useRack = <T,>(select: (state: RackState) => T): T => useStore(useWorkbench().rack, select);
export const useTheme = <T,>(select: (state: ThemeState) => T): T => useStore(useWorkbench().theme, select);
export const usePage = <T,>(select: (state: PageState) => T): T => useStore(useWorkbench().page, select);
export const useStatus = (): string => useStore(useWorkbench().status, (state) => state.sentence);

/** Changes the prompt that the Model page shows. */
export const useSetPrompt = (): ((text: string) => void) => useWorkbench().setPrompt;
