// Prompts of models that predict at a mask: what is wrong with one, and one with its mask filled in.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import { watchedPosition } from '../../experiments/watched.ts';
import type { ModelInfo, TokenInfo } from '../../worker/protocol.ts';

/** Why a model has nothing to predict in a prompt, as a sentence; null where it has. */
export function maskProblem(
  { isCausal, family, mask }: Pick<ModelInfo, 'isCausal' | 'family' | 'mask'>,
  tokens: readonly TokenInfo[],
): string | null {
  const texts = { tokenText: (id: number) => (id === mask?.id ? mask.text : `#${id}`) };
  try {
    watchedPosition(
      { isCausal, modelType: family },
      tokens.map(({ id }) => id),
      mask ? { ...texts, maskId: mask.id } : texts,
    );
    return null;
  } catch (error) {
    if (error instanceof ExperimentError) return error.message;
    throw error;
  }
}

/** The mask's text, where a model predicts at one; null where it goes on behind a prompt, or no model is there. */
export const maskText = (model: Pick<ModelInfo, 'isCausal' | 'mask'> | null): string | null =>
  model === null || model.isCausal ? null : (model.mask?.text ?? null);

/** The prompt with a token in the place of its mask, or behind it where a model predicts what comes next. */
export function continuedPrompt(text: string, mask: ModelInfo['mask'], more: string): string {
  const at = mask ? text.indexOf(mask.text) : -1;
  if (!mask || at < 0) return text + more;
  const before = text.slice(0, at);
  const filling = before === '' || /\s$/.test(before) ? more.trimStart() : more;
  return before + filling + text.slice(at + mask.text.length);
}
