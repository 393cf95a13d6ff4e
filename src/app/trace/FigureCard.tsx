// The figure of the trace with its controls, its status, its caption and its ways out of the page.

import { useMemo } from 'react';
import { metricsOf } from '../../experiments/trace/grid.ts';
import { Choice } from '../experiment/Choice.tsx';
import { Exports } from '../experiment/Exports.tsx';
import { FigureControls } from '../experiment/FigureControls.tsx';
import { figureStatus } from '../experiment/figureStatus.ts';
import { Heatmap } from '../experiment/Heatmap.tsx';
import { HeatmapTable } from '../experiment/HeatmapTable.tsx';
import { Overlay } from '../experiment/Overlay.tsx';
import { useFigure } from '../experiment/pageContext.tsx';
import { figureId } from '../frame/useShortcuts.ts';
import { CellLine } from './Cells.tsx';
import { shownFigure } from './figure.ts';
import { useOwn, useOwnPage } from './hooks.ts';
import { sheetsOf } from './sheets.ts';

export function FigureCard() {
  const { face } = useOwnPage();
  const state = useOwn((each) => each);
  const { shown, run } = state;
  const view = useFigure((each) => each.view);
  const isTable = useFigure((each) => each.isTable);
  const result = shown?.result ?? null;
  const change = useFigure((each) => each.change);
  const figure = useMemo(() => (result === null ? null : shownFigure(result, view)), [result, view]);
  const overlay = figure?.kind === 'overlay' ? figure.description : null;
  const description = figure?.kind === 'heatmap' ? figure.description : (overlay?.heatmap ?? null);
  const sheets = useMemo(() => (result === null ? [] : sheetsOf(result)), [result]);
  if (shown === null || result === null || description === null) {
    return (
      <section className="card figure-card" id={figureId} tabIndex={-1} aria-labelledby="figure-title">
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
  const status = figureStatus(face, shown, state);
  return (
    <section
      className="card figure-card"
      id={figureId}
      tabIndex={-1}
      aria-labelledby="figure-title"
      aria-busy={status.kind === 'filling'}
      data-standing={status.kind}
    >
      <div className="card-head">
        <h2 id="figure-title">{description.title}</h2>
        <span className="standing" data-kind={status.kind}>
          {status.words}
        </span>
      </div>
      <FigureControls metrics={metricsOf(result)}>
        {sheets.length > 1 && (
          <Choice
            label="Figure"
            value={String(Math.min(view.sheet, sheets.length - 1))}
            choices={sheets.map(({ name }, index) => [String(index), name] as const)}
            onChange={(sheet) => change({ sheet: Number(sheet), pins: [] })}
          />
        )}
      </FigureControls>
      {isTable ? (
        <HeatmapTable description={description} />
      ) : overlay === null ? (
        <Heatmap description={description} />
      ) : (
        <Overlay description={overlay} />
      )}
      <CellLine />
      <p className="caption small">{description.caption}</p>
      <Exports />
    </section>
  );
}
