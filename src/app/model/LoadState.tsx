// How a load stands, shown beside the control that started it: bytes so far with a way to cancel, or what went wrong
// with what still works.

import type { Progress } from '../../worker/protocol.ts';
import { formatBytes, formatCount } from '../quantities.ts';
import { useModel } from '../workbenchContext.tsx';
import type { Origin } from './modelStore.ts';

/** A thin bar; `part` is in [0, 1], or null while the total is unknown. */
export function Bar({ part }: { readonly part: number | null }) {
  return (
    <span className="progress" data-unknown={part === null} aria-hidden="true">
      <span style={part === null ? undefined : { transform: `scaleX(${part})` }} />
    </span>
  );
}

/** `128 MB of 271 MB`, or what is known of it */
export function amountOf({ done, total, unit }: Progress): string {
  if (unit === 'layer-passes') {
    return total === null
      ? `${formatCount(done)} layer passes`
      : `${formatCount(done)} of ${formatCount(total)} layer passes`;
  }
  return total === null ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`;
}

function Loading({ label, progress }: { readonly label: string; readonly progress: Progress | null }) {
  const cancel = useModel((state) => state.cancel);
  const part = progress?.total ? progress.done / progress.total : null;
  return (
    <div className="load">
      <div className="load-line">
        <span>
          {progress?.stage ?? 'Opening'} <span className="mute">{label}</span>
        </span>
        {progress !== null && <span className="load-amount">{amountOf(progress)}</span>}
      </div>
      <div
        role="progressbar"
        aria-label={`Loading ${label}`}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(part === null ? {} : { 'aria-valuenow': Math.round(part * 100) })}
        {...(progress === null ? {} : { 'aria-valuetext': amountOf(progress) })}
      >
        <Bar part={part} />
      </div>
      <button type="button" className="button" onClick={cancel}>
        Cancel
      </button>
    </div>
  );
}

interface LoadStateProps {
  readonly origin: Origin;
  /** In a list, where every entry shows its own load: the entry's label. */
  readonly label?: string;
}

export function LoadState({ origin, label }: LoadStateProps) {
  const load = useModel((state) => state.load);
  const info = useModel((state) => state.info);
  if (load.status === 'idle' || load.origin !== origin) return null;
  if (label !== undefined && load.label !== label) return null;
  if (load.status === 'loading') return <Loading label={load.label} progress={load.progress} />;
  return (
    <div className="problem">
      <p className="problem-head">{load.label} was not loaded</p>
      <p>{load.message}</p>
      {info !== null && <p className="mute">{info.label} is still in use.</p>}
    </div>
  );
}
