// The Trace page: corrupt the subject of a prompt, put one state back at a time, and see where the answer returns.

import { figureId } from '../frame/useShortcuts.ts';
import { CellInspector } from './CellInspector.tsx';
import { FigureCard } from './FigureCard.tsx';
import { TraceCard } from './TraceCard.tsx';
import { TraceHelp } from './TraceHelp.tsx';

export function TracePage() {
  return (
    <>
      <button type="button" className="skip" onClick={() => document.getElementById(figureId)?.focus()}>
        Go to the figure
      </button>
      <div className="column">
        <TraceCard />
        <FigureCard />
      </div>
      <div className="column">
        <CellInspector />
        <TraceHelp />
      </div>
    </>
  );
}
