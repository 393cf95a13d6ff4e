// One cell of a sweep in full: the one under the pointer or the keyboard, else a pinned one, else the strongest; and the
// pinned ones side by side.

import { layerName, locationName, strongestCell } from '../../figures/cellSummary.ts';
import { type CellAddress, type HeatmapDescription, isSameCell, valueAt } from '../../figures/description.ts';
import { formatMetric, formatValue, fractionRecovered, metricLabel } from '../../figures/metric.ts';
import { useFigure } from '../experiment/pageContext.tsx';
import { useSweepFigure } from './useSweepFigure.ts';

interface CellProps {
  readonly description: HeatmapDescription;
  readonly cell: CellAddress;
}

const placeWords = ({ description, cell }: CellProps): string => {
  const { title } = description.panels[cell.panel] ?? {};
  return `${title ?? ''}, ${layerName(description, cell.layer)}, ${locationName(description, cell.location)}`;
};

function valueWords({ description, cell }: CellProps): string {
  const { metric } = description;
  const value = valueAt(description, cell);
  if (value === undefined) return 'not computed yet';
  return `${formatMetric(metric, value)}${metric.unit ? ` ${metric.unit}` : ''}`;
}

function Facts({ description, cell }: CellProps) {
  const { metric, baselines, samples, panels } = description;
  const spread = panels[cell.panel]?.standardDeviations?.[cell.location]?.[cell.layer];
  const value = valueAt(description, cell);
  const share = value === undefined ? undefined : fractionRecovered(value, baselines);
  const unit = metric.unit ? ` ${metric.unit}` : '';
  return (
    <>
      <p className="mute small">{metricLabel(metric)}</p>
      <dl className="facts cell-facts">
        <dt>Here</dt>
        <dd>
          <b>{valueWords({ description, cell })}</b>
        </dd>
        {spread !== undefined && (
          <>
            <dt>Spread over {samples} samples</dt>
            <dd>
              ± {formatMetric(metric, spread)}
              {unit}
            </dd>
          </>
        )}
        {baselines && (
          <>
            <dt>Clean run</dt>
            <dd>
              {formatMetric(metric, baselines.clean)}
              {unit}
            </dd>
            <dt>Corrupted run</dt>
            <dd>
              {formatMetric(metric, baselines.corrupted)}
              {unit}
            </dd>
          </>
        )}
        {share !== undefined && (
          <>
            <dt>From corrupted to clean</dt>
            <dd>{formatValue(share * 100, 0)} %</dd>
          </>
        )}
      </dl>
    </>
  );
}

/** On a narrow screen the card is far below: its line stands at the foot of the figure. */
export function CellLine({ description }: { readonly description: HeatmapDescription }) {
  const { looked, chosen } = useFigure((state) => state);
  const cell = looked ?? chosen;
  if (cell === null || valueAt(description, cell) === undefined) return null;
  return (
    <p className="cell-line small">
      <span>
        {placeWords({ description, cell })} <b>{valueWords({ description, cell })}</b>
      </span>
    </p>
  );
}

function strongest(description: HeatmapDescription): CellAddress | null {
  return description.panels.map((_, panel) => strongestCell(description, panel)).find((cell) => cell) ?? null;
}

/** The pinned cells side by side; before there are any, how to pin one. */
export function PinnedCells({ description }: { readonly description: HeatmapDescription }) {
  const { looked, chosen, choose, look, unpin } = useFigure((state) => state);
  const { pins = [] } = description;
  if (pins.length === 0)
    return (
      <p className="mute small">
        Point at a cell to read it; click it or press Enter to pin it, up to four. Pins are compared here.
      </p>
    );
  return (
    <table className="compared small">
      <caption>Pinned cells</caption>
      <tbody>
        {pins.map((pin) => (
          <tr key={pin.letter}>
            <th scope="row">
              <button
                type="button"
                className="pin"
                aria-pressed={isSameCell(pin, looked ?? chosen ?? undefined)}
                aria-label={`Pinned cell ${pin.letter}`}
                onClick={() => {
                  look(null);
                  choose(pin);
                }}
              >
                {pin.letter}
              </button>
            </th>
            <td>{placeWords({ description, cell: pin })}</td>
            <td className="number">{valueWords({ description, cell: pin })}</td>
            <td>
              <button
                type="button"
                className="button-plain"
                aria-label={`Unpin ${pin.letter}`}
                onClick={() => unpin(pin)}
              >
                Unpin
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function CellCard() {
  const description = useSweepFigure();
  const { looked, chosen } = useFigure((state) => state);
  const own = looked ?? chosen;
  const cell = description && (own && valueAt(description, own) !== undefined ? own : strongest(description));
  if (!description || !cell)
    return (
      <section className="card inspector sweep-cell" aria-labelledby="cell-title">
        <h2 id="cell-title">Cell</h2>
        <p className="mute">Once there is a figure, point at a cell to read it.</p>
      </section>
    );
  return (
    <section className="card inspector cell-inspector sweep-cell" aria-labelledby="cell-title">
      <div className="card-head">
        <h2 id="cell-title">{cell === own ? 'Cell' : 'Strongest cell'}</h2>
      </div>
      <p className="inspector-name">{placeWords({ description, cell })}</p>
      <Facts description={description} cell={cell} />
      <PinnedCells description={description} />
    </section>
  );
}
