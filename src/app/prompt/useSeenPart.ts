// Which part of a picture the model sees, once the browser knows how large the picture is.

import { useEffect, useMemo, useState } from 'react';
import { figurePicture } from '../../experiments/seenPicture.ts';
import { MediaError } from '../../media/mediaError.ts';
import type { SeenPart, Size } from '../../media/pictureParts.ts';
import { seenOf } from '../../media/pixelValues.ts';
import type { ModelReads } from '../../worker/protocol.ts';

/** @param data the picture's file in base64 */
export function useSeenPart(data: string, picture: ModelReads['picture']): SeenPart | undefined {
  const [loaded, setLoaded] = useState<{ readonly data: string; readonly size: Size }>();
  useEffect(() => {
    const image = new Image();
    image.onload = () =>
      setLoaded({ data, size: { height: image.naturalHeight, width: image.naturalWidth } });
    image.src = figurePicture(data, undefined).href;
    return () => {
      image.onload = null;
    };
  }, [data]);
  // The size of the picture that stood there before says nothing of this one.
  const size = loaded?.data === data ? loaded.size : undefined;
  return useMemo(() => {
    if (!size || !picture) return undefined;
    const [channels = 3, height, width] = picture.shape;
    try {
      return seenOf(size, picture.settings, { channels, height, width }, picture.family);
    } catch (cause) {
      if (!(cause instanceof MediaError)) throw cause;
      // What is not honoured is said when the picture is read.
      return undefined;
    }
  }, [size, picture]);
}
