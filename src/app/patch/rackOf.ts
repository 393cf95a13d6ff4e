// The pairs of a sweep as the prompts of the rack: the clean one is the source, the corrupted one the base.

import { givenOf } from '../../experiments/givenPrompt.ts';
import type { AnyExperiment } from '../../experiments/kind.ts';
import { cleanParts, corruptedParts, type Pair } from '../../experiments/pairs.ts';

export type RackExperiment =
  | { readonly ok: true; readonly experiment: unknown }
  | { readonly ok: false; readonly why: string };

const isText = (text: unknown): boolean =>
  text === undefined || typeof text === 'string' || (Array.isArray(text) && text.length === 0);

export function rackOf({
  model,
  revision,
  pairs,
}: AnyExperiment & { readonly pairs: readonly Pair[] }): RackExperiment {
  const [first] = pairs;
  const texts = pairs.flatMap((pair) => [pair.clean, pair.corrupted, pair.target, pair.corruptedTarget]);
  if (!first || !texts.every(isText))
    return { ok: false, why: 'Its prompts are token ids, and the rack has fields for text.' };
  if (pairs.some(({ exchanged }) => exchanged))
    return {
      ok: false,
      why: 'Its corrupted picture or sound is the other’s in a part, and the rack reads a picture or a sound as it is.',
    };
  const isMore = pairs.some((pair) =>
    [pair.target, pair.image, pair.sound, corruptedBeside(pair)].some(Boolean),
  );
  if (isMore && pairs.length > 1)
    return {
      ok: false,
      why: 'The rack has a table for pairs of text alone, and these read more. Open one pair.',
    };
  const { answer, distractor } = first;
  const [clean, corrupted] = [cleanParts(first), corruptedParts(first)];
  return {
    ok: true,
    experiment: {
      kind: 'intervene',
      version: 1,
      model,
      ...(revision === undefined ? {} : { revision }),
      // Without a second prompt the clean one is what is edited.
      ...(corrupted === undefined
        ? { base: givenOf(clean) }
        : { base: givenOf(corrupted), sources: [givenOf(clean)] }),
      ...(answer === undefined ? {} : { answer }),
      ...(distractor === undefined ? {} : { distractor }),
      ...(pairs.length > 1 && corrupted !== undefined ? { rack: { pairs } } : {}),
    },
  };
}

const corruptedBeside = ({ corruptedTarget, corruptedImage, corruptedSound }: Pair) =>
  corruptedTarget ?? corruptedImage ?? corruptedSound;
