// Which examples of a finetuning are held out.

import { shuffled } from '../../random/random.ts';
import { ExperimentError } from '../experimentFile.ts';
import { contentOfGiven } from '../givenFile.ts';
import { type GivenPrompt, withGivenPromptFiles } from '../givenPrompt.ts';
import type { FinetuneExample, FinetuneExperiment } from './experiment.ts';

/** One for spellings of a prompt that run alike in every model: a text by itself or as 'prompt', an empty target or none. */
const spelledKey = (given: GivenPrompt): string =>
  JSON.stringify(withGivenPromptFiles(given, contentOfGiven));

/**
 * The held-out examples of a file, as it gives them.
 * @param testedAt places in 'data' that a run held out. Without them, of older results, prompts are told apart by their
 *                 spelling, where the run told them apart by their tokens
 */
export const heldOut = (
  { split, data, testData }: Pick<FinetuneExperiment, 'split' | 'data' | 'testData'>,
  testedAt?: readonly number[],
): readonly FinetuneExample[] =>
  testData ??
  testedAt?.flatMap((at) => data[at] ?? []) ??
  splitByPrompt(split, data, ({ prompt }) => spelledKey(prompt)).test;

/** @throws ExperimentError where one of the parts is empty */
export function splitByPrompt<T>(
  split: FinetuneExperiment['split'],
  data: readonly T[],
  keyOf: (example: T) => string,
): { readonly train: readonly T[]; readonly test: readonly T[] } {
  const { testShare = 0.2, seed = 0 } = split ?? {};
  // Examples of one prompt lie on one side, so that nothing is tested that was taught.
  const byPrompt = new Map<string, T[]>();
  for (const example of data)
    byPrompt.set(keyOf(example), [...(byPrompt.get(keyOf(example)) ?? []), example]);
  const groups = [...byPrompt.values()];
  const count = Math.round(data.length * testShare);
  if (groups.length < 2 || count === 0 || count === data.length)
    throw new ExperimentError(
      `'split.testShare': ${testShare} of ${data.length} examples with ${groups.length} distinct ${groups.length === 1 ? 'prompt' : 'prompts'} leaves nothing to test or nothing to train with. Give more examples, another share, or 'testData'.`,
    );
  const order = shuffled(groups.length, seed);
  const tested: T[] = [];
  let side = 0;
  while (tested.length < count && side < groups.length - 1)
    tested.push(...(groups[order[side++] ?? 0] ?? []));
  return { train: order.slice(side).flatMap((group) => groups[group] ?? []), test: tested };
}
