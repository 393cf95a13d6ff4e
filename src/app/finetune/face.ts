// What the header and the spoken status say of finetuning before its page is fetched.

import type { LateFace } from '../experiment/latePage.ts';

export const finetuneFace: LateFace = {
  name: 'finetune',
  title: 'Finetuning',
  noun: 'finetuning',
  tab: 'Align',
  words: { title: 'Finetuning', counted: 'adapters', stage: 'Training', indefinite: 'a finetuning' },
};
