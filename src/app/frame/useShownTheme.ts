// Which of the two themes is in view: the one that was chosen, or the system's. Figures are drawn, not styled, so they need
// to be told.

import { useSyncExternalStore } from 'react';
import { useTheme } from '../workbenchContext.tsx';

const systemDark = window.matchMedia('(prefers-color-scheme: dark)');

function onSystemChange(listener: () => void): () => void {
  systemDark.addEventListener('change', listener);
  return () => systemDark.removeEventListener('change', listener);
}

export function useShownTheme(): 'light' | 'dark' {
  const choice = useTheme((state) => state.choice);
  const isSystemDark = useSyncExternalStore(onSystemChange, () => systemDark.matches);
  if (choice !== 'system') return choice;
  return isSystemDark ? 'dark' : 'light';
}
