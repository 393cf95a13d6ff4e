// Estimate against measurement, a point for each socket of which both are known, with their correlation.

import { scaleLinear } from 'd3';
import { useMemo } from 'react';
import { correlationWith } from '../../experiments/attribute/correlation.ts';
import { usePatchDraft, useShelf, useSockets } from './benchContext.tsx';
import { knownTwice } from './shares.ts';

const size = { width: 286, height: 190, left: 36, bottom: 34, top: 8, right: 8 };

export function ScatterCard() {
  const shelf = useShelf();
  const { tokens, unitsOf } = usePatchDraft();
  const estimates = useSockets((state) => state.estimates);
  const measured = useSockets((state) => state.measured);
  const points = useMemo(() => {
    if (!shelf || !tokens) return [];
    const { heads = 0, name } = shelf.component;
    const columns = shelf.view.columns === 'head' ? heads : unitsOf('base', name).length;
    return knownTwice({ estimates, measured }, shelf, columns);
  }, [shelf, tokens, unitsOf, estimates, measured]);
  if (points.length < 3) return null;
  const correlation = correlationWith(
    points.map(({ estimate }) => estimate),
    points.map((point) => point.measured),
  );
  const all = points.flatMap(({ estimate, measured: own }) => [estimate, own]);
  const domain = [Math.min(0, ...all), Math.max(1, ...all)] as const;
  const x = scaleLinear(domain, [size.left, size.width - size.right]).nice(4);
  const y = scaleLinear(domain, [size.height - size.bottom, size.top]).nice(4);
  const [low = 0, high = 1] = x.domain();
  return (
    <section className="card scatter" aria-labelledby="scatter-title">
      <div className="card-head">
        <h2 id="scatter-title">Estimate against measurement</h2>
      </div>
      <svg
        viewBox={`0 0 ${size.width} ${size.height}`}
        role="img"
        aria-label={`${points.length} sockets, estimated against measured; correlation ${correlation.toFixed(3)}`}
      >
        <line className="scatter-diagonal" x1={x(low)} y1={y(low)} x2={x(high)} y2={y(high)} />
        <line
          className="scatter-axis"
          x1={size.left}
          y1={size.height - size.bottom}
          x2={size.width - size.right}
          y2={size.height - size.bottom}
        />
        <line
          className="scatter-axis"
          x1={size.left}
          y1={size.top}
          x2={size.left}
          y2={size.height - size.bottom}
        />
        {x.ticks(4).map((tick) => (
          <text
            key={tick}
            className="scatter-tick"
            x={x(tick)}
            y={size.height - size.bottom + 14}
            textAnchor="middle"
          >
            {tick}
          </text>
        ))}
        {y.ticks(4).map((tick) => (
          <text key={tick} className="scatter-tick" x={size.left - 6} y={y(tick) + 4} textAnchor="end">
            {tick}
          </text>
        ))}
        <text
          className="scatter-tick"
          x={(size.left + size.width) / 2}
          y={size.height - 4}
          textAnchor="middle"
        >
          measured
        </text>
        <text
          className="scatter-tick"
          transform={`translate(9 ${(size.height - size.bottom) / 2}) rotate(-90)`}
          textAnchor="middle"
        >
          estimate
        </text>
        {points.map(({ layer, column, estimate, measured: own }) => (
          <circle key={`${layer} ${column}`} className="scatter-point" cx={x(own)} cy={y(estimate)} r="2.6" />
        ))}
      </svg>
      <p className="mute small">
        {points.length} sockets; correlation {Number.isNaN(correlation) ? 'none' : correlation.toFixed(3)}
      </p>
    </section>
  );
}
