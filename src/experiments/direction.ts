// Which run is edited, and what is put into it. Of traces and patches alike; older files of patches call it `denoise` and
// `noise`.

import * as v from 'valibot';

/** Clean activations into the corrupted run, or corrupted ones into the clean run. */
export type Direction = 'restore' | 'corrupt';

const current: Readonly<Record<'restore' | 'corrupt' | 'denoise' | 'noise', Direction>> = {
  restore: 'restore',
  corrupt: 'corrupt',
  denoise: 'restore',
  noise: 'corrupt',
};

export const directionSchema = v.pipe(
  v.picklist(['restore', 'corrupt', 'denoise', 'noise']),
  v.transform((given): Direction => current[given]),
);
