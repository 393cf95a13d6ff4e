// The file of an alignment (Geiger et al. 2024, "Finding Alignments Between Interpretable Causal Variables and Distributed
// Neural Representations"; Wu et al. 2023, "Interpretability at Scale"): pairs of prompts with the answer that a causal
// model gives to their interchange, the sites where its variable is looked for, and how an intervention is trained there.

import * as v from 'valibot';
import { type Immutable, readVersioned, tokenId, wholeNumber } from '../experimentFile.ts';
import type { GivenFile } from '../givenFile.ts';
import { rotationSchema } from '../rotationTraining.ts';
import { causalDataSchema } from './causalSchema.ts';
import { exampleSchema, withExampleFiles } from './example.ts';

export const alignVersion = 1;
const limits = { examples: 50_000, sites: 1000, epochs: 10_000, jointly: 15 };

const seed = v.pipe(wholeNumber, v.minValue(0), v.maxValue(2 ** 32 - 1));
const positive = v.pipe(v.number(), v.finite(), v.minValue(Number.MIN_VALUE, 'It must be above 0'));
const notNegative = v.pipe(v.number(), v.finite(), v.minValue(0, 'It must not be below 0'));
const share = v.pipe(
  v.number(),
  v.minValue(Number.MIN_VALUE, 'A share must be above 0'),
  v.maxValue(1 - 1e-9, 'A share must be below 1'),
);
const atLeastOne = v.pipe(wholeNumber, v.minValue(1, 'It must be at least 1'));

const examples = v.pipe(
  v.array(exampleSchema),
  v.minLength(1, 'There is no example; give { "base": "...", "source": "...", "label": "..." }'),
  v.maxLength(limits.examples, `There can be at most ${limits.examples} examples`),
);

/** Examples one by one, or declared by a causal model. */
const dataSchema = v.lazy<typeof examples | typeof causalDataSchema>((given) =>
  Array.isArray(given) ? examples : causalDataSchema,
);

/** `last` is the last token of each prompt; another word is a name of the examples' `positions`. */
export const positionSchema = v.union([
  tokenId,
  v.pipe(v.string(), v.minLength(1, 'A position needs a name')),
]);

/** Several positions in one list are one site: their vectors, joined in this order, are one vector. */
export const sitePositionSchema = v.union([
  positionSchema,
  v.pipe(v.array(positionSchema), v.minLength(2, 'Positions that are joined are two or more')),
]);

export const siteSchema = v.strictObject({
  component: v.string(),
  layer: v.union([
    tokenId,
    v.literal('all'),
    v.pipe(v.array(tokenId), v.minLength(1, 'Name at least one layer')),
  ]),
  position: v.union([
    positionSchema,
    v.pipe(v.array(sitePositionSchema), v.minLength(1, 'Name at least one position')),
  ]),
  /** Of a component that is one for each head: the vectors of these heads, joined in this order, are one vector. */
  heads: v.optional(v.pipe(v.array(tokenId), v.minLength(1, 'Name at least one head'))),
});

/**
 * A further site, whose intervention is trained together with that of each of `site`: it takes from a source of its own, and the
 * label is what follows when all have taken.
 */
export const jointSiteSchema = v.strictObject({
  component: v.string(),
  /** `same` is the layer of the site that it is trained with. */
  layer: v.union([tokenId, v.literal('same')]),
  position: sitePositionSchema,
  heads: v.optional(v.pipe(v.array(tokenId), v.minLength(1, 'Name at least one head'))),
});

export type AlignJointSite = Immutable<v.InferOutput<typeof jointSiteSchema>>;

/** Times the share of the width that is interchanged, added to the loss. */
const penalty = v.optional(notNegative, 1);
/** Of the boundary or the mask; default 10 times the learning rate, as pyvene's tutorial has it. */
const boundaryRate = v.optional(positive);

export const interventionSchema = v.variant('type', [
  v.strictObject({ type: v.literal('LowRankRotated'), rank: atLeastOne }),
  /** The first of the rotated directions are interchanged. */
  v.strictObject({ type: v.literal('Rotated'), dimensions: atLeastOne }),
  v.strictObject({ type: v.literal('BoundlessRotated'), penalty, boundaryRate }),
  v.strictObject({ type: v.literal('SigmoidMask'), penalty, boundaryRate }),
  v.strictObject({ type: v.literal('SigmoidMaskRotated'), penalty, boundaryRate }),
]);

