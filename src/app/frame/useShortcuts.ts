// Single keys that work wherever the focus is, unless text is being typed, a dialog is open, or they are turned off; and undo,
// which goes back in the document wherever the focus is in it, its text fields too.

import { useEffect } from 'react';
import { useWorkbench } from '../workbenchContext.tsx';

/** The element that `/` goes to. */
export const promptFieldId = 'prompt';

/** The element that `f` and the link to the figure go to. */
export const figureId = 'figure';

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select'));

/** Fields outside the document, such as an address in a dialog, keep the browser's own undo. */
const isDocuments = (target: EventTarget | null): boolean =>
  !isTyping(target) || (target instanceof HTMLElement && target.closest('[data-document]') !== null);

/** Ctrl Z, Ctrl Shift Z, and Ctrl Y, which Windows knows; on a Mac with Cmd. */
function stepOf({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): 'undo' | 'redo' | null {
  if (!(ctrlKey || metaKey) || altKey) return null;
  if (key.toLowerCase() === 'z') return shiftKey ? 'redo' : 'undo';
  return key.toLowerCase() === 'y' && ctrlKey ? 'redo' : null;
}

export function useShortcuts(): void {
  const { page, pages } = useWorkbench();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { singleKeys, dialog, open, place } = page.getState();
      const step = stepOf(event);
      const inView = pages.find(({ name }) => name === place);
      if (step !== null && inView && dialog === null && isDocuments(event.target)) {
        event.preventDefault();
        inView[step]();
        return;
      }
      if (!singleKeys || dialog !== null || isTyping(event.target)) return;
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const act: (() => void) | undefined = {
        '?': () => open('help'),
        o: () => open('model'),
        '/': () => document.getElementById(promptFieldId)?.focus(),
        f: () => document.getElementById(figureId)?.focus(),
      }[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [page, pages]);
}
