// Starts, shows and stops a run: what it will cost before, how far it is and how long it still takes while it goes on, and
// after a cancel the way to go on.

import { useEffect, useRef, useState } from 'react';
import { useStore } from 'zustand';
import { Bar } from '../model/LoadState.tsx';
import { formatCount, formatCounted, formatDuration } from '../quantities.ts';
import { useDevice, useModel, useWorkbench } from '../workbenchContext.tsx';
import { useAnyPage, useAnyState } from './pageContext.tsx';
import { runStatus } from './runStatus.ts';
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
  const { name } = useAnyPage();
  const { key, estimate, world } = useAnyState((state) => state);
  const device = useDevice((state) => state);
  if (
    estimate.status !== 'known' ||
    estimate.key !== key ||
    world.model === null ||
    device.status !== 'ready'
  )
    return null;
  const [first] = world.readings;
  const time = estimateTime(
    memory,
    device.info,
    world.model,
    name,
    estimate.value,
    first?.prediction ?? null,
  );
  return { work: estimate.value, time };
}

function Estimate() {
  const { kind } = useAnyPage().face;
  const estimate = useTimeEstimate();
  if (estimate === null) return null;
  const { work, time } = estimate;
  return (
    <span className="run-note">
      {formatCounted(work.count, kind.words.counted)} · {formatCount(work.rowLayers)} layer passes
      {time !== null && ` · about ${formatDuration(time.ms)}`}
    </span>
  );
}

function Running() {
  const { kind } = useAnyPage().face;
  const { run, shown, key } = useAnyState((state) => state);
  const isRunning = run.status === 'running';
  const elapsed = useElapsed(isRunning ? run.startedAt : null);
  const estimate = useTimeEstimate();
  if (!isRunning) return null;
  const { progress } = run;
  const part = progress?.total ? progress.done / progress.total : null;
  const expected = run.key === key ? (estimate?.time?.ms ?? null) : null;
  const left = part === null ? null : timeLeft(elapsed, part, expected, run.doneBefore);
  const count = !run.isQuiet && shown?.key === run.key ? kind.count(shown.result) : null;
  const words = [
    run.isQuiet
      ? 'Computing the stored figure again'
      : count === null
        ? 'Starting'
        : `${formatCount(count.done)} of ${formatCounted(count.total, kind.words.counted)}`,
    ...(left !== null && part !== null && part < 1 ? [`${formatDuration(Math.max(left, 100))} left`] : []),
    ...(left !== null && left > longRunMs ? ['goes on in a hidden tab'] : []),
    ...(progress?.note === undefined ? [] : [progress.note]),
  ].join(' · ');
  return (
    <div
      className="run-progress"
      role="progressbar"
      aria-label={run.isQuiet ? 'Computing again' : kind.words.stage}
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

/** A button that goes takes the focus with it; it belongs to the one that stands in its place. */
function useKeptFocus() {
  const line = useRef<HTMLDivElement>(null);
  const last = useRef<Element | null>(null);
  // After every render: a run ends some time after its button was pressed.
  useEffect(() => {
    if (last.current === null || last.current.isConnected) return;
    last.current = null;
    const { activeElement, body } = document;
    if (activeElement === null || activeElement === body) line.current?.querySelector('button')?.focus();
  });
  const onFocus = ({ target }: { readonly target: Element }) => {
    last.current = target;
  };
  return { ref: line, onFocus };
}

export function RunBar() {
  const page = useAnyPage();
  const { face } = page;
  const { desk } = useWorkbench();
  const state = useAnyState((each) => each);
  const held = useStore(desk, (each) => each);
  const isLoading = useModel((each) => each.load.status === 'loading');
  const { run, shown } = state;
  const status = runStatus({ face, state, isLoading, desk: held });
  const isRunning = run.status === 'running';
  const kept = useKeptFocus();
  const isBlocked = status.why !== null;
  const canResume = status.canResume && !isBlocked;
  const count = shown === null ? null : face.kind.count(shown.result);
  const { counted } = face.kind.words;
  const keptWords =
    (shown === null ? undefined : face.kept?.(shown.result).words) ??
    `${formatCount(count?.done ?? 0)} ${counted}`;
  return (
    <div className="run">
      <div className="run-line" {...kept}>
        {canResume && (
          <button type="button" className="button button-primary" onClick={() => void page.resume()}>
            Resume
          </button>
        )}
        {status.showsRun && (
          <button
            type="button"
            className={status.isUrgent && !canResume ? 'button button-primary' : 'button'}
            aria-disabled={isBlocked}
            aria-describedby={isBlocked ? 'run-why' : undefined}
            onClick={() => {
              if (!isBlocked) void page.start();
            }}
          >
            {status.runLabel}
          </button>
        )}
        {isRunning && (
          <button type="button" className="button" onClick={() => page.cancel()}>
            Cancel
          </button>
        )}
        {isRunning ? (
          <Running />
        ) : isBlocked ? (
          <>
            <span id="run-why" className={status.isProblem ? 'run-problem' : 'run-note'}>
              {status.why}
            </span>
            {status.isHeld && (
              <button type="button" className="button" onClick={() => desk.cancel()}>
                Cancel the other run
              </button>
            )}
          </>
        ) : (
          <>
            {canResume && count !== null && (
              <span className="run-note">Cancelled. {keptWords} are kept.</span>
            )}
            {status.isDone && shown !== null && count !== null && shown.origin === 'run' ? (
              <span className="run-note">
                {formatCounted(count.total, counted)}
                {shown.elapsedMs !== null && ` in ${formatDuration(shown.elapsedMs)}`}
              </span>
            ) : (
              <Estimate />
            )}
          </>
        )}
      </div>
      {run.status === 'failed' && (
        <div className="problem" role="alert">
          <p className="problem-head">The {face.noun} stopped</p>
          <p>
            {run.message}
            {shown !== null &&
              shown.key === run.key &&
              !face.kind.isComplete(shown.result) &&
              ' What had arrived is kept; Resume goes on from there.'}
          </p>
        </div>
      )}
    </div>
  );
}
