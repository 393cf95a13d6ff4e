// What a model says next, or at a mask: one forward pass, the logits of one position.

import type { ExecuteOptions } from '../runtime/forward/execute.ts';
import type { Model } from '../runtime/model.ts';
import type { RowStart } from '../runtime/plan/plan.ts';

export interface TokenCandidate {
  readonly id: number;
  readonly logit: number;
  /** In [0, 1]. */
  readonly probability: number;
}

/** The model computed something that became NaN or infinite. */
export class NotFiniteError extends Error {
  override readonly name = 'NotFiniteError';
}

/** Of numbers that are not finite, where float16 may be why. */
export const tooLargeForHalf = ({ label }: Pick<Model, 'label'>): string =>
  `${label} gives numbers that are not finite in float16, whose largest is 65504. Choose float32 (f32) for this model; finished cells are kept.`;

/**
 * The logits of a prompt as it is, checked.
 * @throws NotFiniteError when some logit is NaN or infinite
 */
export function finiteLogits(
  model: Pick<Model, 'label'> & Partial<Pick<Model, 'precision'>>,
  logits: Float32Array,
): Float32Array {
  if (logits.every(Number.isFinite)) return logits;
  if (model.precision === 'float16') throw new NotFiniteError(tooLargeForHalf(model));
  throw new NotFiniteError(
    `${model.label} gives logits that are not finite numbers for this prompt. Its weights may be damaged; fetch them again.`,
  );
}

/** log of the sum of exponentials, in float64. */
export function logSumExp(logits: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) most = Math.max(most, logits[i] ?? most);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] ?? most) - most);
  return most + Math.log(sum);
}

/** The `count` most probable tokens, best first; equal logits by id. */
export function topCandidates(logits: Float32Array, count: number): readonly TokenCandidate[] {
  const total = logSumExp(logits);
  const best: { id: number; logit: number }[] = [];
  logits.forEach((logit, id) => {
    const worst = best.at(-1);
    if (best.length === count && worst && logit <= worst.logit) return;
    const at = best.findIndex((other) => logit > other.logit);
    best.splice(at < 0 ? best.length : at, 0, { id, logit });
    if (best.length > count) best.pop();
  });
  return best.map(({ id, logit }) => ({ id, logit, probability: Math.exp(logit - total) }));
}

/**
 * Logits of the token that follows, or at a position.
 * @param prompt at least one id, or what else the model reads
 * @param options.position default the last
 * @returns [vocabulary]
 * @throws PlanError when the prompt is empty, too long, or holds an unknown id
 * @throws NotFiniteError when some logit is NaN or infinite
 */
export async function nextLogits(
  model: Model,
  prompt: readonly number[] | RowStart,
  { position, ...options }: ExecuteOptions & { readonly position?: number } = {},
): Promise<Float32Array> {
  const site = { component: 'logits', layer: null };
  const start = 'kind' in prompt ? prompt : ({ kind: 'tokens', tokens: prompt } as const);
  // A classifier's are read at one position alone.
  const last = start.kind === 'tokens' ? start.tokens.length - 1 : 0;
  const plan = {
    rows: [{ start, edits: [] }],
    reads: last >= 0 ? [{ row: 0, site, location: { positions: [position ?? last] } }] : [],
  };
  const [result] = await model.run(plan, options);
  const data = result?.value?.data;
  if (!(data instanceof Float32Array)) throw new Error('The head gave no logits.');
  return finiteLogits(model, data);
}
