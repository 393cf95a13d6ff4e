// The subject's range in a prompt.

import { quoted } from '../../messages/wording.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { NamedPart } from '../inputParts.ts';
import { type PlacedPrompt, rangeOfText } from '../promptText.ts';
import type { TraceExperiment } from './experiment.ts';

/** Whether a subject is a part of a picture or a sound. */
export const isPart = (subject: TraceExperiment['subject']): subject is NamedPart =>
  typeof subject === 'object' && ('patches' in subject || 'seconds' in subject);

/**
 * The tokens that hold a subject's first occurrence.
 * @returns first token, and the one after the last
 * @throws ExperimentError when it does not occur in what a person wrote
 */
export function rangeOfSubject(subject: string, placed: PlacedPrompt): readonly [number, number] {
  const range = rangeOfText(subject, placed);
  if (range) return range;
  throw new ExperimentError(
    `The subject ${quoted(subject)} does not occur in the prompt. Write it as it stands there, or give the range of its tokens.`,
  );
}

/** @throws ExperimentError when it is empty or reaches past the prompt */
export function checkedRange(
  [from, to]: readonly [number, number],
  length: number,
): readonly [number, number] {
  if (from < to && to <= length) return [from, to];
  throw new ExperimentError(
    from >= to
      ? `The subject's range [${from}, ${to}] is empty: its second number must be larger than its first.`
      : `The subject's range [${from}, ${to}] reaches past the prompt, which has ${length} tokens.`,
  );
}
