// Which part of a picture a model sees, and in what size: the shorter edge made as long as is asked, the middle cut out. What is
// asked for beyond the picture's edge is black.

import type { Pixels } from './resample.ts';

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A part of a picture, in parts of its width and height; beyond 0 and 1 where there is none of it. */
export interface SeenPart {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The size in which the shorter edge is so long and the longer one in proportion, without what is left of a pixel. */
export function sizeByShortestEdge({ height, width }: Size, edge: number): Size {
  const long = Math.trunc((edge * Math.max(height, width)) / Math.min(height, width));
  return width <= height ? { height: long, width: edge } : { height: edge, width: long };
}

/** Where the middle begins; before the picture where that is smaller. */
const middle = (from: number, to: number): number => Math.floor((from - to) / 2);

export function centreCrop({ width, height, data }: Pixels, size: Size): Pixels {
  const [top, left] = [middle(height, size.height), middle(width, size.width)];
  const cut = new Uint8Array(size.height * size.width * 3);
  const first = Math.max(0, left);
  const last = Math.min(width, left + size.width);
  for (let row = Math.max(0, -top); row < Math.min(size.height, height - top); row++) {
    const from = (row + top) * width;
    cut.set(data.subarray((from + first) * 3, (from + last) * 3), (row * size.width + first - left) * 3);
  }
  return { ...size, data: cut };
}

/** What of a picture is left when its middle is cut out of it in another size. */
export function seenPart(resized: Size, crop: Size | undefined): SeenPart {
  if (!crop) return { left: 0, top: 0, width: 1, height: 1 };
  return {
    left: middle(resized.width, crop.width) / resized.width,
    top: middle(resized.height, crop.height) / resized.height,
    width: crop.width / resized.width,
    height: crop.height / resized.height,
  };
}

/** Of each pixel its light alone, as Pillow weighs the colours, in all three channels. */
export function inGrey({ width, height, data }: Pixels): Pixels {
  const grey = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += 3) {
    const [red = 0, green = 0, blue = 0] = data.subarray(at, at + 3);
    grey.fill((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16, at, at + 3);
  }
  return { width, height, data: grey };
}
