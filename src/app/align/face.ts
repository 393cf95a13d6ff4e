// What the header and the spoken status say of the Align page before it is fetched.

import type { LateFace } from '../experiment/latePage.ts';

export const alignFace: LateFace = {
  name: 'align',
  title: 'Align',
  noun: 'alignment',
  tabTitle: 'Alignment',
  words: { title: 'Alignment', counted: 'sites', stage: 'Training', indefinite: 'an alignment' },
};
