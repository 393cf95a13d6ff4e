// Undo and redo of everything that was done by hand, as buttons and as the keys that everybody's hand knows.

import { useEffect } from 'react';
import { useBench, useBenchState } from './benchContext.tsx';

/** In a field of text these keys belong to the field. */
const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest('input, textarea, [contenteditable="true"]') !== null;

export function HistoryButtons() {
  const { page } = useBench();
  const past = useBenchState((state) => state.past.length);
  const future = useBenchState((state) => state.future.length);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.altKey || isTyping(event.target)) return;
      const key = event.key.toLowerCase();
      if (key !== 'z' && key !== 'y') return;
      event.preventDefault();
      if (key === 'y' || event.shiftKey) page.redo();
      else page.undo();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [page]);
  return (
    <div className="patch-history">
      <button
        type="button"
        className="button"
        aria-disabled={past === 0}
        title={past === 0 ? 'Nothing has been changed' : 'Ctrl+Z'}
        onClick={() => page.undo()}
      >
        Undo
      </button>
      <button
        type="button"
        className="button"
        aria-disabled={future === 0}
        title={future === 0 ? 'Nothing was undone' : 'Ctrl+Shift+Z'}
        onClick={() => page.redo()}
      >
        Redo
      </button>
    </div>
  );
}
