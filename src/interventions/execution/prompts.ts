// Prompts as a call gives them: text or token ids, one or many, of any lengths, with or without padding. Rows need no
// padding, so it is taken off, and locations are counted where the caller counts them.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { InterventionError } from '../intervention.ts';
import type { Prompt } from './prompt.ts';

/**
 * - text, or a list of texts
 * - token ids of one prompt, or a list of such lists, of any lengths
 * - what a tokenizer of Hugging Face returns: padded token ids, and a mask that is 0 in the padding
 */
export type Inputs =
  | string
  | readonly string[]
  | readonly number[]
  | readonly (readonly number[])[]
  | {
      readonly inputIds: readonly (readonly number[])[];
      readonly attentionMask?: readonly (readonly number[])[];
    };

const whole = (tokens: readonly number[]): Prompt => ({ tokens, placeOf: (position) => position });

function unpadded(tokens: readonly number[], mask: readonly number[], label: string): Prompt {
  if (mask.length !== tokens.length)
    throw new InterventionError(
      `${label}: the attention mask has ${mask.length} entries, and the prompt ${tokens.length} tokens.`,
    );
  const first = mask.indexOf(1);
  const last = mask.lastIndexOf(1);
  if (first < 0 || mask.slice(first, last + 1).some((entry) => entry !== 1))
    throw new InterventionError(
      `${label}: the attention mask must be 1 for the tokens of the prompt, which lie side by side, and 0 before and after them.`,
    );
  return {
    tokens: tokens.slice(first, last + 1),
    placeOf: (position) => {
      if (position < first || position > last)
        throw new InterventionError(
          `Position ${position} lies in the padding; the prompt has positions ${first} to ${last}.`,
        );
      return position - first;
    },
  };
}

/** @throws InterventionError for text without a tokenizer, an empty batch, or a mask that fits no prompt */
export function readInputs(
  inputs: Inputs,
  tokenizer: Tokenizer | undefined,
  label: string,
): readonly Prompt[] {
  const encode = (text: string): Prompt => {
    if (!tokenizer)
      throw new InterventionError(
        `${label}: a prompt as text needs a tokenizer. Give one to the IntervenableModel, or token ids.`,
      );
    return whole(tokenizer.encode(text));
  };
  if (typeof inputs === 'string') return [encode(inputs)];
  if ('inputIds' in inputs) {
    const { inputIds, attentionMask } = inputs;
    if (inputIds.length === 0) throw new InterventionError(`${label}: there is no prompt.`);
    if (attentionMask && attentionMask.length !== inputIds.length)
      throw new InterventionError(
        `${label}: there are ${inputIds.length} prompts and ${attentionMask.length} attention masks.`,
      );
    return inputIds.map((tokens, example) => {
      const mask = attentionMask?.[example];
      return mask ? unpadded(tokens, mask, `${label}.${example}`) : whole(tokens);
    });
  }
  if (inputs.length === 0) throw new InterventionError(`${label}: there is no prompt.`);
  const prompts: Prompt[] = [];
  const ids: number[] = [];
  for (const entry of inputs) {
    if (typeof entry === 'number') ids.push(entry);
    else prompts.push(typeof entry === 'string' ? encode(entry) : whole(entry));
  }
  if (ids.length > 0 && prompts.length > 0)
    throw new InterventionError(`${label}: it mixes token ids and prompts.`);
  return ids.length > 0 ? [whole(ids)] : prompts;
}
