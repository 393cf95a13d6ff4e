// How the figure is looked at. Every choice is a view of the numbers that are there; none runs the model.

import type { ReactNode } from 'react';
import type { Metric } from '../../experiments/metrics.ts';
import { Choice } from './Choice.tsx';
import { useFigure } from './pageContext.tsx';

const metricLabels: Readonly<Record<Metric, string>> = {
  probability: 'Probability',
  logProbability: 'Log probability',
  logitDifference: 'Logit difference',
  answerLogit: 'Logit',
  rank: 'Rank',
  divergence: 'KL divergence',
};

interface FigureControlsProps {
  /** That the result has; none where there is nothing to choose. */
  readonly metrics: readonly Metric[];
  /** Choices of the kind's own, before the others. */
  readonly children?: ReactNode;
}

export function FigureControls({ metrics, children }: FigureControlsProps) {
  const view = useFigure((state) => state.view);
  const change = useFigure((state) => state.change);
  const isTable = useFigure((state) => state.isTable);
  const setTable = useFigure((state) => state.setTable);
  const metric = metrics.includes(view.metric) ? view.metric : (metrics[0] ?? 'probability');
  return (
    <div className="figure-controls">
      {children}
      {metrics.length > 0 && (
        <Choice
          label="Metric"
          value={metric}
          choices={metrics.map((each) => [each, metricLabels[each]] as const)}
          onChange={(next) => change({ metric: next })}
        />
      )}
      <Choice
        label="Colours"
        value={view.colours}
        choices={[
          ['streams', 'By stream'],
          ['viridis', 'Viridis'],
          ['cividis', 'Cividis'],
          ['puOr', 'Diverging'],
          ['rdBu', 'Red and blue'],
        ]}
        onChange={(colours) => change({ colours })}
      />
      <Choice
        label="Range"
        value={view.sharing}
        choices={[
          ['shared', 'Shared'],
          ['panel', 'Each its own'],
        ]}
        onChange={(sharing) => change({ sharing })}
      />
      <Choice
        label="Rows"
        value={view.orientation}
        choices={[
          ['tokens-down', 'Tokens'],
          ['layers-down', 'Layers'],
        ]}
        onChange={(orientation) => change({ orientation })}
      />
      <div className="field">
        <span aria-hidden="true">Show</span>
        <button type="button" className="button" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          Table
        </button>
      </div>
    </div>
  );
}