export type AlignIntervention = Immutable<v.InferOutput<typeof interventionSchema>>;

/** Defaults are those of pyvene's `train_alignment`. */
export const trainingSchema = v.strictObject({
  batchSize: v.optional(atLeastOne, 32),
  epochs: v.optional(v.pipe(atLeastOne, v.maxValue(limits.epochs)), 10),
  learningRate: v.optional(positive, 1e-3),
  optimizer: v.optional(v.picklist(['adam', 'adamw', 'sgd']), 'adam'),
  /** Default 0, or 0.01 of AdamW, as in PyTorch. Rotations are left out: they keep their length. */
  weightDecay: v.optional(notNegative),
  /** The most that all gradients of a step may be long together, as `clip_grad_norm_` has it. Default no bound. */
  clip: v.optional(positive),
  /** Examples that run at once; gradients of a larger batch are summed. Default as many as fit the memory. */
  microBatch: v.optional(atLeastOne),
  /** How the columns of a rotation of low rank are trained. */
  rotation: v.optional(rotationSchema, 'manifold'),
  /** Of the learning rate: up in a straight line, then down to 0 or level. */
  schedule: v.optional(v.picklist(['linear', 'constant']), 'linear'),
  /** Share of the steps. */
  warmUp: v.optional(v.pipe(notNegative, v.maxValue(1)), 0.1),
  /** Of the types that have one: at the first step and at the last, in a straight line between. */
  temperature: v.optional(v.strictTuple([positive, positive]), [50, 0.1]),
  /** Whether each epoch takes the examples in another order. */
  shuffle: v.optional(v.boolean(), true),
  /** Ends when the mean loss of an epoch has not fallen by `least` for `patience` epochs. */
  earlyStopping: v.optional(v.strictObject({ patience: atLeastOne, least: v.optional(notNegative, 0) })),
});

export type AlignTraining = Immutable<v.InferOutput<typeof trainingSchema>>;

export const alignExperimentSchema = v.pipe(
  v.strictObject({
    kind: v.literal('align'),
    version: v.literal(alignVersion),
    title: v.optional(v.string()),
    /** A Hub id, a path, or the name of the embedded model. */
    model: v.string(),
    revision: v.optional(v.string()),
    site: siteSchema,
    jointly: v.optional(
      v.pipe(
        v.array(jointSiteSchema),
        v.minLength(1, 'Name at least one further site, or leave it out'),
        v.maxLength(limits.jointly, `There can be at most ${limits.jointly} further sites`),
      ),
    ),
    intervention: interventionSchema,
    data: dataSchema,
    /** Default: a part of `data` as `split` says. */
    testData: v.optional(dataSchema),
    split: v.optional(v.strictObject({ testShare: v.optional(share, 0.2), seed: v.optional(seed, 0) })),
    training: v.optional(trainingSchema, {}),
    /** Of the rotation that training starts from, of the control, and of the order of the examples. */
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

export type AlignExperiment = Immutable<v.InferOutput<typeof alignExperimentSchema>>;

/** An alignment as a file may state it, defaults left out. */
export type AlignExperimentFile = Immutable<v.InferInput<typeof alignExperimentSchema>>;

/** At most so many sites are trained for one file. */
export const mostSites = limits.sites;

/**
 * @param value what JSON.parse gave
 * @throws ExperimentError that names the first thing that is wrong
 */
export function readAlignExperiment(value: unknown): AlignExperiment {
  return readVersioned(alignExperimentSchema, value, 'align', alignVersion);
}

/** An experiment with the pictures and sounds of its examples as `change` makes them: read, or left out of a link. */
export function withAlignFiles(
  { data, testData, ...experiment }: AlignExperiment,
  change: (file: GivenFile) => GivenFile,
): AlignExperiment {
  const changed = (given: AlignExperiment['data']) =>
    'causalModel' in given ? given : given.map((example) => withExampleFiles(example, change));
  return { ...experiment, data: changed(data), ...(testData ? { testData: changed(testData) } : {}) };
}
