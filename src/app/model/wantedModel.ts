// Where the model that an experiment names can be had.

import { embeddedModel } from '../model/embedded.ts';

export type WantedModel =
  | { readonly kind: 'embedded' }
  | { readonly kind: 'hub'; readonly repository: string; readonly revision: string | null }
  /** Files of somebody's machine. */
  | { readonly kind: 'elsewhere' };

/** @param name as results and experiments write it: `owner/name@revision`, or the embedded model's own */
export function wantedModel(name: string, isEmbeddedServed: boolean): WantedModel {
  if (name === embeddedModel.label && isEmbeddedServed) return { kind: 'embedded' };
  const match = /^([\w.-]+\/[\w.-]+)(?:@([\w./-]+))?$/.exec(name);
  if (match?.[1] === undefined) return { kind: 'elsewhere' };
  return { kind: 'hub', repository: match[1], revision: match[2] ?? null };
}
