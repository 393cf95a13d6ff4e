// The ten most probable next tokens with probability and logit. What belongs to an earlier text or model is shown as
// such from the first keystroke on.

import type { Candidate } from '../../worker/protocol.ts';
import { amountOf, Bar } from '../model/LoadState.tsx';
import { formatDuration, formatLogit, formatPercent } from '../quantities.ts';
import { useModel, usePrompt } from '../workbenchContext.tsx';
import { candidateCount, isCurrent, type Run } from './promptStore.ts';
import { TokenText } from './TokenText.tsx';

function CandidateTable({ candidates }: { readonly candidates: readonly Candidate[] }) {
  const most = candidates[0]?.probability ?? 1;
  return (
    <table className="next-table">
      <caption className="visually-hidden">The {candidates.length} most probable next tokens</caption>
      <thead>
        <tr>
          <th scope="col">Token</th>
          <th scope="col" colSpan={2}>
            Probability
          </th>
          <th scope="col">Logit</th>
        </tr>
      </thead>
      <tbody>
        {candidates.map(({ id, text, isSpecial, probability, logit }) => (
          <tr key={id} title={`id ${id}`}>
            <th scope="row" className="mono" data-special={isSpecial}>
              <TokenText text={text} />
            </th>
            <td className="next-bar">
              <span style={{ width: `${(probability / most) * 100}%` }} />
            </td>
            <td className="number">{formatPercent(probability)}</td>
            <td className="number mute">{formatLogit(logit)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface StandingProps {
  readonly run: Run;
  readonly elapsedMs: number | null;
  readonly isStale: boolean;
}

/** One line: how the numbers below stand to the current prompt. */
function Standing({ run, elapsedMs, isStale }: StandingProps) {
  const retry = usePrompt((state) => state.refresh);
  switch (run.status) {
    case 'running':
      return (
        <span className="mute">
          {isStale && 'Out of date, '}
          {run.progress === null ? 'running' : `running: ${amountOf(run.progress)}`}
        </span>
      );
    case 'tooLong':
      return (
        <span className="mute">
          {isStale ? 'Out of date: the prompt is too long' : 'The prompt is too long'}
        </span>
      );
    case 'failed':
      return (
        <button type="button" className="button-plain" onClick={retry}>
          Try again
        </button>
      );
    case 'idle':
      if (isStale) return <span className="mute">Out of date</span>;
      return elapsedMs === null ? null : <span className="mute">in {formatDuration(elapsedMs)}</span>;
    default:
      return run satisfies never;
  }
}

export function NextTokens() {
  const model = useModel((state) => state.info);
  const text = usePrompt((state) => state.text);
  const prediction = usePrompt((state) => state.prediction);
  const run = usePrompt((state) => state.run);
  const isStale = prediction !== null && !isCurrent(prediction, text, model);
  const isRunning = run.status === 'running';
  const progress = isRunning ? run.progress : null;
  const part = progress?.total ? progress.done / progress.total : null;
  const why =
    model === null
      ? 'Load a model to see what it expects next.'
      : text === ''
        ? `The ${candidateCount} most probable next tokens appear here.`
        : run.status === 'tooLong' && prediction === null
          ? 'The model runs once the prompt fits.'
          : null;
  return (
    <section className="card next" aria-labelledby="next-title" aria-busy={isRunning} data-stale={isStale}>
      <div className="card-head">
        <h2 id="next-title">Next token</h2>
        {why === null && (
          <Standing run={run} isStale={isStale} elapsedMs={prediction?.value.elapsedMs ?? null} />
        )}
      </div>
      <div className="next-progress">{isRunning && <Bar part={part} />}</div>
      {run.status === 'failed' && (
        <div className="problem">
          <p className="problem-head">The prediction failed</p>
          <p>{run.message}</p>
        </div>
      )}
      {why !== null && <p className="mute">{why}</p>}
      {why === null && prediction !== null && <CandidateTable candidates={prediction.value.candidates} />}
    </section>
  );
}
