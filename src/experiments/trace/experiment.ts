// The file of a causal trace (Meng et al. 2022, "Locating and Editing Factual Associations in GPT"): which prompt, or what is
// read beside it, which part of it is corrupted and how, what is put back where, and which answer is watched.

import * as v from 'valibot';
import { directionSchema } from '../direction.ts';
import {
  type Immutable,
  readVersioned,
  textOrIds,
  tokenId,
  tokenName,
  wholeNumber,
} from '../experimentFile.ts';
import { givenFileSchema } from '../givenFile.ts';
import { mostParts, partsSchema, patchesSchema, secondsSchema, usualParts } from '../inputParts.ts';

export const traceVersion = 1;
/** A trace that asks for more is refused. */
export const traceLimits = { samples: 1000, streams: 8, parts: mostParts } as const;

/** What a trace is when it says nothing else. */
export const traceDefaults = {
  corruption: { kind: 'noise', level: { standardDeviations: 3 }, samples: 10, seed: 1 },
  direction: 'restore',
  /** The three of a published trace, in the order of its panels, where the model has them. */
  streams: ['block_output', 'mlp_output', 'attention_output'],
  positions: 'all',
  /** Of a picture, across and down; of a sound. */
  parts: usualParts,
} as const;

const noiseSchema = v.strictObject({
  /** Gaussian noise is added to the embeddings of the subject's tokens. */
  kind: v.literal('noise'),
  /** Its standard deviation: a number, or a multiple of the standard deviation of the subject's embeddings. */
  level: v.optional(
    v.union([
      v.pipe(v.number(), v.gtValue(0, 'A level must be above 0; noise of level 0 corrupts nothing')),
      v.strictObject({
        standardDeviations: v.pipe(
          v.number(),
          v.gtValue(0, 'A level must be above 0; noise of level 0 corrupts nothing'),
        ),
      }),
    ]),
    traceDefaults.corruption.level,
  ),
  samples: v.optional(
    v.pipe(
      wholeNumber,
      v.minValue(1, 'There must be at least 1 sample; the usual number is 10'),
      v.maxValue(
        traceLimits.samples,
        `There can be at most ${traceLimits.samples} samples; the usual number is 10`,
      ),
    ),
    traceDefaults.corruption.samples,
  ),
  /** Of NumPy's RandomState. */
  seed: v.optional(
    v.pipe(wholeNumber, v.minValue(0), v.maxValue(2 ** 32 - 1)),
    traceDefaults.corruption.seed,
  ),
});

export const corruptionSchema = v.variant('kind', [
  noiseSchema,
  /** Other tokens stand in the subject's place, as many as it has. Not for a picture or a sound. */
  v.strictObject({ kind: v.literal('replace'), tokens: textOrIds }),
  /** What another picture or sound has in the subject's place stands there. */
  v.strictObject({ kind: v.literal('exchange'), with: givenFileSchema }),
  /** The subject's embeddings are zero. */
  v.strictObject({ kind: v.literal('zero') }),
  /** The subject's embeddings are the mean of all embeddings of the prompt, the picture or the sound. */
  v.strictObject({ kind: v.literal('mean') }),
]);

export type Corruption = Immutable<v.InferOutput<typeof corruptionSchema>>;

export const streamSchema = v.strictObject({
  /** Any component that every layer of its stack has. */
  component: v.string(),
  /** Layers that are put back together, around the layer of the cell; default 1 for `block_output`, else 10, or a third of a model of less than 30. */
  window: v.optional(v.pipe(wholeNumber, v.minValue(1, 'A window must be at least 1 layer wide'))),
  /** For per-head components: these heads are put back together; default all. */
  heads: v.optional(v.pipe(v.array(tokenId), v.minLength(1, 'Name at least one head, or leave heads out'))),
});

export const traceExperimentSchema = v.strictObject({
  kind: v.literal('trace'),
  version: v.literal(traceVersion),
  title: v.optional(v.string()),
  /** A Hub id, a path, or the name of the embedded model. */
  model: v.string(),
  revision: v.optional(v.string()),
  /**
   * In a model of two stacks that reads text, its source. Beside a picture or a sound, what the model has written so far,
   * which may be nothing.
   */
  prompt: textOrIds,
  /** What the decoder has written so far, where the prompt is its source; default nothing. */
  target: v.optional(textOrIds),
  image: v.optional(givenFileSchema),
  sound: v.optional(givenFileSchema),
  /**
   * What is corrupted: the text of the prompt's subject; the range of its tokens, from the first, to (exclusive) the
   * second; patches of the picture; a stretch of the sound.
   */
  subject: v.union([
    v.pipe(v.string(), v.minLength(1)),
    v.strictTuple([tokenId, tokenId]),
    patchesSchema,
    secondsSchema,
  ]),
  parts: v.optional(partsSchema),
  /** Text or id of the token that is watched; default the model's own prediction. */
  answer: v.optional(tokenName),
  /** Text or id of a token that the answer is compared with. */
  distractor: v.optional(tokenName),
  corruption: v.optional(corruptionSchema, { kind: 'noise' }),
  /** Put clean activations into the corrupted run, or corrupted ones into the clean run. */
  direction: v.optional(directionSchema, traceDefaults.direction),
  /** Default those of `traceDefaults`, or what the model has in their place (`../counterparts.ts`). */
  streams: v.optional(v.pipe(v.array(streamSchema), v.minLength(1), v.maxLength(traceLimits.streams))),
  /** Tokens of the prompt that have cells; what else the model reads has cells in all places. */
  positions: v.optional(
    v.union([v.literal('all'), v.pipe(v.array(tokenId), v.minLength(1))]),
    traceDefaults.positions,
  ),
});

export type TraceExperiment = Immutable<v.InferOutput<typeof traceExperimentSchema>>;

/** A trace as a file may state it, defaults left out. */
export type TraceExperimentFile = Immutable<v.InferInput<typeof traceExperimentSchema>>;

/**
 * @param value what JSON.parse gave
 * @throws ExperimentError that names the first thing that is wrong
 */
export function readTraceExperiment(value: unknown): TraceExperiment {
  return readVersioned(traceExperimentSchema, value, 'trace', traceVersion);
}
