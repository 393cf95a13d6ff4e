// The file of a finetuning of representations (Wu et al. 2024, "ReFT: Representation Finetuning for Language Models"):
// prompts with what they should be continued with, and adapters that are trained on them, each by itself and all on the
// same examples.

import * as v from 'valibot';
import { type Immutable, readVersioned, tokenId, tokenName, wholeNumber } from '../experimentFile.ts';
import type { GivenFile } from '../givenFile.ts';
import { givenPromptSchema, withGivenPromptFiles } from '../givenPrompt.ts';
import { rotationSchema } from '../rotationTraining.ts';

export const finetuneVersion = 1;
const limits = { examples: 50_000, adapters: 100, epochs: 10_000, positions: 1000 };

const seed = v.pipe(wholeNumber, v.minValue(0), v.maxValue(2 ** 32 - 1));
const positive = v.pipe(v.number(), v.finite(), v.minValue(Number.MIN_VALUE, 'It must be above 0'));
const notNegative = v.pipe(v.number(), v.finite(), v.minValue(0, 'It must not be below 0'));
const share = v.pipe(
  v.number(),
  v.minValue(Number.MIN_VALUE, 'A share must be above 0'),
  v.maxValue(1 - 1e-9, 'A share must be below 1'),
);
const atLeastOne = v.pipe(wholeNumber, v.minValue(1, 'It must be at least 1'));

const exampleSchema = v.strictObject({
  /** A text or its ids, or these with what the model reads beside them, or in their place. */
  prompt: givenPromptSchema,
  /**
   * What should follow, or stand at the mask: text with the space before it, the id of one token, or the ids of several. Of a
   * classifier a class, by name or number.
   */
  continuation: v.union([
    tokenName,
    v.pipe(v.array(tokenId), v.minLength(1, 'A continuation needs at least one token')),
  ]),
});

export type FinetuneExample = Immutable<v.InferOutput<typeof exampleSchema>>;

const examplesSchema = v.pipe(
  v.array(exampleSchema),
  v.minLength(1, 'There is no example; give { "prompt": "...", "continuation": "..." }'),
  v.maxLength(limits.examples, `There can be at most ${limits.examples} examples`),
);

const ofPrompt = v.pipe(
  wholeNumber,
  v.minValue(0, 'It must not be below 0'),
  v.maxValue(limits.positions, `It must be at most ${limits.positions}`),
);

/**
 * Counted in the stack of the component: `all` is every position of prompt and continuation, or of what an encoder reads; `mask`
 * that of the mask, in a model that fills such; otherwise so many of the prompt's first and of its last.
 */
const positionsSchema = v.union([
  v.literal('all'),
  v.literal('mask'),
  v.pipe(
    v.strictObject({ first: v.optional(ofPrompt, 0), last: v.optional(ofPrompt, 0) }),
    v.check(({ first, last }) => first + last > 0, 'Name at least one position, of the first or of the last'),
  ),
]);

const place = {
  /** What stands in figures and names of files; default of type, rank and place. */
  name: v.optional(v.pipe(v.string(), v.minLength(1, 'A name needs a letter'), v.maxLength(60))),
  component: v.optional(v.string(), 'block_output'),
  layers: v.union([v.literal('all'), v.pipe(v.array(tokenId), v.minLength(1, 'Name at least one layer'))]),
  positions: v.optional(positionsSchema, { first: 0, last: 1 }),
  /** Whether the first positions and the last of a layer have the same weights; pyreft's `share_weights`. */
  sharedWeights: v.optional(v.boolean(), true),
};

const adapterSchema = v.variant('type', [
  v.strictObject({ type: v.literal('LoReFT'), rank: atLeastOne, ...place }),
  v.strictObject({ type: v.literal('NoReFT'), rank: atLeastOne, ...place }),
  v.strictObject({ type: v.literal('DiReFT'), rank: atLeastOne, ...place }),
  /** Beside the module whose output the component is. `alpha` over the rank scales it; default 1 in all. */
  v.strictObject({ type: v.literal('LoRA'), rank: atLeastOne, alpha: v.optional(positive), ...place }),
  v.strictObject({ type: v.literal('SteeringVector'), ...place }),
]);

