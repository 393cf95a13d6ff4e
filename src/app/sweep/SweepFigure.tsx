// The figure of a sweep with its controls, its status, its caption and its ways out of the page. It stands on the sweep's own
// page, and on the rack where the sweep was started.

import { useMemo } from 'react';
import { Choice } from '../experiment/Choice.tsx';
import { Exports } from '../experiment/Exports.tsx';
import { FigureControls } from '../experiment/FigureControls.tsx';
import { figureStatus } from '../experiment/figureStatus.ts';
import { Heatmap } from '../experiment/Heatmap.tsx';
import { HeatmapTable } from '../experiment/HeatmapTable.tsx';
import { Overlay } from '../experiment/Overlay.tsx';
import { useAnyPage, useAnyState, useFigure } from '../experiment/pageContext.tsx';
import { CellLine } from './CellCard.tsx';
import { lookOf, looks, lookTitles } from './looks.ts';
import { heatmapOf } from './page.ts';
import { useShownFigure } from './useSweepFigure.ts';

/** How the figure is drawn: which of several, and like whose. */
function Choices() {
  const { face } = useAnyPage();
  const result = useAnyState((state) => state.shown?.result ?? null);
  const view = useFigure((state) => state.view);
  const change = useFigure((state) => state.change);
  const sheets = useMemo(() => (result === null ? [] : (face.sheets?.(result) ?? [])), [face, result]);
  const hasMetrics = face.metrics !== undefined;
  const look = lookOf(view);
  return (
    <>
      {sheets.length > 1 && (
        <Choice
          label="Figure"
          value={String(Math.min(view.sheet, sheets.length - 1))}
          choices={sheets.map((name, index) => [String(index), name] as const)}
          onChange={(sheet) => change({ sheet: Number(sheet), pins: [] })}
        />
      )}
      {hasMetrics && (
        <>
          <Choice
            label="As in"
            value={look ?? 'own'}
            choices={(
              ['transformerLens', 'ioi', 'rome', ...(look === null ? ['own' as const] : [])] as const
            ).map((name) => [name, lookTitles[name]] as const)}
            onChange={(name) => {
              if (name !== 'own') change(looks[name]);
            }}
          />
          <Choice
            label="Values"
            value={view.scale}
            choices={[
              ['share', 'Between the runs'],
              ['value', 'As they are'],
              ['change', 'Change in percent'],
            ]}
            onChange={(scale) => change({ scale })}
          />
        </>
      )}
    </>
  );
}

interface SweepFigureProps {
  readonly level: 2 | 3;
  /** Where nothing has been computed. */
  readonly empty: string;
}

export function SweepFigure({ level, empty }: SweepFigureProps) {
  const { face } = useAnyPage();
  const state = useAnyState((each) => each);
  const isTable = useFigure((each) => each.isTable);
  const figure = useShownFigure();
  const description = figure && heatmapOf(figure);
  const { shown, run } = state;
  const Heading = `h${level}` as const;
  if (shown === null || description === null)
    return <p className="mute">{run.status === 'running' ? 'The first cells are on their way.' : empty}</p>;
  const status = figureStatus(face, shown, state);
  return (
    <div className="sweep-figure" aria-busy={status.kind === 'filling'} data-standing={status.kind}>
      <div className="card-head">
        <Heading>{description.title}</Heading>
        <span className="standing" data-kind={status.kind}>
          {status.words}
        </span>
      </div>
      <FigureControls metrics={face.metrics?.(shown.result) ?? []}>
        <Choices />
      </FigureControls>
      {isTable ? (
        <HeatmapTable description={description} />
      ) : figure?.kind === 'overlay' ? (
        <Overlay description={figure.description} />
      ) : (
        <Heatmap description={description} />
      )}
      <CellLine description={description} />
      {shown.result.notices.map(({ code, text }) => (
        <p key={`${code} ${text}`} className="small">
          {text}
        </p>
      ))}
      <p className="caption small">{description.caption}</p>
      <Exports />
    </div>
  );
}
