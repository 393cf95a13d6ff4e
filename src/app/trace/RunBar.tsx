// Starts, shows and stops a trace: what it will cost before, how far it is and how long it still takes while it runs, and
// after a cancel the way to go on.

import { useEffect, useState } from 'react';
import { isComplete } from '../../experiments/trace/result.ts';
import { Bar } from '../model/LoadState.tsx';
import { isCurrent } from '../prompt/promptStore.ts';
import { formatCount, formatDuration } from '../quantities.ts';
import {
  useDevice,
  useDraft,
  useEstimate,
  useModel,
  usePrompt,
  useTrace,
  useWorkbench,
} from '../workbenchContext.tsx';
import { computedCells, runStanding } from './runStanding.ts';
import { estimateTime, timeLeft } from './speed.ts';

/** Nobody waits for longer in front of a bar. */
const longRunMs = 20_000;

/** The milliseconds since `from`, four times a second while it runs. */
function useElapsed(from: number | null): number {
  const [now, setNow] = useState(0);
  useEffect(() => {
    if (from === null) return;
    const timer = setInterval(() => setNow(performance.now()), 250);
    return () => clearInterval(timer);
  }, [from]);
  return from === null ? 0 : Math.max(0, now - from);
}

function useTimeEstimate() {
  const { memory } = useWorkbench();
  const { key } = useDraft();
  const estimate = useEstimate((state) => state);
  const device = useDevice((state) => state);
  const model = useModel((state) => state.info);
  const text = usePrompt((state) => state.text);
  const prediction = usePrompt((state) => state.prediction);
  if (estimate.status !== 'known' || estimate.key !== key || model === null || device.status !== 'ready')
    return null;
  const run = isCurrent(prediction, text, model) ? (prediction?.value ?? null) : null;
  return {
    work: estimate.value.work,
    time: estimateTime(memory, device.info, model, estimate.value.work, run),
  };
}

function Estimate() {
  const estimate = useTimeEstimate();
  if (estimate === null) return null;
  const { work, time } = estimate;
  return (
    <span className="run-note">
      {formatCount(work.cells)} cells · {formatCount(work.rowLayers)} row-layers
      {time !== null && ` · ${time.kind === 'learned' ? 'about' : 'at most'} ${formatDuration(time.ms)}`}
    </span>
  );
}

function Running() {
  const run = useTrace((state) => state.run);
  const shown = useTrace((state) => state.shown);
  const { key } = useDraft();
  const isRunning = run.status === 'running';
  const elapsed = useElapsed(isRunning ? run.startedAt : null);
  const estimate = useTimeEstimate();
  if (!isRunning) return null;
  const { progress } = run;
  const part = progress?.total ? progress.done / progress.total : null;
  const expected = run.key === key ? (estimate?.time?.ms ?? null) : null;
  const left = part === null ? null : timeLeft(elapsed, part, expected);
  const cells = !run.isQuiet && shown?.key === run.key ? computedCells(shown.result) : null;
  const words = [
    run.isQuiet
      ? 'Computing the stored figure again'
      : cells === null
        ? 'Starting'
        : `${formatCount(cells.done)} of ${formatCount(cells.total)} cells`,
    ...(left !== null && part !== null && part < 1 ? [`${formatDuration(Math.max(left, 100))} left`] : []),
    ...(left !== null && left > longRunMs ? ['goes on in a hidden tab'] : []),
  ].join(' · ');
  return (
    <div
      className="run-progress"
      role="progressbar"
      aria-label={run.isQuiet ? 'Computing again' : 'Tracing'}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuetext={words}
      {...(part === null ? {} : { 'aria-valuenow': Math.round(part * 100) })}
    >
      <Bar part={part} />
      <span className="run-note">{words}</span>
    </div>
  );
}

export function RunBar() {
  const draft = useDraft();
  const estimate = useEstimate((state) => state);
  const model = useModel((state) => state.info);
  const load = useModel((state) => state.load);
  const shown = useTrace((state) => state.shown);
  const run = useTrace((state) => state.run);
  const { start, cancel, resume } = useTrace((state) => state);
  const standing = runStanding({
    draft,
    estimate,
    hasModel: model !== null,
    isLoading: load.status === 'loading',
    run,
    shown,
  });
  const isBlocked = standing.why !== null;
  const canResume = standing.canResume && !isBlocked;
  return (
    <div className="run">
      <div className="run-line">
        {canResume && (
          <button type="button" className="button button-primary" onClick={() => void resume()}>
            Resume
          </button>
        )}
        {standing.showsRun && (
          <button
            type="button"
            className={standing.isUrgent && !canResume ? 'button button-primary' : 'button'}
            aria-disabled={isBlocked}
            aria-describedby={isBlocked ? 'run-why' : undefined}
            onClick={() => {
              if (!isBlocked) void start();
            }}
          >
            {standing.runLabel}
          </button>
        )}
        {run.status === 'running' && (
          <button type="button" className="button" onClick={cancel}>
            Cancel
          </button>
        )}
        {run.status === 'running' ? (
          <Running />
        ) : isBlocked ? (
          <span id="run-why" className={standing.isProblem ? 'run-problem' : 'run-note'}>
            {standing.why}
          </span>
        ) : (
          <>
            {canResume && shown !== null && (
              <span className="run-note">
                Cancelled. {formatCount(computedCells(shown.result).done)} cells are kept.
              </span>
            )}
            {!canResume && standing.isDone && shown?.elapsedMs ? (
              <span className="run-note">
                {formatCount(computedCells(shown.result).total)} cells in {formatDuration(shown.elapsedMs)}
              </span>
            ) : (
              <Estimate />
            )}
          </>
        )}
      </div>
      {run.status === 'failed' && (
        <div className="problem" role="alert">
          <p className="problem-head">The trace stopped</p>
          <p>
            {run.message}
            {shown !== null &&
              shown.key === run.key &&
              !isComplete(shown.result) &&
              ' What had arrived is kept; Resume goes on from there.'}
          </p>
        </div>
      )}
    </div>
  );
}
