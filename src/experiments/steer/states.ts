// The states that vectors are made of: what passes sites at one token of each text, all sites in one pass.

import type { StackName } from '../../architectures/architecture.ts';
import type { Model } from '../../runtime/model.ts';
import type { Row, Site } from '../../runtime/plan/plan.ts';
import { stackOf } from '../../runtime/plan/stacks.ts';
import { ExperimentError } from '../experimentFile.ts';
import { floatsOf } from '../planRuns.ts';
import type { States } from './directions.ts';
import { carryingPositions, lengthOf, type PassageRun, textRun } from './passageRun.ts';

const runOf = (prompt: readonly number[] | PassageRun): PassageRun =>
  'start' in prompt ? prompt : textRun(prompt);

const startRow = ({ start }: PassageRun): Row => ({ start, edits: [] });

/** Positions of a mean. @throws ExperimentError where there are none */
function meanPositions(
  run: PassageRun,
  stack: StackName,
  isSpecial: (id: number) => boolean,
  text: number,
): readonly number[] {
  const found = carryingPositions(run, stack, isSpecial);
  if (found.length > 0) return found;
  throw new ExperimentError(
    `Text ${text} has no token ${stack === 'main' ? 'after its first ' : ''}that stands for text, so there is no mean. Make it longer, or read its last token.`,
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
 * @param prompts [examples] of token ids, or of runs that read more than a text
 * @param sites   of components with a vector for each token, all of one stack; of a per-head component all heads side by side
 * @param token   position in each text; negative ones count from its end, so that -1 is the last. Or the mean over all
 *                tokens but the first and special ones
 * @returns [sites][examples], each [width] or [heads * width]
 * @throws ExperimentError when a text has no such token, PlanError when the model has no such site
 */
export async function readStates(
  model: Model,
  prompts: readonly (readonly number[] | PassageRun)[],
  sites: readonly Site[],
  token: number | 'mean',
  {
    isSpecial = () => false,
    ...options
  }: { readonly signal?: AbortSignal; readonly isSpecial?: (id: number) => boolean } = {},
): Promise<readonly States[]> {
  const runs = prompts.map(runOf);
  const stacks = new Set(sites.map(({ component }) => stackOf(model.architecture, component)));
  if (stacks.size > 1)
    throw new ExperimentError(
      'The sites lie in two stacks, whose positions are not the same. Read each stack by itself.',
    );
  const [stack = 'main'] = stacks;
  const positions = runs.map((run, prompt) => {
    if (token === 'mean') return meanPositions(run, stack, isSpecial, prompt + 1);
    const length = lengthOf(run, stack);
    const position = token < 0 ? length + token : token;
    if (Number.isInteger(position) && position >= 0 && position < length) return [position];
    throw new ExperimentError(
      `Text ${prompt + 1} has ${length} tokens, and no token ${token}. Choose another, or leave the text out.`,
    );
  });
  const reads = sites.flatMap((site) =>
    positions.map((own, row) => ({ row, site, location: { positions: own } })),
  );
  const results = await model.run({ rows: runs.map(startRow), reads }, options);
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
  positive: readonly number[] | PassageRun,
  negative: readonly number[] | PassageRun,
  site: Site,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<readonly Float32Array[]> {
  const runs = [runOf(positive), runOf(negative)];
  const stack = stackOf(model.architecture, site.component);
  const [length = 0, other = 0] = runs.map((run) => lengthOf(run, stack));
  if (length !== other)
    throw new ExperimentError(
      `The two texts have ${length} and ${other} tokens; their states are subtracted position by position. Make them as long, with spaces as the authors do.`,
    );
  const reads = [0, 1].map((row) => ({ row, site, location: { positions: 'all' as const } }));
  const results = await model.run({ rows: runs.map(startRow), reads }, signal ? { signal } : {});
  const [plus, minus] = results.map(floatsOf);
  const width = (plus?.length ?? 0) / length;
  return Array.from({ length }, (_, position) =>
    Float32Array.from(
      { length: width },
      (__, at) => (plus?.[position * width + at] ?? 0) - (minus?.[position * width + at] ?? 0),
    ),
  );
}
