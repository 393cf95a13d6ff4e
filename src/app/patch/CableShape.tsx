// One cable over the rack: its line, its plugs, and a wide unseen line that a pointer finds.

import { type DrawnCable, dashesOf } from '../../figures/rack/rackCables.ts';

export interface CableShapeProps {
  readonly drawn: DrawnCable;
  readonly isMarked: boolean;
  readonly onSelect: () => void;
  readonly onHover: (isOver: boolean) => void;
}

export function CableShape({ drawn, isMarked, onSelect, onHover }: CableShapeProps) {
  const { cable, path, starts, ends, width } = drawn;
  const dashes = dashesOf(cable.line);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: likewise
    <g
      className="cable"
      data-marked={isMarked}
      onClick={onSelect}
      onPointerEnter={() => onHover(true)}
      onPointerLeave={() => onHover(false)}
    >
      {path !== undefined && (
        <>
          <path className="cable-reach" d={path} />
          <path
            className="cable-line"
            d={path}
            strokeWidth={width}
            strokeDasharray={dashes}
            strokeLinecap={cable.line === 'dotted' ? 'round' : 'butt'}
          />
          {cable.line === 'double' && (
            <path className="cable-core" d={path} strokeWidth={Math.max(1, width - 3)} />
          )}
        </>
      )}
      {starts.map(({ x, y }) => (
        <circle key={`${x} ${y}`} className="cable-start" cx={x} cy={y} r={4.5} />
      ))}
      {ends.map(({ x, y }) => (
        <g key={`${x} ${y}`}>
          <circle className="cable-end" cx={x} cy={y} r={10} />
          {cable.sign !== null && (
            <text className="cable-sign" x={x} y={y + 4} textAnchor="middle">
              {cable.sign}
            </text>
          )}
        </g>
      ))}
    </g>
  );
}