export type FinetuneAdapter = Immutable<v.InferOutput<typeof adapterSchema>>;

/** Defaults are those of transformers' `TrainingArguments`, with the rate of pyreft's examples. */
const trainingSchema = v.strictObject({
  batchSize: v.optional(atLeastOne, 8),
  epochs: v.optional(v.pipe(atLeastOne, v.maxValue(limits.epochs)), 3),
  learningRate: v.optional(positive, 4e-3),
  optimizer: v.optional(v.picklist(['adam', 'adamw', 'sgd']), 'adamw'),
  weightDecay: v.optional(notNegative, 0),
  /** The most that all gradients of a step may be long together; null for no bound. */
  clip: v.optional(v.nullable(positive), 1),
  /** Of the learning rate: up in a straight line, then down to 0 or level. */
  schedule: v.optional(v.picklist(['linear', 'constant']), 'linear'),
  /** Share of the steps. */
  warmUp: v.optional(v.pipe(notNegative, v.maxValue(1)), 0),
  /** How the columns of a rotation are trained. */
  rotation: v.optional(rotationSchema, 'manifold'),
  /** Whether each epoch takes the examples in another order. */
  shuffle: v.optional(v.boolean(), true),
  /** Examples that run at once; gradients of a larger batch are summed. Default as many as fit the memory. */
  microBatch: v.optional(atLeastOne),
  /** The examples to test are looked at after every so many epochs, and after the last. */
  testEvery: v.optional(atLeastOne, 1),
});

export type FinetuneTraining = Immutable<v.InferOutput<typeof trainingSchema>>;

export const finetuneExperimentSchema = v.pipe(
  v.strictObject({
    kind: v.literal('finetune'),
    version: v.literal(finetuneVersion),
    title: v.optional(v.string()),
    /** A Hub id, a path, or the name of the embedded model. */
    model: v.string(),
    revision: v.optional(v.string()),
    adapters: v.pipe(
      v.array(adapterSchema),
      v.minLength(1, 'Name at least one adapter'),
      v.maxLength(limits.adapters, `There can be at most ${limits.adapters} adapters`),
    ),
    data: examplesSchema,
    /** Default: a part of `data` as `split` says. */
    testData: v.optional(examplesSchema),
    split: v.optional(v.strictObject({ testShare: v.optional(share, 0.2), seed: v.optional(seed, 0) })),
    training: v.optional(trainingSchema, {}),
    /** Of the numbers that adapters start from, and of the order of the examples. */
    seed: v.optional(seed, 0),
  }),
  v.forward(
    v.check(
      ({ testData, split }) => testData === undefined || split === undefined,
      "The examples of the test are given as 'testData', so nothing is to be split; leave one of the two out",
    ),
    ['split'],
  ),
);

export type FinetuneExperiment = Immutable<v.InferOutput<typeof finetuneExperimentSchema>>;

/** A finetuning as a file may state it, defaults left out. */
export type FinetuneExperimentFile = Immutable<v.InferInput<typeof finetuneExperimentSchema>>;

/**
 * @param value what JSON.parse gave
 * @throws ExperimentError that names the first thing that is wrong
 */
export function readFinetuneExperiment(value: unknown): FinetuneExperiment {
  return readVersioned(finetuneExperimentSchema, value, 'finetune', finetuneVersion);
}

/** An experiment with the pictures and sounds of its examples as `change` makes them: read, or left out of a link. */
export function withFinetuneFiles(
  { data, testData, ...experiment }: FinetuneExperiment,
  change: (file: GivenFile) => GivenFile,
): FinetuneExperiment {
  const changed = (examples: readonly FinetuneExample[]) =>
    examples.map(({ prompt, continuation }) => ({
      prompt: withGivenPromptFiles(prompt, change),
      continuation,
    }));
  return { ...experiment, data: changed(data), ...(testData ? { testData: changed(testData) } : {}) };
}
