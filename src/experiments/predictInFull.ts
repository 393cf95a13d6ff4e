// How far a prediction of float16 is from that of float32: the same prompt, once more.

import type { Model } from '../runtime/model.ts';
import { twoDigits } from './precision.ts';
import { logSumExp, nextLogits } from './predict.ts';

/**
 * @param model  in float16
 * @param logits what it gave for the prompt
 * @returns a sentence
 */
export async function predictionDeviation(
  model: Model,
  prompt: Parameters<typeof nextLogits>[1],
  options: Parameters<typeof nextLogits>[2],
  logits: Float32Array,
): Promise<string> {
  const full = model.inFull();
  try {
    const exact = await nextLogits(full, prompt, options);
    const [own, other] = [logSumExp(logits), logSumExp(exact)];
    let [byLogit, byProbability] = [0, 0];
    logits.forEach((logit, id) => {
      const one = exact[id] ?? Number.NaN;
      byLogit = Math.max(byLogit, Math.abs(logit - one));
      byProbability = Math.max(byProbability, Math.abs(Math.exp(logit - own) - Math.exp(one - other)));
    });
    return `Layers computed in float16: over all tokens at most ${twoDigits(byProbability)} from float32 in probability, ${twoDigits(byLogit)} in logits.`;
  } finally {
    await full.dispose();
  }
}
