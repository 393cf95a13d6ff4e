// Which part of a picture the model sees, once the browser knows how large the picture is.

import { useEffect, useState } from 'react';
import { figurePicture } from '../../experiments/seenPicture.ts';
import type { SeenPart, Size } from '../../media/pictureParts.ts';
import { seenOf } from '../../media/pixelValues.ts';
import type { ModelReads } from '../../worker/protocol.ts';

/** @param data the picture's file in base64 */
export function useSeenPart(data: string, picture: ModelReads['picture']): SeenPart | undefined {
  const [size, setSize] = useState<Size>();
  useEffect(() => {
    const image = new Image();
    image.onload = () => setSize({ height: image.naturalHeight, width: image.naturalWidth });
    image.src = figurePicture(data, undefined).href;
    return () => {
      image.onload = null;
    };
  }, [data]);
  if (!size || !picture) return undefined;
  const [channels = 3, height, width] = picture.shape;
  try {
    return seenOf(size, picture.settings, { channels, height, width }, picture.family);
  } catch {
    // What is not honoured is said when the picture is read.
    return undefined;
  }
}
