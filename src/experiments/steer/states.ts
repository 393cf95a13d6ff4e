// The states that vectors are made of: what passes sites at one token of each text, all sites in one pass.

import type { Model } from '../../runtime/model.ts';
import type { Site } from '../../runtime/plan/plan.ts';
import { ExperimentError } from '../experimentFile.ts';
import { floatsOf, promptRow } from '../planRuns.ts';
import type { States } from './directions.ts';

/** Positions whose states carry a text: all but the first and those of special tokens. */
function textPositions(tokens: readonly number[], isSpecial: (id: number) => boolean, text: number) {
  const found = [...tokens.keys()].filter((at) => at > 0 && !isSpecial(tokens[at] ?? 0));
  if (found.length > 0) return found;
  throw new ExperimentError(
    `Text ${text} has no token after its first that stands for text, so there is no mean. Make it longer, or read its last token.`,
  );
}

/** The mean of a state's positions, [positions * width] to [width]. */
function meanState(data: Float32Array, positions: number): Float32Array {
  if (positions === 1) return data;
  const width = data.length / positions;
  return Float32Array.from({ length: width }, (_, at) => {
    let sum = 0;
    for (let position = 0; position < positions; position++) sum += data[position * width + at] ?? 0;
    return sum / positions;
  });
}

/**
 * @param prompts [examples] of token ids
 * @param sites   of components with a vector for each token; of a per-head component all heads side by side
 * @param token   position in each text; negative ones count from its end, so that -1 is the last. Or the mean over all
 *                tokens but the first and special ones
 * @returns [sites][examples], each [width] or [heads * width]
 * @throws ExperimentError when a text has no such token, PlanError when the model has no such site
 */
export async function readStates(
  model: Model,
  prompts: readonly (readonly number[])[],
  sites: readonly Site[],
  token: number | 'mean',
  {
    isSpecial = () => false,
    ...options
  }: { readonly signal?: AbortSignal; readonly isSpecial?: (id: number) => boolean } = {},
): Promise<readonly States[]> {
  const positions = prompts.map((tokens, prompt) => {
    if (token === 'mean') return textPositions(tokens, isSpecial, prompt + 1);
    const { length } = tokens;
    const position = token < 0 ? length + token : token;
    if (Number.isInteger(position) && position >= 0 && position < length) return [position];
    throw new ExperimentError(
      `Text ${prompt + 1} has ${length} tokens, and no token ${token}. Choose another, or leave the text out.`,
    );
  });
  const reads = sites.flatMap((site) =>
    positions.map((own, row) => ({ row, site, location: { positions: own } })),
  );
  const results = await model.run({ rows: prompts.map(promptRow), reads }, options);
  return sites.map((_, site) =>
    prompts.map((__, row) =>
      meanState(floatsOf(results[site * prompts.length + row]), positions[row]?.length ?? 1),
    ),
  );
}

/**
 * The states of two short texts, position by position, subtracted: a vector for each of the first positions of a prompt.
 * @returns [positions][width]
 * @throws ExperimentError when the texts have different numbers of tokens
 * @see Turner et al. 2023, "Activation Addition: Steering Language Models Without Optimization"
 */
export async function activationAddition(
  model: Model,
  positive: readonly number[],
  negative: readonly number[],
  site: Site,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<readonly Float32Array[]> {
  if (positive.length !== negative.length)
    throw new ExperimentError(
      `The two texts have ${positive.length} and ${negative.length} tokens; their states are subtracted position by position. Make them as long, with spaces as the authors do.`,
    );
  const reads = [0, 1].map((row) => ({ row, site, location: { positions: 'all' as const } }));
  const results = await model.run(
    { rows: [positive, negative].map(promptRow), reads },
    signal ? { signal } : {},
  );
  const [plus, minus] = results.map(floatsOf);
  const width = (plus?.length ?? 0) / positive.length;
  return positive.map((_, position) =>
    Float32Array.from(
      { length: width },
      (__, at) => (plus?.[position * width + at] ?? 0) - (minus?.[position * width + at] ?? 0),
    ),
  );
}
