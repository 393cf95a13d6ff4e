// What the header and the spoken status say of the Tensors page before it is fetched.

import type { LateFace } from '../experiment/latePage.ts';

export const tensorsFace: LateFace = {
  name: 'tensors',
  title: 'Tensors',
  noun: 'sweep of tensors',
  tab: 'Patch',
  words: {
    title: 'Sweep of tensors',
    counted: 'cells',
    stage: 'Sweeping',
    indefinite: 'a sweep of tensors',
  },
};
