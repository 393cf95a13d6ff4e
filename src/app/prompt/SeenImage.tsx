// A picture as far as the model sees it, as a part of a drawing that is so many patches wide and high.

import { figurePicture } from '../../experiments/seenPicture.ts';
import { windowOnto } from '../../figures/plainFigure.ts';
import type { ModelReads } from '../../worker/protocol.ts';
import { useSeenPart } from './useSeenPart.ts';

interface SeenImageProps {
  /** The picture's file in base64. */
  readonly data: string;
  readonly picture: ModelReads['picture'];
  readonly width: number;
  readonly height: number;
}

export function SeenImage({ data, picture, width, height }: SeenImageProps) {
  const seen = useSeenPart(data, picture);
  const { href, part } = figurePicture(data, seen);
  return (
    <svg
      width={width}
      height={height}
      viewBox={windowOnto(part ?? { x: 0, y: 0, width: 1, height: 1 })}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <image href={href} width={1} height={1} preserveAspectRatio="none" />
    </svg>
  );
}
