// The picture that a run reads, as results and figures hold it: its bytes, and which part of it the model sees.

import * as v from 'valibot';
import type { FigurePicture } from '../figures/marks.ts';
import type { SeenPart } from '../media/pictureParts.ts';

/** Of a picture whose middle alone is seen, in parts of its sides; absent in results where it is seen whole. */
export const seenSchema = v.optional(
  v.strictObject({ left: v.number(), top: v.number(), width: v.number(), height: v.number() }),
);

const isWhole = ({ left, top, width, height }: SeenPart): boolean =>
  left === 0 && top === 0 && width === 1 && height === 1;

/** As an entry of a result. */
export const seenEntry = (seen: SeenPart | undefined): { readonly seen?: SeenPart } =>
  seen && !isWhole(seen) ? { seen } : {};

/** @param data the bytes of a PNG or JPEG file, in base64 */
export function figurePicture(data: string, seen: SeenPart | undefined): FigurePicture {
  // A JPEG begins with FF D8 FF, which is /9j/ in base64.
  const href = `data:image/${data.startsWith('/9j/') ? 'jpeg' : 'png'};base64,${data}` as const;
  if (!seen || isWhole(seen)) return { href };
  const { left: x, top: y, width, height } = seen;
  return { href, part: { x, y, width, height } };
}
