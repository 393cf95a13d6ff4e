// Makes a finetuning definite for one model: tokens instead of text, sites instead of names, everything checked that can be
// checked before the model runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { createBreather } from '../../runtime/backends/breathe.ts';
import { isSameAnswer } from '../answers.ts';
import { type ExampleInputs, noInputs, readExampleInputs } from '../exampleInputs.ts';
import { checkFits, readLabelTokens, readPrompt } from '../examplePrompts.ts';
import { ExperimentError } from '../experimentFile.ts';
import { partsOfGiven } from '../givenPrompt.ts';
import type { KindResolveOptions } from '../kind.ts';
import type { Notice } from '../notice.ts';
import { checkHouseholder } from '../rotationTraining.ts';
import { type Continued, forced } from '../teacherForcing.ts';
import { wholeNotices } from '../wholePrompt.ts';
import { isCutShort, positionsIn, promptLengthAt, type ResolvedAdapter, resolveAdapter } from './adapter.ts';
import type { FinetuneExample, FinetuneExperiment } from './experiment.ts';
import { splitByPrompt } from './split.ts';

export interface ResolvedFinetune {
  readonly experiment: FinetuneExperiment;
  readonly adapters: readonly ResolvedAdapter[];
  readonly train: readonly Continued[];
  readonly test: readonly Continued[];
  /** Of a split: places in 'data' of those to test. */
  readonly testedAt?: readonly number[];
  readonly notices: readonly Notice[];
}

interface ExampleContext {
  readonly architecture: Architecture;
  readonly tokenizer: Tokenizer | undefined;
  readonly adapters: readonly ResolvedAdapter[];
  /** The pictures and sounds of prompts, for a model that reads such. */
  readonly inputs?: ExampleInputs;
}

const promptKey = ({ prompt }: Continued): string => prompt.key;

/** @throws ExperimentError or PlanError that names the example */
export function resolveExample(
  { prompt: given, continuation }: FinetuneExample,
  where: string,
  { architecture, tokenizer, adapters, inputs }: ExampleContext,
): Continued {
  const context = { architecture, tokenizer, inputs };
  const { prompt, written } = readPrompt(context, given, `${where}.prompt`);
  const what = `the continuation '${where}.continuation'`;
  const label = readLabelTokens(context, continuation, what, written);
  checkFits(architecture, forced(prompt, label), where);
  for (const [index, adapter] of adapters.entries()) {
    const { first, last } = positionsIn(architecture, adapter, { prompt, label });
    if (first.length + last.length > 0) continue;
    const length = promptLengthAt(architecture, adapter, prompt);
    const unit = prompt.input ? `position at '${adapter.adapter.component}'` : 'token';
    throw new ExperimentError(
      `'${where}.prompt' has ${length} ${unit}, too few for 'adapters.${index}.positions', which asks for first and last ones that differ. Give a longer prompt, or first or last positions alone.`,
    );
  }
  return { prompt, label };
}

/** @throws ExperimentError when too few examples remain on a side */
function splitExamples(
  { split, testData }: FinetuneExperiment,
  data: readonly Continued[],
  test: readonly Continued[],
): Pick<ResolvedFinetune, 'train' | 'test' | 'testedAt'> {
  if (testData) return { train: data, test };
  const placed = data.map((example, at) => ({ example, at }));
  const parts = splitByPrompt(split, placed, ({ example }) => promptKey(example));
  const examplesOf = (side: typeof parts.test) => side.map(({ example }) => example);
  return {
    train: examplesOf(parts.train),
    test: examplesOf(parts.test),
    testedAt: parts.test.map(({ at }) => at),
  };
}

