// The Trace page: corrupt the subject of a prompt, put one state back at a time, and see where the answer returns.

import { CellInspector } from './CellInspector.tsx';
import { FigureCard } from './FigureCard.tsx';
import { TraceCard } from './TraceCard.tsx';
import { TraceHelp } from './TraceHelp.tsx';

export function TracePage() {
  return (
    <>
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
