// A picture with its patches, of which a rectangle is marked: by dragging over it, or by its four sides as numbers.

import { type PointerEvent, useRef } from 'react';
import type { ModelReads } from '../../worker/protocol.ts';
import { SeenImage } from './SeenImage.tsx';

/** A rectangle of patches; right and bottom are exclusive. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

interface PatchGridProps {
  /** The picture's file in base64. */
  readonly data: string;
  readonly picture: ModelReads['picture'];
  readonly patches: NonNullable<ModelReads['patches']>;
  /** Null where none are marked. */
  readonly box: Box | null;
  readonly onMark: (box: Box) => void;
}

const side = 240;
const sides = ['left', 'top', 'right', 'bottom'] as const;

export function PatchGrid({ data, picture, patches: { across, down }, box, onMark }: PatchGridProps) {
  const anchor = useRef<readonly [number, number] | null>(null);
  const patchAt = (event: PointerEvent<SVGSVGElement>): readonly [number, number] => {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
    const place = (at: number, size: number, count: number) =>
      Math.min(count - 1, Math.max(0, Math.floor((at / size) * count)));
    return [place(event.clientX - left, width, across), place(event.clientY - top, height, down)];
  };
  const mark = (event: PointerEvent<SVGSVGElement>) => {
    if (anchor.current === null) return;
    const [x, y] = patchAt(event);
    const [fromX, fromY] = anchor.current;
    onMark([Math.min(x, fromX), Math.min(y, fromY), Math.max(x, fromX) + 1, Math.max(y, fromY) + 1]);
  };
  const [left, top, right, bottom] = box ?? [0, 0, 0, 0];
  const limits = {
    left: [0, right - 1],
    top: [0, bottom - 1],
    right: [left + 1, across],
    bottom: [top + 1, down],
  } as const;
  return (
    <div className="patch-grid">
      <svg
        role="img"
        aria-label={`The picture, ${across} by ${down} patches${box === null ? '' : `; corrupted are ${left} to ${right - 1} across and ${top} to ${bottom - 1} down`}`}
        width={side}
        height={side}
        viewBox={`0 0 ${across} ${down}`}
        preserveAspectRatio="none"
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          anchor.current = patchAt(event);
          mark(event);
        }}
        onPointerMove={mark}
        onPointerUp={() => {
          anchor.current = null;
        }}
      >
        <SeenImage data={data} picture={picture} width={across} height={down} />
        {box !== null && (
          <rect
            className="patch-box"
            x={left}
            y={top}
            width={right - left}
            height={bottom - top}
            vectorEffect="non-scaling-stroke"
          />
        )}
      </svg>
      {box !== null && (
        <span className="field-line">
          {sides.map((name, index) => (
            <label key={name} className="small">
              {name}{' '}
              <input
                type="number"
                className="field-number"
                min={limits[name][0]}
                max={limits[name][1]}
                value={box[index]}
                onChange={(event) => {
                  const value = event.target.valueAsNumber;
                  const [least, most] = limits[name];
                  if (!Number.isInteger(value) || value < least || value > most) return;
                  const next: [number, number, number, number] = [left, top, right, bottom];
                  next[index] = value;
                  onMark(next);
                }}
              />
            </label>
          ))}
        </span>
      )}
      <span className="field-hint">Drag over the picture to mark what is corrupted.</span>
    </div>
  );
}
