// Several cells of a figure at once: the pinned ones side by side, the strongest of each panel, and on narrow screens the one
// that is read, in a line.

import { streamTitle, traceFigure } from '../../experiments/trace/figure.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import { type CellAddress, isSameCell, type Pin } from '../../figures/description.ts';
import { formatMetric, formatValue } from '../../figures/metric.ts';
import { useFigure } from '../experiment/pageContext.tsx';
import { TokenText } from '../prompt/TokenText.tsx';
import { cellFacts } from './cell.ts';
import { metricShown } from './figure.ts';
import { useOwn } from './hooks.ts';

/** Where the button under a narrow figure leads. */
export const cellId = 'cell';

/** On a narrow screen the inspector is far below: one line of what it says stands at the foot of the figure. */
export function CellLine() {
  const result = useOwn((state) => state.shown?.result ?? null);
  const { view, looked, chosen } = useFigure((state) => state);
  const address = looked ?? chosen;
  const metric = result && metricShown(result, view.metric);
  const facts = result && metric && address && cellFacts(result, address, metric, view.sheet);
  if (!result || !metric || !facts) return null;
  const { component, layer, token, measured } = facts;
  return (
    <p className="cell-line small">
      <span>
        {streamTitle(component)}, layer {layer},{' '}
        <span className="mono">
          <TokenText text={token} />
        </span>
        {measured !== null && (
          <>
            {' '}
            <b>{formatMetric(traceFigure(result, metric).metric, measured.value.mean)}</b>
            {measured.recovered !== null && ` · ${formatValue(measured.recovered * 100, 0)} %`}
          </>
        )}
      </span>
      <button type="button" className="button" onClick={() => document.getElementById(cellId)?.focus()}>
        Read
      </button>
    </p>
  );
}

/** The letters of the pinned cells, to go from one to another. */
export function Pins({ pins, shown }: { readonly pins: readonly Pin[]; readonly shown: CellAddress }) {
  const choose = useFigure((state) => state.choose);
  const look = useFigure((state) => state.look);
  const unpin = useFigure((state) => state.unpin);
  if (pins.length === 0) return null;
  const own = pins.find((pin) => isSameCell(pin, shown));
  return (
    <div className="pins">
      {pins.map((pin) => (
        <button
          key={pin.letter}
          type="button"
          className="pin"
          aria-pressed={pin === own}
          aria-label={`Pinned cell ${pin.letter}`}
          onClick={() => {
            look(null);
            choose(pin);
          }}
        >
          {pin.letter}
        </button>
      ))}
      {own !== undefined && (
        <button type="button" className="button-plain" onClick={() => unpin(own)}>
          Unpin {own.letter}
        </button>
      )}
    </div>
  );
}

/** Pinned cells side by side. */
export function ComparedPins({
  pins,
  result,
}: {
  readonly pins: readonly Pin[];
  readonly result: TraceResult;
}) {
  const view = useFigure((state) => state.view);
  const metric = metricShown(result, view.metric);
  const description = traceFigure(result, metric).metric;
  const rows = pins.flatMap((pin) => {
    const facts = cellFacts(result, pin, metric, view.sheet);
    return facts === null ? [] : [{ pin, facts }];
  });
  return (
    <table className="compared small">
      <caption>Pinned cells</caption>
      <thead>
        <tr>
          <th scope="col">
            <span className="visually-hidden">Pin</span>
          </th>
          <th scope="col">Cell</th>
          <th scope="col" className="number">
            {description.shortName ?? description.name}
          </th>
          <th scope="col" className="number">
            recovered
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ pin, facts: { component, layer, token, measured } }) => (
          <tr key={pin.letter}>
            <th scope="row">{pin.letter}</th>
            <td>
              {streamTitle(component)} {layer},{' '}
              <span className="mono">
                <TokenText text={token} />
              </span>
            </td>
            <td className="number">
              {measured === null ? '–' : formatMetric(description, measured.value.mean)}
            </td>
            <td className="number">
              {measured === null || measured.recovered === null
                ? '–'
                : `${formatValue(measured.recovered * 100, 0)} %`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The strongest cell of each panel: of which panel a number is the strongest is no small matter. */
export function Strongest({
  cells,
  result,
}: {
  readonly cells: readonly CellAddress[];
  readonly result: TraceResult;
}) {
  const choose = useFigure((state) => state.choose);
  const view = useFigure((state) => state.view);
  const metric = metricShown(result, view.metric);
  const description = traceFigure(result, metric).metric;
  return (
    <ul className="strongest small" aria-label="The strongest cell of each panel">
      {cells.map((address) => {
        const facts = cellFacts(result, address, metric, view.sheet);
        if (!facts?.measured) return null;
        const { component, layer, token, measured } = facts;
        return (
          <li key={component}>
            <button type="button" className="button-plain" onClick={() => choose(address)}>
              {streamTitle(component)}
            </button>{' '}
            {formatMetric(description, measured.value.mean)}
            <span className="mute">
              {' '}
              layer {layer},{' '}
              <span className="mono">
                <TokenText text={token} />
              </span>
            </span>
          </li>
        );
      })}
    </ul>
  );
}
