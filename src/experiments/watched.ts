// Where a prompt's prediction is read: after its last token, or, of a model that sees both sides, at its mask.

import { type Architecture, firstInput, readsMore } from '../architectures/architecture.ts';
import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import { quoted } from '../messages/wording.ts';
import { ExperimentError } from './experimentFile.ts';

export type WatchedModel = Pick<Architecture, 'isCausal' | 'modelType'> &
  Partial<Pick<Architecture, 'input' | 'encoder'>>;

/** What a model reads beside the text that it continues, in words. */
export const readWords = {
  text: 'a source beside what it writes',
  image: 'a picture',
  sound: 'a sound',
} as const;

/** What a model that reads more than a text reads, in words: of several things the first. */
export const wordsOfReading = (model: Partial<Pick<Architecture, 'input' | 'encoder'>>): string =>
  readWords[firstInput(model)?.kind ?? 'text'];

/** @throws ExperimentError for a model that reads something else beside a text, or in place of one */
export function requireText(model: WatchedModel): void {
  if (!readsMore(model)) return;
  throw new ExperimentError(
    `This ${model.modelType} model reads ${wordsOfReading(model)}, and of the experiments only a causal trace, a patch, an attribution, an intervention, a steering, an alignment and a finetuning know more than a text. Trace it, patch it, align it, finetune it, steer it or intervene in it.`,
  );
}

/**
 * The position whose logits are the prediction of a prompt of text alone.
 * @param what names the prompt in messages: `the clean prompt`
 * @throws ExperimentError for a model that reads something else beside a text; when a model that fills masks is given no mask, or several
 */
export function watchedPosition(
  model: WatchedModel,
  tokens: readonly number[],
  tokenizer: Pick<Tokenizer, 'maskId' | 'tokenText'> | undefined,
  what = 'the prompt',
): number {
  requireText(model);
  return maskOf(model, tokens, tokenizer, what);
}

/** Whether the prompts of a model have a mask that it fills: it sees both sides, of a text. */
export const fillsMasks = ({ isCausal, input }: Pick<WatchedModel, 'isCausal' | 'input'>): boolean =>
  !isCausal && !input;

/**
 * The last position, or that of the mask in a model that fills masks.
 * @throws ExperimentError when such a model is given no mask, or several
 */
export function maskOf(
  { isCausal, modelType }: Pick<Architecture, 'isCausal' | 'modelType'>,
  tokens: readonly number[],
  tokenizer: Pick<Tokenizer, 'maskId' | 'tokenText'> | undefined,
  what = 'the prompt',
): number {
  if (isCausal) return tokens.length - 1;
  const model = `This ${modelType} model predicts what stands at a mask`;
  const { maskId } = tokenizer ?? {};
  if (tokenizer === undefined || maskId === undefined)
    throw new ExperimentError(
      `${model}, and ${tokenizer ? 'its tokenizer names none' : 'without a tokenizer nothing says which token that is'}. Add the tokenizer's files, with a mask_token in tokenizer_config.json.`,
    );
  const mask = quoted(tokenizer.tokenText(maskId));
  const places = tokens.flatMap((id, position) => (id === maskId ? [position] : []));
  const [place] = places;
  if (place === undefined)
    throw new ExperimentError(`${model}, and ${what} has none. Write ${mask} where it should predict.`);
  if (places.length > 1)
    throw new ExperimentError(
      `${model}, and ${what} has ${places.length} (${mask}), of which one can be watched. Fill in the others.`,
    );
  return place;
}
