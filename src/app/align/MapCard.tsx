// The map of sites: accuracy on the test part by layer and position, beside the control, filling in as sites are trained.

import { useMemo } from 'react';
import { Exports } from '../experiment/Exports.tsx';
import { figureStatus } from '../experiment/figureStatus.ts';
import { Heatmap } from '../experiment/Heatmap.tsx';
import { HeatmapTable } from '../experiment/HeatmapTable.tsx';
import { useFigure } from '../experiment/pageContext.tsx';
import { figureId } from '../frame/useShortcuts.ts';
import { formatPercent } from '../quantities.ts';
import { useOwn, useOwnPage, useVariants } from './hooks.ts';
import { mapOf } from './variants.ts';

function Controls() {
  const view = useFigure((state) => state.view);
  const change = useFigure((state) => state.change);
  const isTable = useFigure((state) => state.isTable);
  const setTable = useFigure((state) => state.setTable);
  const isLayersDown = view.orientation === 'layers-down';
  return (
    <div className="map-controls">
      <button
        type="button"
        className="button"
        aria-pressed={isLayersDown}
        onClick={() => change({ orientation: isLayersDown ? 'tokens-down' : 'layers-down' })}
      >
        Layers down
      </button>
      <button type="button" className="button" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
        Table
      </button>
    </div>
  );
}

export function MapCard() {
  const { face } = useOwnPage();
  const state = useOwn((each) => each);
  const found = useVariants();
  const view = useFigure((each) => each.view);
  const isTable = useFigure((each) => each.isTable);
  const { shown, run } = state;
  const isRunning = run.status === 'running' && run.key === shown?.key;
  const description = useMemo(
    () =>
      found === null
        ? null
        : {
            ...mapOf(found.main, found.variants, isRunning),
            orientation: view.orientation,
            pins: view.pins,
          },
    [found, isRunning, view.orientation, view.pins],
  );
  if (shown === null || found === null || description === null)
    return (
      <section className="card figure-card" id={figureId} tabIndex={-1} aria-labelledby="map-title">
        <div className="card-head">
          <h2 id="map-title">Map</h2>
        </div>
        <p className="mute">
          {run.status === 'running'
            ? 'The model is asked what it answers by itself; the first site follows.'
            : 'Layers by positions appear here, each with the accuracy of what was trained there, beside a control that was not trained.'}
        </p>
      </section>
    );
  const status = figureStatus(face, shown, state);
  const { factual, majority, unedited } = found.main;
  const isWeak = factual !== null && factual.of > 0 && factual.right / factual.of < 0.9;
  return (
    <section
      className="card figure-card"
      id={figureId}
      tabIndex={-1}
      aria-labelledby="map-title"
      aria-busy={status.kind === 'filling'}
      data-standing={status.kind}
    >
      <div className="card-head">
        <h2 id="map-title">{description.title}</h2>
        <span className="standing" data-kind={status.kind}>
          {status.words}
        </span>
      </div>
      <p className="small">
        {factual !== null &&
          `By itself the model answers ${factual.right} of ${factual.of} prompts as the task has it. `}
        Right without any intervention: {formatPercent(unedited)}; always “{majority.label.trim()}”:{' '}
        {formatPercent(majority.share)}.
      </p>
      {isWeak && (
        <p className="problem">
          The model does the task in less than 90 % of the prompts: read the map with that in mind.
        </p>
      )}
      <Controls />
      {isTable ? <HeatmapTable description={description} /> : <Heatmap description={description} />}
      <p className="mute small">
        A click or Enter on a cell opens its training below. Of a site that was trained more than once the
        best on the test part is shown.
      </p>
      <p className="caption small">{description.caption}</p>
      <Exports />
    </section>
  );
}
