// The Trace page: corrupt the subject of a prompt, put one state back at a time, and see where the answer returns.

import { useEffect } from 'react';
import { isComplete } from '../../experiments/trace/result.ts';
import { FirstModel } from '../model/FirstModel.tsx';
import { useModel, useTrace, useWorkbench } from '../workbenchContext.tsx';
import { CellInspector } from './CellInspector.tsx';
import { FigureCard } from './FigureCard.tsx';
import { OpenedNotices } from './OpenedNotices.tsx';
import { TraceCard } from './TraceCard.tsx';
import { TraceHelp } from './TraceHelp.tsx';

/** A run that would be lost with the tab asks before the tab goes. */
function useLeaveWarning(): void {
  const { trace } = useWorkbench();
  const isRunning = useTrace(({ run }) => run.status === 'running' && !run.isQuiet);
  useEffect(() => {
    if (!isRunning) return;
    const onLeave = (event: BeforeUnloadEvent) => {
      const { shown } = trace.getState();
      if (shown !== null && !isComplete(shown.result)) event.preventDefault();
    };
    window.addEventListener('beforeunload', onLeave);
    return () => window.removeEventListener('beforeunload', onLeave);
  }, [isRunning, trace]);
}

export function TracePage() {
  useLeaveWarning();
  const isModelless = useModel((state) => state.info === null);
  // The embedded model is on its way by itself; the chooser stands in when it is not.
  const needsChoice = useModel((state) => state.isEmbeddedServed === false || state.load.status === 'failed');
  return (
    <>
      <OpenedNotices />
      {isModelless && needsChoice && <FirstModel />}
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
