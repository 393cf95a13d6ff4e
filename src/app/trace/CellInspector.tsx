// One cell in full: the one under the pointer or the keyboard, else a pinned one, else the strongest of the figure.

import { useEffect, useMemo } from 'react';
import { useStore } from 'zustand';
import { streamTitle, traceFigure } from '../../experiments/trace/figure.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import { formatMetric, formatValue } from '../../figures/metric.ts';
import { useFigure } from '../experiment/pageContext.tsx';
import { isShownCurrent } from '../experiment/session.ts';
import { TokenText } from '../prompt/TokenText.tsx';
import { formatPercent } from '../quantities.ts';
import { useWorkbench } from '../workbenchContext.tsx';
import { CellCode } from './CellCode.tsx';
import { ComparedPins, cellId, Pins, Strongest } from './Cells.tsx';
import { type CellFacts, cellFacts, type MeasuredCell } from './cell.ts';
import { firstCell, metricShown, strongestCells } from './figure.ts';
import { useOwn } from './hooks.ts';

function TokenName({ id, text }: { readonly id: number; readonly text: string | undefined }) {
  return text === undefined ? <span className="mute">#{id}</span> : <TokenText text={text} />;
}

function Top({ measured, result }: { readonly measured: MeasuredCell; readonly result: TraceResult }) {
  const { tokenNames } = useWorkbench();
  const known = useStore(tokenNames, (state) => state.names);
  // A stored result brings its own: it is read before there is a model to ask.
  const stored = useMemo(() => new Map(result.names?.map(({ id, text }) => [id, text])), [result.names]);
  const nameOf = (id: number) => known.get(id)?.text ?? stored.get(id);
  const need = useStore(tokenNames, (state) => state.need);
  const { top } = measured;
  useEffect(() => need(top.map(({ id }) => id)), [need, top]);
  const most = top[0]?.probability ?? 1;
  return (
    <table className="next-table">
      <caption className="visually-hidden">The most probable next tokens with this cell</caption>
      <tbody>
        {top.map(({ id, probability }) => (
          <tr key={id} data-answer={id === result.answer.id}>
            <th scope="row" className="mono">
              <TokenName id={id} text={nameOf(id)} />
            </th>
            <td className="next-bar">
              <span style={{ width: `${(probability / most) * 100}%` }} />
            </td>
            <td className="number">{formatPercent(probability)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function windowWords({ window, windowSize, layer }: CellFacts, verb: string): string {
  const count = window.to - window.from;
  if (windowSize === 1) return `Layer ${layer} alone is ${verb}.`;
  const layers = `Layers ${window.from} to ${window.to - 1} are ${verb}`;
  return window.isCut ? `${layers}: ${count} of ${windowSize}, cut by the edge of the model.` : `${layers}.`;
}

function Numbers({ result, facts }: { readonly result: TraceResult; readonly facts: CellFacts }) {
  const view = useFigure((state) => state.view);
  const metric = traceFigure(result, metricShown(result, view.metric)).metric;
  const { measured, clean, corrupted } = facts;
  const isRestoring = result.experiment.direction === 'restore';
  const unit = metric.unit === undefined ? '' : ` ${metric.unit}`;
  const say = (value: number) => `${formatMetric(metric, value)}${unit}`;
  if (measured === null) return <p className="mute">Not computed yet.</p>;
  return (
    <>
      <dl className="facts cell-facts">
        <dt>{isRestoring ? 'Restored' : 'With this cell corrupted'}</dt>
        <dd>
          <b>{say(measured.value.mean)}</b>
        </dd>
        {measured.value.sd !== null && (
          <>
            <dt>Spread over {result.samples} samples</dt>
            <dd>± {say(measured.value.sd)}</dd>
          </>
        )}
        <dt>Clean run</dt>
        <dd>{say(clean.mean)}</dd>
        <dt>Corrupted run</dt>
        <dd>{say(corrupted.mean)}</dd>
        <dt>{isRestoring ? 'Recovered' : 'Left of the effect'}</dt>
        <dd>
          {measured.recovered === null
            ? 'nothing to recover'
            : `${formatValue(measured.recovered * 100, 0)} %`}
        </dd>
        <dt>Rank of the answer</dt>
        <dd>{measured.rank.sd === null ? measured.rank.mean : formatValue(measured.rank.mean, 1)}</dd>
      </dl>
      <section className="cell-top">
        <h3>What the model says now</h3>
        <Top measured={measured} result={result} />
      </section>
    </>
  );
}

export function CellInspector() {
  const shown = useOwn((state) => state.shown);
  const isCurrent = useOwn((state) => isShownCurrent(state.shown, state));
  const result = shown?.result ?? null;
  const { view, looked, chosen } = useFigure((state) => state);
  const isDefault = looked === null && chosen === null;
  const strongest = useMemo(
    () => (result === null ? [] : strongestCells(result, view.sheet)),
    [result, view.sheet],
  );
  const address = looked ?? chosen ?? firstCell(strongest);
  const facts = result && address && cellFacts(result, address, metricShown(result, view.metric), view.sheet);
  if (result === null || address === null || !facts) {
    return (
      <section className="card inspector" aria-labelledby="cell-title">
        <h2 id="cell-title">Cell</h2>
        <p className="mute">Once there is a figure, point at a cell to read it.</p>
      </section>
    );
  }
  const verb = result.experiment.direction === 'restore' ? 'restored' : 'corrupted';
  return (
    <section className="card inspector cell-inspector" id={cellId} tabIndex={-1} aria-labelledby="cell-title">
      <div className="card-head">
        <h2 id="cell-title">{isDefault ? 'Strongest cell' : 'Cell'}</h2>
        <Pins pins={view.pins} shown={address} />
      </div>
      <div>
        {!isCurrent && (
          <p className="standing cell-standing small" data-kind="stale">
            Of an earlier input
          </p>
        )}
        <p className="inspector-name">
          {streamTitle(facts.component)}, layer {facts.layer},{' '}
          <span className="mono cell-token">
            <TokenText text={facts.token} />
          </span>
        </p>
        <p className="mute small">
          {isDefault && `The strongest of ${streamTitle(facts.component)}. `}
          {windowWords(facts, verb)} Position {facts.position}
          {facts.isCorrupted && ', in the subject'}.
        </p>
      </div>
      <Numbers result={result} facts={facts} />
      {view.pins.length > 1 && <ComparedPins pins={view.pins} result={result} />}
      {isDefault && strongest.length > 1 && <Strongest cells={strongest} result={result} />}
      <CellCode result={result} sheet={view.sheet} address={address} />
      {view.pins.length === 0 && (
        <p className="mute small">
          Point at a cell to read it; click it or press Enter to pin it, up to four. Pins are compared here.
        </p>
      )}
    </section>
  );
}
