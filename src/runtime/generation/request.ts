// What is to be generated: prompts, the edits that live through them and what follows, and how far.

import type { Fragment, RowSource, Site } from '../plan/plan.ts';
import type { EditSpan } from './editSpan.ts';

export interface GenerationEdit {
  readonly site: Site;
  /** Of a per-head component; default all. */
  readonly heads?: readonly number[];
  readonly at: EditSpan;
  readonly fragment: Fragment;
  readonly source?:
    | {
        readonly kind: 'vector';
        /**
         * [width], the same for every unit; or [heads, width], the same at every position; or, where `at` lists positions
         * of the prompt and no steps, [positions, heads, width].
         */
        readonly data: Float32Array;
      }
    | { readonly kind: 'own'; readonly component: string };
}

export interface GenerationRow {
  /** The prompt, at least one id; and what has been said already, where a text goes on. */
  readonly tokens: readonly number[];
  /** In an encoder-decoder, what the encoder reads; the tokens are the decoder's, its start token first. */
  readonly source?: RowSource;
  /** Tokens that are the prompt; default all. Edits, penalties and the number of new tokens count from there. */
  readonly promptLength?: number;
  /** In the order in which they apply where several touch one site. */
  readonly edits?: readonly GenerationEdit[];
}
