// The prompts along what was learned: a strip for each value of the variable, or, with two directions, a plane.

import { bin, extent, scaleLinear, symbol, symbolsFill } from 'd3';
import { useId } from 'react';
import type { LearnedPoint, LearnedSite } from '../../experiments/align/learned.ts';

const width = 640;
const margin = { left: 96, right: 16, top: 8, bottom: 40 };
const strip = 44;
const plane = 320;
/** So many values can be told apart by their shapes. */
const mostShapes = symbolsFill.length;

const shapeOf = (value: number): string => symbol(symbolsFill[value % mostShapes], 34)() ?? '';

/** Points of a strip side by side where they would cover each other. */
function swarm(points: readonly LearnedPoint[], x: (value: number) => number) {
  const bins = bin<LearnedPoint, number>()
    .value(({ at: [value = 0] }) => x(value))
    .domain([margin.left, width - margin.right])
    .thresholds(Math.floor((width - margin.left) / 6))(points);
  return bins.flatMap((near) =>
    near.map((point, place) => {
      const side = place % 2 === 0 ? 1 : -1;
      const step = Math.min(5, (strip - 12) / Math.max(1, near.length));
      return { point, offset: side * Math.ceil(place / 2) * step };
    }),
  );
}

function Axis({
  x,
  y,
  title,
}: {
  readonly x: ReturnType<typeof scaleLinear<number>>;
  readonly y: number;
  readonly title: string;
}) {
  return (
    <>
      <line className="plot-axis" x1={margin.left} x2={width - margin.right} y1={y} y2={y} />
      {x.ticks(6).map((tick) => (
        <text key={tick} className="plot-tick" x={x(tick)} y={y + 14} textAnchor="middle">
          {String(tick).replace('-', '−')}
        </text>
      ))}
      <text className="plot-tick" x={(margin.left + width) / 2} y={y + 32} textAnchor="middle">
        {title}
      </text>
    </>
  );
}

function Strips({ learned }: { readonly learned: LearnedSite }) {
  const { points, values, means } = learned;
  const [low = 0, high = 1] = extent(points, ({ at: [value = 0] }) => value);
  const x = scaleLinear([low, high], [margin.left, width - margin.right]).nice(6);
  const height = margin.top + values.length * strip + margin.bottom;
  const id = useId();
  return (
    <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-labelledby={id} className="plot">
      <title id={id}>
        {points.length} prompts along the learned direction, a strip for each of {values.length} values
      </title>
      {values.map((value, row) => {
        const middle = margin.top + (row + 0.5) * strip;
        const own = points.filter((point) => point.value === row);
        const mean = x(means[row] ?? 0);
        return (
          <g key={value}>
            <text className="plot-value" x={margin.left - 12} y={middle + 4} textAnchor="end">
              {value.trim().slice(0, 14)}
            </text>
            <line className="plot-grid" x1={margin.left} x2={width - margin.right} y1={middle} y2={middle} />
            {swarm(own, x).map(({ point, offset }, index) => (
              <path
                // biome-ignore lint/suspicious/noArrayIndexKey: prompts of one wording, such as pictures, are points of their own
                key={index}
                className="plot-point"
                data-value={row % 2}
                d={shapeOf(row)}
                transform={`translate(${x(point.at[0] ?? 0)} ${middle + offset})`}
              >
                <title>{`${point.prompt}: ${(point.at[0] ?? 0).toFixed(3)}`}</title>
              </path>
            ))}
            <line
              className="plot-mean"
              x1={mean}
              x2={mean}
              y1={middle - strip / 2 + 3}
              y2={middle + strip / 2 - 3}
            />
          </g>
        );
      })}
      <Axis
        x={x}
        y={margin.top + values.length * strip}
        title="along the learned direction; a stroke is a mean"
      />
    </svg>
  );
}

function Plane({ learned }: { readonly learned: LearnedSite }) {
  const { points, values } = learned;
  const [low = 0, high = 1] = extent(points, ({ at: [value = 0] }) => value);
  const [bottom = 0, top = 1] = extent(points, ({ at: [, value = 0] }) => value);
  const x = scaleLinear([low, high], [margin.left, width - margin.right]).nice(6);
  const y = scaleLinear([bottom, top], [plane - margin.bottom, margin.top + 8]).nice(5);
  const id = useId();
  return (
    <>
      <svg viewBox={`0 0 ${width} ${plane}`} role="img" aria-labelledby={id} className="plot">
        <title id={id}>{points.length} prompts in the plane of two learned directions</title>
        {y.ticks(5).map((tick) => (
          <g key={tick}>
            <line
              className="plot-grid"
              x1={margin.left}
              x2={width - margin.right}
              y1={y(tick)}
              y2={y(tick)}
            />
            <text className="plot-tick" x={margin.left - 8} y={y(tick) + 4} textAnchor="end">
              {String(tick).replace('-', '−')}
            </text>
          </g>
        ))}
        {points.map((point, index) => (
          <path
            // biome-ignore lint/suspicious/noArrayIndexKey: prompts of one wording, such as pictures, are points of their own
            key={index}
            className="plot-point"
            data-value={point.value % 2}
            d={shapeOf(point.value)}
            transform={`translate(${x(point.at[0] ?? 0)} ${y(point.at[1] ?? 0)})`}
          >
            <title>{`${point.prompt} (${values[point.value]?.trim()})`}</title>
          </path>
        ))}
        <Axis
          x={x}
          y={plane - margin.bottom}
          title="along the direction that separates the values; up, a second"
        />
      </svg>
      <ul className="plot-legend small" aria-label="Values">
        {values.map((value, row) => (
          <li key={value}>
            <svg width="12" height="12" viewBox="-6 -6 12 12" aria-hidden="true">
              <path className="plot-point" data-value={row % 2} d={shapeOf(row)} />
            </svg>
            {value.trim()}
          </li>
        ))}
      </ul>
    </>
  );
}

export function ProjectionPlot({ learned }: { readonly learned: LearnedSite }) {
  const hasPlane = learned.points.some(({ at }) => at.length > 1) && learned.values.length <= mostShapes;
  return hasPlane ? <Plane learned={learned} /> : <Strips learned={learned} />;
}
