// The scale of the rack's colours, and what a ring and a disc are.

import { isPatchComplete } from '../../experiments/patch/result.ts';
import { colourAt } from '../../figures/colour.ts';
import { useShownTheme } from '../frame/useShownTheme.ts';
import { formatLogit } from '../quantities.ts';
import { usePatchDraft, useSockets } from './benchContext.tsx';
import { scaleOfShares } from './sockets.ts';

const steps = 24;

export function RackLegend() {
  const theme = useShownTheme();
  const baselines = useSockets((state) => state.baselines);
  const table = useSockets((state) => state.tableBaselines);
  const message = useSockets((state) => state.message);
  const sweep = useSockets((state) => state.sweep);
  const hasMeasured = useSockets(({ result }) => result !== null && !isPatchComplete(result));
  const { distractor } = usePatchDraft();
  const stops = Array.from({ length: steps + 1 }, (_, i) =>
    colourAt(scaleOfShares.colours, theme, i / steps),
  );
  return (
    <div className="rack-legend small mute">
      {baselines === null ? (
        <span>Sockets fill once there are two prompts that end differently.</span>
      ) : (
        <>
          <span className="rack-scale">
            <span>−1</span>
            <span
              className="rack-ramp"
              style={{ background: `linear-gradient(to right, ${stops.join(', ')})` }}
            />
            <span>1</span>
          </span>
          <span>
            share of the {distractor ? 'logit difference' : 'logit'} that comes back: 0 as base (
            {formatLogit(baselines.base)}), 1 as source ({formatLogit(baselines.source)})
            {table !== null &&
              `; measured over ${table.pairs} pairs, whose means are ${formatLogit(table.base)} and ${formatLogit(table.source)}`}
          </span>
          <span className="rack-key">
            <svg width="14" height="14" aria-hidden="true">
              <circle cx="7" cy="7" r="4.4" fill="none" stroke={stops[steps - 5]} strokeWidth="3" />
            </svg>
            estimate
          </span>
          <span className="rack-key">
            <svg width="14" height="14" aria-hidden="true">
              <circle cx="7" cy="7" r="6" fill={stops[steps - 5]} />
            </svg>
            measured
          </span>
        </>
      )}
      {message !== null && <span className="run-problem">{message}</span>}
      {sweep.status === 'failed' && (
        <span className="run-problem" role="alert">
          {sweep.message}
          {hasMeasured && ' What was measured stays; Measure the rest goes on from there.'}
        </span>
      )}
    </div>
  );
}
