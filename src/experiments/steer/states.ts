// The states that vectors are made of: what passes sites at one token of each text, all sites in one pass.

import type { Model } from '../../runtime/model.ts';
import type { Site } from '../../runtime/plan/plan.ts';
import { ExperimentError } from '../experimentFile.ts';
import { floatsOf, promptRow } from '../planRuns.ts';
import type { States } from './directions.ts';

/**
 * @param prompts [examples] of token ids
 * @param sites   of components with a vector for each token; of a per-head component all heads side by side
 * @param token   position in each text; negative ones count from its end, so that -1 is the last
 * @returns [sites][examples], each [width] or [heads * width]
 * @throws ExperimentError when a text has no such token, PlanError when the model has no such site
 */
export async function readStates(
  model: Model,
  prompts: readonly (readonly number[])[],
  sites: readonly Site[],
  token: number,
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly States[]> {
  const positions = prompts.map(({ length }, prompt) => {
    const position = token < 0 ? length + token : token;
    if (Number.isInteger(position) && position >= 0 && position < length) return position;
    throw new ExperimentError(
      `Text ${prompt + 1} has ${length} tokens, and no token ${token}. Choose another, or leave the text out.`,
    );
  });
  const reads = sites.flatMap((site) =>
    positions.map((position, row) => ({ row, site, location: { positions: [position] } })),
  );
  const results = await model.run({ rows: prompts.map(promptRow), reads }, options);
  return sites.map((_, site) => prompts.map((__, row) => floatsOf(results[site * prompts.length + row])));
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
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly Float32Array[]> {
  if (positive.length !== negative.length)
    throw new ExperimentError(
      `The two texts have ${positive.length} and ${negative.length} tokens; their states are subtracted position by position. Make them as long, with spaces as the authors do.`,
    );
  const reads = [0, 1].map((row) => ({ row, site, location: { positions: 'all' as const } }));
  const results = await model.run({ rows: [positive, negative].map(promptRow), reads }, options);
  const [plus, minus] = results.map(floatsOf);
  const width = (plus?.length ?? 0) / positive.length;
  return positive.map((_, position) =>
    Float32Array.from(
      { length: width },
      (__, at) => (plus?.[position * width + at] ?? 0) - (minus?.[position * width + at] ?? 0),
    ),
  );
}
