// The result of a finetuning as plain data: what was asked, on what it ran, what the model does by itself, and each adapter
// with its curves, its answers and its trained numbers. It can be written to a file, read back, and completed by a later run.

import * as v from 'valibot';
import { type Immutable, readVersioned, wholeNumber } from '../experimentFile.ts';
import type { Count } from '../kind.ts';
import { resultEntries } from '../resultParts.ts';
import { finetuneExperimentSchema } from './experiment.ts';

/** 2 where the model reads more than a text; 3 where it says which examples of a split were tested. */
export const finetuneResultVersion = 3;

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const numbersSchema = v.record(
  v.string(),
  v.strictObject({ shape: v.array(wholeNumber), base64: v.string() }),
);
/** Mean cross-entropy of the continuations' tokens in nats, and the share of examples of which every token is right. */
const measureSchema = v.strictObject({ loss: v.number(), match: share });

const adapterSchema = v.pipe(
  v.strictObject({
    /** Numbers that were trained. */
    parameterCount: wholeNumber,
    /** `begun` where a run was stopped in the middle: a later one goes on from `state`. */
    end: v.picklist(['begun', 'all-steps', 'loss', 'parameters']),
    /** One entry for each step. */
    steps: v.strictObject({ loss: v.array(v.number()), rate: v.array(v.number()) }),
    /** After epochs: of the examples to test. `loss` is the mean over the epoch's steps. */
    epochs: v.array(v.strictObject({ step: wholeNumber, loss: v.number(), test: measureSchema })),
    /** Absent until the adapter has ended. */
    final: v.optional(v.strictObject({ train: measureSchema, test: measureSchema })),
    /** What is said to the examples to test, one each, up to the first token that is not the continuation's. */
    answers: v.optional(v.array(v.array(wholeNumber))),
    /** Trained parameters by piece and name: `0 rotation`. */
    parameters: numbersSchema,
    /** Of a training that was stopped: what its next step depends on. */
    state: v.optional(v.strictObject({ step: wholeNumber, numbers: numbersSchema })),
  }),
  v.check(
    ({ steps: { loss, rate } }) => rate.length === loss.length,
    'Its curves must have one entry for each step',
  ),
);

export type AdapterResult = Immutable<v.InferOutput<typeof adapterSchema>>;

const exampleSchema = v.strictObject({
  /** Of a model that reads something beside it what its decoder has written, the first token included. */
  prompt: v.array(wholeNumber),
  continuation: v.array(wholeNumber),
  /** The text that an encoder reads. */
  source: v.optional(v.array(wholeNumber)),
  /** The name of the picture or the sound that is read. */
  read: v.optional(v.string()),
});

export type TestedExample = Immutable<v.InferOutput<typeof exampleSchema>>;

export const finetuneResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('finetune-result'),
    version: v.picklist([1, 2, finetuneResultVersion]),
    experiment: finetuneExperimentSchema,
    ...resultEntries,
    trainCount: wholeNumber,
    /** The examples to test as ids, in the order of the answers. */
    tested: v.array(exampleSchema),
    /** Of a split: their places in 'data'. Older results have none. */
    testedAt: v.optional(v.array(wholeNumber)),
    /** What the model does without an adapter. */
    before: v.strictObject({
      train: measureSchema,
      test: measureSchema,
      answers: v.array(v.array(wholeNumber)),
    }),
    /** Text of every id in examples and answers. */
    texts: v.record(v.string(), v.string()),
    /** Of each adapter of the experiment. */
    names: v.array(v.string()),
    layers: v.array(v.array(wholeNumber)),
    /** One for each adapter of the experiment; null for one that has not been begun. */
    adapters: v.array(v.nullable(adapterSchema)),
  }),
  v.check(
    ({ experiment, adapters, names, layers }) =>
      [adapters, names, layers].every(({ length }) => length === experiment.adapters.length),
    'There must be a place for each adapter',
  ),
  v.check(
    ({ experiment: { data, testData }, tested, testedAt }) =>
      testedAt === undefined ||
      (testData === undefined &&
        testedAt.length === tested.length &&
        new Set(testedAt).size === testedAt.length &&
        testedAt.every((at) => at < data.length)),
    "'testedAt' must give each example to test a place of its own in 'data', and stands beside no 'testData'",
  ),
);

export type FinetuneResult = Immutable<v.InferOutput<typeof finetuneResultSchema>>;

/** The version of a result: the first that has what it holds. */
export function versionOf({ testedAt }: Pick<FinetuneResult, 'testedAt'>, readsMore: boolean) {
  if (testedAt) return finetuneResultVersion;
  return readsMore ? 2 : 1;
}

/** Whether the model reads more than a text: a source, a picture or a sound, which each tested example then has. */
export const readsBeside = ({ tested }: Pick<FinetuneResult, 'tested'>): boolean =>
  tested.some(({ source, read }) => source !== undefined || read !== undefined);

/** @throws ExperimentError that names the first thing that is wrong */
export function readFinetuneResult(value: unknown): FinetuneResult {
  return readVersioned(finetuneResultSchema, value, 'finetune-result', finetuneResultVersion);
}

export const isAdapterDone = (adapter: AdapterResult | null | undefined): boolean =>
  adapter !== null && adapter !== undefined && adapter.end !== 'begun';

export const countAdapters = ({ adapters }: FinetuneResult): Count => ({
  done: adapters.filter(isAdapterDone).length,
  total: adapters.length,
});