function noticesOf(
  architecture: Architecture,
  adapters: readonly ResolvedAdapter[],
  { train, test }: Pick<ResolvedFinetune, 'train' | 'test'>,
): readonly Notice[] {
  const taught = new Set(train.map(promptKey));
  const shared = test.filter((example) => taught.has(promptKey(example))).length;
  const [first] = train;
  const isOneClass = first !== undefined && train.every(({ label }) => isSameAnswer(label, first.label));
  const all = [...train, ...test];
  return [
    ...(shared === 0
      ? []
      : [
          {
            code: 'repeated-examples' as const,
            text: `${shared} of the ${test.length} prompts that are tested ${shared === 1 ? 'is one' : 'are ones'} that training saw, so the test says less.`,
          },
        ]),
    ...(isOneClass
      ? [
          {
            code: 'one-continuation' as const,
            text: `All ${train.length} examples to train with go on with ${JSON.stringify(first.label.text)}, so an adapter that always says it is right. Add examples of another continuation.`,
          },
        ]
      : []),
    ...adapters.flatMap((adapter) => {
      const short = all.filter(({ prompt }) =>
        isCutShort(adapter, promptLengthAt(architecture, adapter, prompt)),
      ).length;
      return short === 0
        ? []
        : [
            {
              code: 'positions-cut-short' as const,
              text: `${adapter.name}: ${short} of ${all.length} prompts ${short === 1 ? 'has' : 'have'} fewer positions than it asks for, and it acts on those that there are; of first and last ones together each side gets at most half of a prompt.`,
            },
          ];
    }),
  ];
}

/**
 * @param tokenizer may be absent when the experiment gives token ids
 * @param inputs of the examples, for a model that reads pictures or sounds
 * @throws ExperimentError or PlanError in one sentence: which field, what was given, and what would be right
 */
export function resolveFinetune(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: FinetuneExperiment,
  inputs: ExampleInputs = noInputs,
): ResolvedFinetune {
  const adapters = experiment.adapters.map((adapter, index) => resolveAdapter(architecture, adapter, index));
  const twice = adapters.find(({ name }, at) => adapters.findIndex((other) => other.name === name) < at);
  if (twice)
    throw new ExperimentError(
      `'adapters' has two by the name ${JSON.stringify(twice.name)}. Give each a 'name' of its own.`,
    );
  const { rotation, weightDecay: decay } = experiment.training;
  if (rotation === 'householder' && !adapters.some(({ type }) => type.orthonormal))
    throw new ExperimentError(
      "'training.rotation' is 'householder', and none of the adapters has a rotation: LoReFT has one. Leave it out.",
    );
  if (rotation === 'householder')
    for (const { adapter, type, width } of adapters)
      if (type.orthonormal && 'rank' in adapter)
        checkHouseholder('training.rotation', { width, columns: adapter.rank, decay });
  const context = { architecture, tokenizer, adapters, inputs };
  const read = (given: readonly FinetuneExample[], field: string) =>
    given.map((example, index) => resolveExample(example, `${field}.${index}`, context));
  const data = read(experiment.data, 'data');
  const parts = splitExamples(experiment, data, read(experiment.testData ?? [], 'testData'));
  const { batchSize } = experiment.training;
  if (batchSize > parts.train.length)
    throw new ExperimentError(
      `'training.batchSize' is ${batchSize}, but only ${parts.train.length} examples are left to train with. Give at most ${parts.train.length}.`,
    );
  const told = new Map<Notice['code'], Notice>();
  for (const { prompt } of [...experiment.data, ...(experiment.testData ?? [])]) {
    const given = partsOfGiven(prompt);
    const read = inputs(given)?.notices ?? [];
    for (const notice of [...wholeNotices(architecture, given, tokenizer, 'A prompt'), ...read])
      if (!told.has(notice.code)) told.set(notice.code, notice);
  }
  const notices = [...told.values(), ...noticesOf(architecture, adapters, parts)];
  return { experiment, adapters, ...parts, notices };
}

/**
 * `resolveFinetune` with what the files of pictures and sounds hold.
 * @throws as `resolveFinetune` does, MediaError for a file that cannot be read, and the signal's reason
 */
export async function resolveFinetuneFiles(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: FinetuneExperiment,
  options: KindResolveOptions = {},
): Promise<ResolvedFinetune> {
  const prompts = Object.entries({ data: experiment.data, testData: experiment.testData ?? [] }).flatMap(
    ([field, examples]) =>
      examples.map(({ prompt: given }, at) => ({ given, where: `${field}.${at}.prompt` })),
  );
  const inputs = await readExampleInputs(architecture, prompts, options, createBreather());
  return resolveFinetune(architecture, tokenizer, experiment, inputs);
}
