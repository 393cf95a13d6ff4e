// Makes an alignment definite for one model: tokens instead of text, sites instead of names, everything checked that can
// be checked before the model runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { shuffled } from '../../random/random.ts';
import { createBreather } from '../../runtime/backends/breathe.ts';
import { isSameAnswer } from '../answers.ts';
import { type ExampleInputs, noInputs, type PlacedGiven, readExampleInputs } from '../exampleInputs.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { KindResolveOptions } from '../kind.ts';
import type { Notice } from '../notice.ts';
import { promptsIn } from './example.ts';
import type { AlignExperiment } from './experiment.ts';
import { type ResolvedExample, resolveExamples } from './resolveExamples.ts';
import type { SitePosition } from './sitePosition.ts';
import { type AlignSite, type JointSite, resolveSites } from './sites.ts';

export interface Breathing {
  readonly signal?: AbortSignal | undefined;
  /** Awaited after each example. */
  readonly breathe?: () => Promise<void>;
  /** What the model's files say of pictures and sounds. */
  readonly preprocessor?: KindResolveOptions['preprocessor'];
}

export interface ResolvedAlign {
  readonly experiment: AlignExperiment;
  /** What is trained together with each site; mostly nothing. */
  readonly jointly: readonly JointSite[];
  /** Layers down, positions across. */
  readonly layers: readonly number[];
  readonly positions: readonly SitePosition[];
  /** [layer, position] row-major. */
  readonly sites: readonly AlignSite[];
  /** Entries of the vector that is interchanged at each site. */
  readonly width: number;
  readonly train: readonly ResolvedExample[];
  readonly test: readonly ResolvedExample[];
  readonly notices: readonly Notice[];
}

const pairOf = ({ base, source, further }: ResolvedExample): string =>
  [base, source, ...further.map(({ prompt }) => prompt)].map(({ key }) => key).join('|');

/** Places of examples, those of one pair of prompts together, in the order of their first. */
function placesByPair(data: readonly ResolvedExample[]): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  data.forEach((example, place) => {
    const key = pairOf(example);
    const group = groups.get(key) ?? [];
    group.push(place);
    groups.set(key, group);
  });
  return [...groups.values()];
}

/** @throws ExperimentError when too few examples remain on a side */
function splitExamples(
  { split, testData, training }: AlignExperiment,
  data: readonly ResolvedExample[],
  test: readonly ResolvedExample[],
): Pick<ResolvedAlign, 'train' | 'test'> {
  const { testShare = 0.2, seed = 0 } = split ?? {};
  const count = testData ? 0 : Math.round(data.length * testShare);
  const { batchSize } = training;
  if (!testData && (count === 0 || count === data.length)) {
    throw new ExperimentError(
      `'split.testShare': ${testShare} of ${data.length} examples leaves ${count} to test and ${data.length - count} to train; both need at least one. Give more examples or another share.`,
    );
  }
  const pick = (places: readonly number[]) => places.flatMap((place) => data[place] ?? []);
  const groups = placesByPair(data);
  if (!testData && groups.length < 2) {
    throw new ExperimentError(
      `All ${data.length} examples are one pair of prompts, so none can be tested that was not trained with. Give more pairs, or 'testData'.`,
    );
  }
  // A pair that repeats lies on one side, so that nothing is tested that was trained with.
  const order = testData ? [] : shuffled(groups.length, seed);
  const tested: number[] = [];
  let side = 0;
  while (tested.length < count && side < groups.length - 1)
    tested.push(...(groups[order[side++] ?? 0] ?? []));
  const trained = order.slice(side).flatMap((group) => groups[group] ?? []);
  const parts = testData ? { train: data, test } : { train: pick(trained), test: pick(tested) };
  if (batchSize > parts.train.length) {
    throw new ExperimentError(
      `'training.batchSize' is ${batchSize}, but only ${parts.train.length} examples are left to train with. Give at most ${parts.train.length}.`,
    );
  }
  return parts;
}

