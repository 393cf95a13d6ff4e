// The figure as tables, one per panel: tokens down, layers across, the metric in the cells.

import { type HeatmapDescription, locationCount } from '../../figures/description.ts';
import { formatMetric, metricLabel } from '../../figures/metric.ts';
import { TokenText } from '../prompt/TokenText.tsx';

export function HeatmapTable({ description }: { readonly description: HeatmapDescription }) {
  const { panels, locations, layers, metric, baselines } = description;
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
              <span className="visually-hidden">, {metricLabel(metric)} by token and layer</span>
            </caption>
            <thead>
              <tr>
                <th scope="col">Token</th>
                {layers.map((layer) => (
                  <th key={layer} scope="col">
                    <span className="visually-hidden">layer </span>
                    {layer}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((location) => {
                const token = locations.kind === 'position' ? locations.tokens[location] : undefined;
                return (
                  <tr key={location}>
                    <th scope="row" className="mono">
                      <TokenText text={token?.text ?? ''} />
                      {token?.isCorrupted && <span title="corrupted">*</span>}
                    </th>
                    {layers.map((layer, column) => {
                      const value = panel.values[location]?.[column];
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
                        </td>
                      );
                    })}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </section>
      ))}
    </div>
  );
}
