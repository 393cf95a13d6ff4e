// The result of a steering as plain data: the vectors with what was measured of each site, the strengths of the edits in
// three units, the texts with their numbers, and the sweep.

import * as v from 'valibot';
import { type Immutable, readVersioned, tokenId, wholeNumber } from '../experimentFile.ts';
import type { Count } from '../kind.ts';
import { resultEntries } from '../resultParts.ts';
import { steerColumns, steerExperimentSchema, sweptEdit } from './experiment.ts';

/** The newest; 2 adds what a model reads beside its text. */
export const steerResultVersion = 2;

const numbers = v.array(v.number());
const maybe = v.nullable(v.number());

const siteSchema = v.strictObject({
  layer: v.nullable(wholeNumber),
  /** Of a per-head component. */
  head: v.nullable(wholeNumber),
  /** Length of the vector. */
  norm: v.number(),
  /** Median length of the states that were read: the unit `relative`. */
  medianNorm: maybe,
  /** Standard deviation (n - 1) of their projections on the vector: the unit `sigma`. */
  spread: maybe,
  /**
   * Share of texts on their side of a threshold half way between the projected means, each judged by the vector and the
   * threshold of the half that it is not in. Null where a half has too few texts, or there are none.
   */
  accuracy: maybe,
  /** The same of a logistic probe. */
  probeAccuracy: maybe,
  /** Half way between the means of the projections of the two classes, all texts. */
  threshold: maybe,
  /** Cosine of the vectors of the two halves. */
  stability: maybe,
  /** Cosine with the difference of means. */
  meanCosine: maybe,
});

const vectorSchema = v.pipe(
  v.strictObject({
    name: v.string(),
    component: v.string(),
    /** Numbers of one site: the width of the component. */
    width: wholeNumber,
    /** Of an activation addition, which has a vector for each of so many first positions; else 1. */
    positions: wholeNumber,
    /** Layer by layer, head by head. */
    sites: v.array(siteSchema),
    /** Float32, little-endian: [sites, positions, width]. */
    base64: v.string(),
  }),
  v.check(
    ({ sites, positions, width, base64 }) =>
      base64.length === 4 * Math.ceil((4 * sites.length * positions * width) / 3),
    'A vector must hold as many numbers as its sites have',
  ),
);

const editSchema = v.strictObject({
  name: v.string(),
  vector: v.string(),
  on: v.boolean(),
  /**
   * Where it acts, with its strength in three units: `raw` is the factor on the vector, `relative` the length of what is
   * added in median norms of the states, `sigma` the same in spreads of the projection. `scale` is what a number along the
   * vector in the edit's own unit is multiplied by: of `to`, `at` and `whileBelow`.
   */
  sites: v.array(
    v.strictObject({
      layer: v.nullable(wholeNumber),
      head: v.nullable(wholeNumber),
      raw: v.number(),
      relative: maybe,
      sigma: maybe,
      scale: v.number(),
    }),
  ),
});

/**
 * What edits of heads add at the output of the attention's projection, [width]: the form in which honest LLaMA shares its
 * vectors, as biases. `module` is the projection's output as PyTorch names it.
 */
const biasSchema = v.strictObject({
  edit: v.string(),
  layer: wholeNumber,
  module: v.string(),
  base64: v.string(),
});

const programSchema = v.strictObject({
  name: v.string(),
  language: v.string(),
  /** Null where there can be none. */
  text: v.nullable(v.string()),
  why: v.nullable(v.string()),
});

const promptSchema = v.strictObject({
  tokens: v.array(tokenId),
  /** As the chat template has written it; null for a text or ids. */
  rendered: v.nullable(v.string()),
  /** The tokens that ask for it in words; null where nothing asks. */
  asked: v.nullable(v.array(tokenId)),
  /** What an encoder reads beside them, where that is a text, and the same of what asks in words. */
  source: v.optional(v.array(tokenId)),
  askedSource: v.optional(v.array(tokenId)),
  towards: v.array(tokenId),
  away: v.array(tokenId),
});

export const endReasons = ['eos', 'stop', 'length', 'context', 'notFinite', 'noToken'] as const;

/** [[id, log-probability]], the most probable first. */
const candidates = v.array(v.strictTuple([tokenId, v.number()]));

const spokenEntries = {
  /** Ids after the prompt; one that ended the text included. */
  tokens: v.array(tokenId),
  text: v.string(),
  end: v.picklist(endReasons),
  /** Natural logarithm of the probability of each token under the unsteered model, which reads the plain prompt. */
  logProbabilities: numbers,
  /** KL(unsteered ‖ this column) where each token was drawn, in nats. */
  divergences: numbers,
  /** Share of pairs of neighbouring tokens that occurred before in the text; null of fewer than two tokens. */
  repetition: maybe,
  /** Mean log-probability of the words towards, less that of the words away, at the first new token; null without words. */
  score: maybe,
  /** That, less the same of the unsteered model. */
  effect: maybe,
};