/** @throws ExperimentError when there is nothing to tell apart */
function checkClasses(train: readonly ResolvedExample[]): void {
  const [first] = train;
  if (!first || train.some(({ label }) => !isSameAnswer(label, first.label))) return;
  throw new ExperimentError(
    `All ${train.length} examples to train with have the label ${JSON.stringify(first.label.text)}, so any intervention that always gives it is right. Add examples of another label.`,
  );
}

function noticesOf(train: readonly ResolvedExample[], test: readonly ResolvedExample[]): readonly Notice[] {
  const all = [...train, ...test];
  const known = all.filter(({ baseLabel }) => baseLabel !== undefined);
  const pairs = new Set(all.map(pairOf)).size;
  const trained = new Set(train.map(pairOf));
  const shared = test.filter((example) => trained.has(pairOf(example))).length;
  const still = known.filter(({ label, baseLabel }) => baseLabel && isSameAnswer(label, baseLabel)).length;
  return [
    ...(pairs === all.length
      ? []
      : [
          {
            code: 'repeated-examples' as const,
            text: `Of ${all.length} examples ${pairs} are distinct pairs of prompts. ${shared === 0 ? 'None of those that are tested was trained with.' : `${shared} of the ${test.length} that are tested ${shared === 1 ? 'is a pair' : 'are pairs'} that training saw, so the accuracy of the test says less.`}`,
          },
        ]),
    ...(all.some(({ baseLabel, sourceLabel }) => baseLabel ?? sourceLabel)
      ? []
      : [
          {
            code: 'no-factual-labels' as const,
            text: "The examples have no 'baseLabel' or 'sourceLabel', so it is not known whether the model can do the task at all.",
          },
        ]),
    ...(known.length === 0 || still < known.length
      ? []
      : [
          {
            code: 'labels-never-change' as const,
            text: 'In every example the label is also the label of the base, so an intervention that does nothing is right.',
          },
        ]),
  ];
}

function* resolving(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: AlignExperiment,
  inputs: ExampleInputs,
): Generator<void, ResolvedAlign> {
  const sites = resolveSites(architecture, experiment);
  const { component } = experiment.site;
  const { positions, jointly } = sites;
  const context = { architecture, tokenizer, inputs, component, positions, jointly };
  const data = yield* resolveExamples(context, experiment.data, 'data');
  const test = yield* resolveExamples(context, experiment.testData ?? [], 'testData');
  const parts = splitExamples(experiment, data.examples, test.examples);
  checkClasses(parts.train);
  return {
    experiment,
    ...sites,
    ...parts,
    notices: [...data.notices, ...test.notices, ...noticesOf(parts.train, parts.test)],
  };
}

/**
 * @param tokenizer may be absent when the experiment gives token ids
 * @param inputs of the examples, for a model that reads pictures or sounds
 * @throws ExperimentError or PlanError in one sentence: which field, what was given, and what would be right
 */
export function resolveAlign(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: AlignExperiment,
  inputs: ExampleInputs = noInputs,
): ResolvedAlign {
  const steps = resolving(architecture, tokenizer, experiment, inputs);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The prompts of examples that are listed. */
function* givenPrompts({ data, testData }: AlignExperiment): Generator<PlacedGiven, void> {
  for (const [field, given] of Object.entries({ data, testData })) {
    if (!given || 'causalModel' in given) continue;
    for (const [at, example] of given.entries())
      for (const { given: prompt, field: own } of promptsIn(example))
        yield { given: prompt, where: `${field}.${at}.${own}` };
  }
}

/**
 * `resolveAlign` with what the files of pictures and sounds hold, which lets a worker hear its messages meanwhile.
 * @throws as `resolveAlign` does, MediaError for a file that cannot be read, and the signal's reason when it is aborted
 */
export async function resolveAlignBreathing(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: AlignExperiment,
  { signal, breathe = createBreather(), preprocessor }: Breathing = {},
): Promise<ResolvedAlign> {
  const prompts = givenPrompts(experiment);
  const inputs = await readExampleInputs(architecture, prompts, { signal, preprocessor }, breathe);
  const steps = resolving(architecture, tokenizer, experiment, inputs);
  for (;;) {
    signal?.throwIfAborted();
    const step = steps.next();
    if (step.done) return step.value;
    await breathe();
  }
}
