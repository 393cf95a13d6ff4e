// The picture of a run with the parts that its sockets stand for: the part that is looked at is framed, and those of the base
// are tinted by what their sockets say in the layer that is looked at.

import { colourAt } from '../../figures/colour.ts';
import type { ModelReads } from '../../worker/protocol.ts';
import { useShownTheme } from '../frame/useShownTheme.ts';
import { SeenImage } from '../prompt/SeenImage.tsx';
import { useHand, useShelf, useSockets } from './benchContext.tsx';
import { socketValue } from './shares.ts';
import { scaleOfShares } from './sockets.ts';
import type { Unit } from './stacks.ts';

interface RackPictureProps {
  /** The picture's file in base64. */
  readonly data: string;
  readonly reads: ModelReads;
  readonly patches: NonNullable<ModelReads['patches']>;
  readonly run: string;
  readonly label: string;
}

const side = 168;

/** Left, top, width and height of a part, in patches; null for the one without pixels. */
export function boxOf({ positions }: Unit, across: number): readonly [number, number, number, number] | null {
  if (positions.includes(0)) return null;
  const xs = positions.map((position) => (position - 1) % across);
  const ys = positions.map((position) => Math.floor((position - 1) / across));
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return [left, top, Math.max(...xs) - left + 1, Math.max(...ys) - top + 1];
}

/** Where a share of the way lies on the scale, from 0 to 1. */
const onScale = (share: number): number =>
  Math.min(1, Math.max(0, (share - scaleOfShares.start) / (scaleOfShares.end - scaleOfShares.start)));

export function RackPicture({ data, reads, patches: { across, down }, run, label }: RackPictureProps) {
  const theme = useShownTheme();
  const shelf = useShelf();
  const looked = useHand(({ under, focus }) => under ?? focus);
  const estimates = useSockets((state) => state.estimates);
  const measured = useSockets((state) => state.measured);
  const parts = shelf?.parts ?? [];
  const frame = looked?.run === run ? parts[looked.column] : undefined;
  const layer = looked?.layer ?? null;
  const tints =
    shelf && run === 'base' && layer !== null
      ? parts.map((_, column) => socketValue({ estimates, measured }, shelf, layer, column)?.value)
      : [];
  const framed = frame && boxOf(frame, across);
  return (
    <svg
      className="rack-picture"
      role="img"
      aria-label={`${label}${frame?.words ? `; looked at is ${frame.words}` : ''}`}
      width={side}
      height={Math.round((side * down) / across)}
      viewBox={`0 0 ${across} ${down}`}
      preserveAspectRatio="none"
    >
      <SeenImage data={data} picture={reads.picture} width={across} height={down} />
      {parts.map((part, column) => {
        const box = boxOf(part, across);
        const share = tints[column];
        if (box === null || share === undefined || !Number.isFinite(share)) return null;
        const [x, y, width, height] = box;
        return (
          <rect
            key={part.id}
            x={x}
            y={y}
            width={width}
            height={height}
            fill={colourAt(scaleOfShares.colours, theme, onScale(share))}
            fillOpacity={Math.min(0.75, 0.15 + 0.6 * Math.abs(share))}
          />
        );
      })}
      {framed && (
        <rect
          className="patch-box"
          x={framed[0]}
          y={framed[1]}
          width={framed[2]}
          height={framed[3]}
          vectorEffect="non-scaling-stroke"
        />
      )}
    </svg>
  );
}