const textSchema = v.strictObject({
  column: v.picklist(steerColumns),
  sample: wholeNumber,
  /** Which of the random directions; null in other columns. */
  direction: v.nullable(wholeNumber),
  ...spokenEntries,
  /** Place of the first new token that is another than in the unsteered text of the sample; null where there is none. */
  parts: v.nullable(wholeNumber),
  /** For each edit that is on, the projection on its unit vector, after all edits, at its last site, by position of prompt and text. */
  projections: v.array(v.array(maybe)),
  /** At each new token: with the edits, and without. */
  after: v.array(candidates),
  before: v.array(candidates),
});

/** A text that was broken off, as far as it came. */
const saidSchema = v.strictObject({
  ...v.pick(textSchema, ['column', 'sample', 'direction', 'tokens', 'text', 'logProbabilities']).entries,
});

const sweptTextSchema = v.strictObject({
  prompt: wholeNumber,
  seed: wholeNumber,
  direction: v.nullable(wholeNumber),
  ...v.omit(v.strictObject(spokenEntries), ['logProbabilities', 'divergences']).entries,
  /** Means over the new tokens. */
  logProbability: maybe,
  divergence: maybe,
  /** Projection on the vector's unit direction where the first new token is made, after the edit. */
  projection: maybe,
});

const cellSchema = v.strictObject({
  raw: v.number(),
  /** By prompt, then seed: with the vector, then with each random direction of its norm. */
  texts: v.array(sweptTextSchema),
});

const choiceSchema = v.strictObject({
  /** Places in the lists of the sweep; null where no cell keeps to the limits. */
  layer: v.nullable(wholeNumber),
  strength: v.nullable(wholeNumber),
  /** Mean effect on the prompts of even places, by which it was chosen, and on the others. */
  chosenOn: maybe,
  reported: maybe,
  /** On the others: of the random directions, and the costs. */
  random: maybe,
  /** Of the texts' own tokens under the unsteered model, in nats a token: the logarithm of their perplexity. */
  surprise: maybe,
  divergence: maybe,
  repetition: maybe,
});

export const steerResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('steer-result'),
    version: v.picklist([1, steerResultVersion]),
    experiment: steerExperimentSchema,
    ...resultEntries,
    /** What is in force in generating, and the file that it comes from where nobody gave it. */
    settings: v.strictObject({
      sampling: v.record(v.string(), v.number()),
      eosIds: v.array(tokenId),
      origins: v.record(v.string(), v.picklist(['given', 'generation_config.json', 'default'])),
    }),
    prompts: v.array(promptSchema),
    vectors: v.array(vectorSchema),
    edits: v.array(editSchema),
    biases: v.array(biasSchema),
    programs: v.array(programSchema),
    /** By prompt: all columns of all samples; null where they have not arrived. */
    texts: v.array(v.nullable(v.array(textSchema))),
    /** Those of the prompt at hand while they are generated; they stay where a run was stopped, and count as nothing. */
    said: v.optional(v.nullable(v.strictObject({ prompt: wholeNumber, texts: v.array(saidSchema) })), null),
    /** [layer][strength]; null without a sweep, and a layer null where it has not arrived. */
    sweep: v.nullable(v.array(v.nullable(v.array(cellSchema)))),
    /** Null until all cells have arrived, and where the prompts cannot be halved. */
    choice: v.nullable(choiceSchema),
    /** The text of every id in the result. */
    tokenTexts: v.record(v.string(), v.string()),
  }),
  v.check(
    ({ experiment, prompts, texts, vectors }) =>
      prompts.length === experiment.prompts.length &&
      texts.length === prompts.length &&
      vectors.length === experiment.vectors.length,
    'There must be an entry for each vector and prompt',
  ),
);

export type SteerResult = Immutable<v.InferOutput<typeof steerResultSchema>>;
export type VectorResult = SteerResult['vectors'][number];
export type VectorSite = VectorResult['sites'][number];
export type EditResult = SteerResult['edits'][number];
export type SteerText = Immutable<v.InferOutput<typeof textSchema>>;
/** A text that is being generated, or was broken off. */
export type SaidText = Immutable<v.InferOutput<typeof saidSchema>>;
export type SweptText = Immutable<v.InferOutput<typeof sweptTextSchema>>;
export type SweepCell = Immutable<v.InferOutput<typeof cellSchema>>;
export type SweepChoice = Immutable<v.InferOutput<typeof choiceSchema>>;

/** Whether the model reads more than a text, which results of the first version do not say. */
export const readsBeside = ({ version }: Pick<SteerResult, 'version'>): boolean =>
  version === steerResultVersion;

/** @throws ExperimentError that names the first thing that is wrong */
export function readSteerResult(value: unknown): SteerResult {
  const result = readVersioned(steerResultSchema, value, 'steer-result', steerResultVersion);
  if (result.experiment.sweep) sweptEdit(result.experiment);
  return result;
}

/** Vectors, prompts with their texts, and cells of the sweep. */
export function countSteer({ vectors, texts, sweep, experiment }: SteerResult): Count {
  const perLayer = experiment.sweep?.strengths.length ?? 0;
  const layers = sweep ?? [];
  return {
    done:
      vectors.length +
      texts.filter((own) => own !== null).length +
      perLayer * layers.filter((layer) => layer !== null).length,
    total: vectors.length + texts.length + perLayer * layers.length,
  };
}
