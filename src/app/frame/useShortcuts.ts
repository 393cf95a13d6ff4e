// Single keys that work wherever the focus is, unless text is being typed, a dialog is open, or they are turned off.

import { useEffect } from 'react';
import { useWorkbench } from '../workbenchContext.tsx';

/** The element that `/` goes to. */
export const promptFieldId = 'prompt';

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select'));

export function useShortcuts(): void {
  const { page } = useWorkbench();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { singleKeys, dialog, open } = page.getState();
      if (!singleKeys || dialog !== null || isTyping(event.target)) return;
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const act: (() => void) | undefined = {
        '?': () => open('help'),
        o: () => open('model'),
        '/': () => document.getElementById(promptFieldId)?.focus(),
      }[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [page]);
}
