// The figure of the trace with its controls, its standing, its caption and its ways out of the page.

import { useMemo } from 'react';
import { useDraft, useFigure, useModel, useTrace } from '../workbenchContext.tsx';
import { Exports } from './Exports.tsx';
import { FigureControls } from './FigureControls.tsx';
import { describeTrace } from './figure.ts';
import { figureStanding } from './figureStanding.ts';
import { Heatmap } from './Heatmap.tsx';
import { HeatmapTable } from './HeatmapTable.tsx';

export function FigureCard() {
  const shown = useTrace((state) => state.shown);
  const run = useTrace((state) => state.run);
  const view = useFigure((state) => state.view);
  const isTable = useFigure((state) => state.isTable);
  const label = useModel((state) => state.info?.label ?? null);
  const draft = useDraft();
  const result = shown?.result ?? null;
  const description = useMemo(() => (result === null ? null : describeTrace(result, view)), [result, view]);
  if (shown === null || result === null || description === null) {
    return (
      <section className="card figure-card" aria-labelledby="figure-title">
        <div className="card-head">
          <h2 id="figure-title">Figure</h2>
        </div>
        <p className="mute">
          {run.status === 'running'
            ? 'The first cells are on their way.'
            : 'Three heatmaps appear here: what restoring one state brings back, by token and layer.'}
        </p>
      </section>
    );
  }
  const standing = figureStanding(shown, draft, run, label);
  return (
    <section
      className="card figure-card"
      aria-labelledby="figure-title"
      aria-busy={standing.kind === 'filling'}
      data-standing={standing.kind}
    >
      <div className="card-head">
        <h2 id="figure-title">{description.title}</h2>
        <span className="standing" data-kind={standing.kind}>
          {standing.words}
        </span>
      </div>
      <FigureControls result={result} />
      {isTable ? <HeatmapTable description={description} /> : <Heatmap description={description} />}
      <p className="caption small">{description.caption}</p>
      <Exports result={result} />
    </section>
  );
}
