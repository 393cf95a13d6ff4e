// The pairs of a sweep as the prompts of the rack: the clean one is the source, the corrupted one the base.

import type { AnyExperiment } from '../../experiments/kind.ts';
import type { Pair } from '../../experiments/pairs.ts';

export type RackExperiment =
  | { readonly ok: true; readonly experiment: unknown }
  | { readonly ok: false; readonly why: string };

/** What a pair may say beside its texts. */
const beside = ['target', 'corruptedTarget', 'image', 'corruptedImage', 'sound', 'corruptedSound'] as const;

export function rackOf({
  model,
  revision,
  pairs,
}: AnyExperiment & { readonly pairs: readonly Pair[] }): RackExperiment {
  const [first] = pairs;
  const prompts = pairs.flatMap(({ clean, corrupted }) => [clean, corrupted ?? '']);
  if (!first || prompts.some((prompt) => typeof prompt !== 'string'))
    return { ok: false, why: 'Its prompts are token ids, and the rack has fields for text.' };
  if (pairs.some((pair) => beside.some((name) => pair[name] !== undefined)))
    return { ok: false, why: 'The rack has fields for text alone, and its prompts are more than a text.' };
  const { clean, corrupted, answer, distractor } = first;
  return {
    ok: true,
    experiment: {
      kind: 'intervene',
      version: 1,
      model,
      ...(revision === undefined ? {} : { revision }),
      // Without a second prompt the clean one is what is edited.
      ...(corrupted === undefined ? { base: clean } : { base: corrupted, sources: [clean] }),
      ...(answer === undefined ? {} : { answer }),
      ...(distractor === undefined ? {} : { distractor }),
      ...(pairs.length > 1 && corrupted !== undefined ? { rack: { pairs } } : {}),
    },
  };
}
