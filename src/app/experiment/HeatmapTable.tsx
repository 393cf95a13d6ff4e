// The figure as tables, one per panel: tokens, heads or named positions down, layers across, the metric in the cells.

import { locationWords } from '../../figures/cellSummary.ts';
import { type HeatmapDescription, type Locations, locationCount } from '../../figures/description.ts';
import { formatMetric, metricLabel } from '../../figures/metric.ts';
import { TokenText } from '../prompt/TokenText.tsx';

interface LocationTextProps {
  readonly locations: Locations;
  readonly location: number;
}

function LocationText({ locations, location }: LocationTextProps) {
  switch (locations.kind) {
    case 'position': {
      const token = locations.tokens[location];
      return (
        <>
          <TokenText text={token?.text ?? ''} />
          {token?.isCorrupted && <span title="corrupted">*</span>}
        </>
      );
    }
    case 'head':
      return <>{locations.heads[location]}</>;
    case 'named':
      return <>{locations.names[location]}</>;
    default:
      return locations satisfies never;
  }
}

export function HeatmapTable({ description }: { readonly description: HeatmapDescription }) {
  const { panels, locations, layers, layerWord = 'layer', metric, baselines } = description;
  const word = locationWords[locations.kind];
  const rows = Array.from({ length: locationCount(locations) }, (_, location) => location);
  return (
    <div className="tables">
      {baselines && (
        <p className="mute">
          {metricLabel(metric)}: clean {formatMetric(metric, baselines.clean)}, corrupted{' '}
          {formatMetric(metric, baselines.corrupted)}
        </p>
      )}
      {panels.map((panel) => (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <section key={panel.title} className="table-scroll" aria-label={`${panel.title}, table`} tabIndex={0}>
          <table className="numbers">
            <caption>
              {panel.title}
              <span className="visually-hidden">
                , {metricLabel(metric)} by {word} and {layerWord}
              </span>
            </caption>
            <thead>
              <tr>
                <th scope="col">{`${word.charAt(0).toUpperCase()}${word.slice(1)}`}</th>
                {layers.map((layer) => (
                  <th key={layer} scope="col">
                    <span className="visually-hidden">{layerWord} </span>
                    {layer}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((location) => (
                <tr key={location}>
                  <th scope="row" className="mono">
                    <LocationText locations={locations} location={location} />
                  </th>
                  {layers.map((layer, column) => {
                    const value = panel.values[location]?.[column];
                    const spread = panel.standardDeviations?.[location]?.[column];
                    return (
                      <td key={layer} className="number">
                        {value === undefined ? (
                          <span className="mute">
                            <span aria-hidden="true">–</span>
                            <span className="visually-hidden">not computed yet</span>
                          </span>
                        ) : (
                          formatMetric(metric, value)
                        )}
                        {value !== undefined && spread !== undefined && (
                          <span className="mute"> ± {formatMetric(metric, spread)}</span>
                        )}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </div>
  );
}
