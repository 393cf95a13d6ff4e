// The figure: the curves of one adapter, live while it is trained, or of all side by side; as lines or as a table.

import { useMemo, useState } from 'react';
import { finetuneCurves } from '../../experiments/finetune/figure.ts';
import type { AdapterResult, FinetuneResult } from '../../experiments/finetune/result.ts';
import { finetuneCaption, titleOf } from '../../experiments/finetune/words.ts';
import { Choice } from '../experiment/Choice.tsx';
import { Exports } from '../experiment/Exports.tsx';
import { figureStatus } from '../experiment/figureStatus.ts';
import { LinesFigure } from '../experiment/LinesFigure.tsx';
import { useFigure } from '../experiment/pageContext.tsx';
import { figureId } from '../frame/useShortcuts.ts';
import { adapterCurves, curveRows } from './curves.ts';
import { useBench, useLooked, useOwn, useOwnPage } from './hooks.ts';

function CurvesTable({ adapter, name }: { readonly adapter: AdapterResult; readonly name: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-scroll curves-table" aria-label="Training, table" tabIndex={0}>
      <table className="numbers">
        <caption className="visually-hidden">Loss, learning rate and exact match by step, {name}</caption>
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">Loss, nats</th>
            <th scope="col">Rate</th>
            <th scope="col">Loss, held out</th>
            <th scope="col">Exact match, held out</th>
          </tr>
        </thead>
        <tbody>
          {curveRows(adapter).map(({ step, loss, rate, test }) => (
            <tr key={step}>
              <th scope="row">{step}</th>
              <td className="number">{loss.toFixed(4)}</td>
              <td className="number">{rate.toPrecision(3)}</td>
              <td className="number">{test?.loss.toFixed(4)}</td>
              <td className="number">{test?.match.toFixed(3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Controls({
  result,
  looked,
  isAll,
  onAll,
}: {
  readonly result: FinetuneResult;
  readonly looked: number;
  readonly isAll: boolean;
  readonly onAll: (isAll: boolean) => void;
}) {
  const { set } = useBench();
  const isTable = useFigure((state) => state.isTable);
  const setTable = useFigure((state) => state.setTable);
  const { names } = result;
  return (
    <div className="map-controls tune-controls">
      {names.length > 1 && (
        <Choice
          label="Curves of"
          value={isAll ? 'all' : String(looked)}
          choices={[['all', 'all, side by side'], ...names.map((name, at) => [String(at), name] as const)]}
          onChange={(next) => {
            onAll(next === 'all');
            if (next !== 'all') set({ looked: Number(next) });
          }}
        />
      )}
      <button type="button" className="button" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
        Curves as a table
      </button>
    </div>
  );
}

function Curves({ result }: { readonly result: FinetuneResult }) {
  const looked = useLooked(result);
  const isTable = useFigure((state) => state.isTable);
  const [isAll, setIsAll] = useState(false);
  const showsAll = isAll && !isTable && result.names.length > 1;
  const description = useMemo(
    () => (showsAll ? finetuneCurves(result) : adapterCurves(result, looked)),
    [result, looked, showsAll],
  );
  const adapter = result.adapters[looked];
  return (
    <>
      <Controls result={result} looked={looked} isAll={showsAll} onAll={setIsAll} />
      {isTable && adapter ? (
        <CurvesTable adapter={adapter} name={result.names[looked] ?? ''} />
      ) : (
        <LinesFigure description={description} />
      )}
    </>
  );
}

export function CurvesCard() {
  const { face } = useOwnPage();
  const state = useOwn((each) => each);
  const { shown, run } = state;
  if (shown === null)
    return (
      <section className="card figure-card" id={figureId} tabIndex={-1} aria-labelledby="tune-curves-title">
        <div className="card-head">
          <h2 id="tune-curves-title">Curves</h2>
        </div>
        <p className="mute">
          {run.status === 'running'
            ? 'The model is asked what it says by itself; the first step follows.'
            : 'The loss of each step appears here while a method is trained, beside that of the held-out examples.'}
        </p>
      </section>
    );
  const { result } = shown;
  const status = figureStatus(face, shown, state);
  return (
    <section
      className="card figure-card"
      id={figureId}
      tabIndex={-1}
      aria-labelledby="tune-curves-title"
      aria-busy={status.kind === 'filling'}
      data-standing={status.kind}
    >
      <div className="card-head">
        <h2 id="tune-curves-title">{titleOf(result)}</h2>
        <span className="standing" data-kind={status.kind}>
          {status.words}
        </span>
      </div>
      <Curves result={result} />
      {result.notices.map(({ code, text }) => (
        <p key={`${code} ${text}`} className={code === 'training-stopped' ? 'problem' : 'small'}>
          {text}
        </p>
      ))}
      <p className="caption small">{finetuneCaption(result)}</p>
      <Exports formats={['SVG', 'CSV', 'JSON']} />
    </section>
  );
}
