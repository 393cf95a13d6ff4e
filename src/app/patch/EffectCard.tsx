// What the cables do: the next tokens before and after, the metrics of each run, the later positions, what was collected.

import { useStore } from 'zustand';
import type { InterveneResult, NamedCandidate } from '../../experiments/intervene/result.ts';
import { type Metric, metricOf, type Samples } from '../../experiments/metrics.ts';
import { usePageOf } from '../experiment/pageContext.tsx';
import { TokenText } from '../prompt/TokenText.tsx';
import { formatDuration, formatLogit, formatPercent, formatRoundPercent } from '../quantities.ts';
import { useBenchState, useDocument, useEffectState, usePatchDraft } from './benchContext.tsx';
import { Collected } from './Collected.tsx';
import { metricIn, storedEffect } from './effectStore.ts';
import type { PatchTypes } from './page.ts';

/** Tokens of both runs, the most probable in either first: each stands once, with both probabilities. */
function Tokens({ before, after }: Pick<InterveneResult, 'before' | 'after'>) {
  const both = new Map<number, { text: string; was: number | null; is: number | null }>();
  for (const { id, text, probability } of after) both.set(id, { text, was: null, is: probability });
  for (const { id, text, probability } of before)
    both.set(id, { text, is: both.get(id)?.is ?? null, was: probability });
  const rows = [...both]
    .toSorted(([, a], [, b]) => Math.max(b.was ?? 0, b.is ?? 0) - Math.max(a.was ?? 0, a.is ?? 0))
    .slice(0, 10);
  const most = Math.max(...rows.map(([, { was, is }]) => Math.max(was ?? 0, is ?? 0)), 1e-9);
  return (
    <table className="effect-table">
      <caption className="visually-hidden">The most probable next tokens without and with the cables</caption>
      <thead>
        <tr>
          <th scope="col">Token</th>
          <th scope="col">
            <span className="visually-hidden">Both as bars</span>
          </th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([id, { text, was, is }]) => (
          <tr key={id}>
            <th scope="row" className="mono">
              <TokenText text={text} />
            </th>
            <td className="effect-bars">
              <span data-run="before" style={{ width: `${((was ?? 0) / most) * 100}%` }} />
              <span data-run="after" style={{ width: `${((is ?? 0) / most) * 100}%` }} />
            </td>
            <td className="number mute">{was === null ? '' : formatPercent(was)}</td>
            <td className="number">{is === null ? '' : formatPercent(is)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const shownMetrics: readonly { readonly metric: Metric; readonly name: string }[] = [
  { metric: 'logitDifference', name: 'Logit difference' },
  { metric: 'answerLogit', name: 'Logit of the answer' },
  { metric: 'probability', name: 'Probability' },
  { metric: 'rank', name: 'Rank' },
  { metric: 'divergence', name: 'KL, nats' },
];

function formatMetric(metric: Metric, samples: Samples | undefined): string {
  const [value] = samples ? metricOf(samples, metric) : [];
  if (value === undefined) return '';
  switch (metric) {
    case 'probability':
    case 'logProbability':
      return formatPercent(value);
    case 'rank':
      return String(value);
    case 'divergence':
      return value.toFixed(3);
    default:
      return formatLogit(value);
  }
}

function Metrics({ measured }: Pick<InterveneResult, 'measured'>) {
  const { base, sources, intervened } = measured;
  const metrics = shownMetrics.filter(
    ({ metric }) => metric !== (metricIn(base) === 'logitDifference' ? 'answerLogit' : 'logitDifference'),
  );
  return (
    <table className="effect-metrics">
      <caption className="visually-hidden">Metrics of the runs</caption>
      <thead>
        <tr>
          <th scope="col">
            <span className="visually-hidden">Metric</span>
          </th>
          <th scope="col">Base</th>
          <th scope="col">Cables</th>
          {sources.length > 0 && <th scope="col">Source</th>}
        </tr>
      </thead>
      <tbody>
        {metrics.map(({ metric, name }) => (
          <tr key={metric}>
            <th scope="row">{name}</th>
            <td className="number mute">{formatMetric(metric, base)}</td>
            <td className="number">{formatMetric(metric, intervened)}</td>
            {sources.length > 0 && <td className="number mute">{formatMetric(metric, sources[0])}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Later({ later, base }: Pick<InterveneResult, 'later' | 'base'>) {
  const most = Math.max(...later.map(({ divergence }) => divergence), 1e-9);
  const word = ({ text, probability }: NamedCandidate) => (
    <>
      <span className="mono">
        <TokenText text={text} />
      </span>{' '}
      <span className="mute small">{formatRoundPercent(probability)}</span>
    </>
  );
  return (
    <details className="effect-later">
      <summary>At {later.length} later positions</summary>
      <table className="effect-table">
        <thead>
          <tr>
            <th scope="col">After</th>
            <th scope="col">KL, nats</th>
            <th scope="col">Was</th>
            <th scope="col">Is</th>
          </tr>
        </thead>
        <tbody>
          {later.map(({ position, divergence, before, after }) => (
            <tr key={position}>
              <th scope="row" className="mono">
                <TokenText text={base[position]?.text ?? ''} />
              </th>
              <td className="effect-bars">
                <span data-run="after" style={{ width: `${(divergence / most) * 100}%` }} />
                <span className="small mute">{divergence.toFixed(3)}</span>
              </td>
              <td>{word(before)}</td>
              <td>{before.id === after.id ? <span className="mute">the same</span> : word(after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Notices({ notices }: Pick<InterveneResult, 'notices'>) {
  if (notices.length === 0) return null;
  return (
    <ul className="warnings" aria-label="Worth knowing">
      {notices.map(({ code, text }) => (
        <li key={`${code} ${text}`}>{text}</li>
      ))}
    </ul>
  );
}

/** What the stored result of an example says of what stands here, before the model is there to say it. */
function useStored(): InterveneResult | null {
  const { store } = usePageOf<PatchTypes>('intervene');
  return useStore(store, storedEffect);
}

export function EffectCard() {
  const stored = useStored();
  const live = useEffectState((state) => state.effect);
  const effect = live ?? (stored && { key: null, result: stored, elapsedMs: 0, isWhole: true });
  const key = useEffectState((state) => state.key);
  const message = useEffectState((state) => state.message);
  const { problem, misfits } = usePatchDraft();
  const { cables } = useDocument();
  const base = useBenchState((state) => state.readings[0]?.prediction ?? null);
  const isOfClasses = useBenchState(({ model }) => model?.reads?.isAlone === true);
  const word = isOfClasses ? 'Class' : 'Next token';
  const isCurrent = effect !== null && effect.key === key;
  // Cables that all hang unused do nothing, and what they did before is no longer theirs.
  const hasCables = cables.length > misfits.length;
  return (
    <section className="card effect" aria-labelledby="effect-title" data-stale={hasCables && !isCurrent}>
      <div className="card-head">
        <h2 id="effect-title">
          {hasCables ? `${word}, before and with ${cables.length === 1 ? 'the cable' : 'all cables'}` : word}
        </h2>
        {hasCables && effect && (
          <span className="mute small">
            {live === null
              ? 'stored with the example'
              : isCurrent
                ? `in ${formatDuration(effect.elapsedMs)}`
                : 'out of date'}
          </span>
        )}
      </div>
      {problem !== null && <p className="run-problem">{problem}</p>}
      {message !== null && <p className="run-problem">{message}</p>}
      {hasCables && effect ? (
        <>
          <Tokens before={effect.result.before} after={effect.result.after} />
          <Metrics measured={effect.result.measured} />
          <Notices notices={effect.result.notices} />
          {effect.result.later.length > 0 && <Later later={effect.result.later} base={effect.result.base} />}
          {effect.result.collected.length > 0 && <Collected collected={effect.result.collected} />}
        </>
      ) : base ? (
        <>
          <Tokens before={base.candidates} after={[]} />
          <p className="mute small effect-hint">
            {misfits.length > 0
              ? 'Of the base as it is: the cables do not fit these prompts, and none acts.'
              : 'Of the base as it is. A cable shows here what it does, at once.'}
          </p>
        </>
      ) : (
        <p className="mute">
          {isOfClasses ? 'The classes of the base appear here.' : 'The next tokens of the base appear here.'}
        </p>
      )}
    </section>
  );
}
