// The file of a sweep over the tensors of a model that somebody brought as ONNX: what the model reads, what is put in the place
// of what, where, and what is measured of which output. For models that read no prompts as much as for those that do.

import * as v from 'valibot';
import { directionSchema } from '../direction.ts';
import { type Immutable, readVersioned, wholeNumber } from '../experimentFile.ts';

export const tensorsVersion = 1;
const limits = { sites: 16, samples: 64, places: 4096 };

const count = v.pipe(wholeNumber, v.minValue(1), v.maxValue(limits.places));

/** What one input of the model holds, in one of five ways. */
export const givenSchema = v.pipe(
  v.strictObject({
    /** Lists of lists of numbers. Axes of one place in front may be left out. */
    numbers: v.optional(v.unknown()),
    /** A tensor's bytes, lowest first. */
    base64: v.optional(v.string()),
    dtype: v.optional(v.string()),
    shape: v.optional(v.array(v.pipe(wholeNumber, v.minValue(0)))),
    /** What the tokenizer beside the model makes ids of. */
    text: v.optional(v.string()),
    /** The bytes of a PNG or JPEG file, in base64. */
    picture: v.optional(v.string()),
    /** Entries of preprocessor_config.json that stand before those of the model's own. */
    preprocessor: v.optional(v.record(v.string(), v.unknown())),
    /** A file beside the experiment's, which the command line reads: .npy, .safetensors, .json, .csv, .txt, .png, .jpg, .wav. */
    file: v.optional(v.string()),
    /** Which of a file's tensors; default the one with the input's name, or the only one. */
    tensor: v.optional(v.string()),
    /** Of the file that it came from, for captions. */
    name: v.optional(v.string()),
  }),
  v.check(
    ({ numbers, base64, text, picture, file }) =>
      [numbers, base64, text, picture, file].filter((way) => way !== undefined).length === 1,
    "An input is given as one of 'numbers', 'base64', 'text', 'picture' and 'file'",
  ),
  v.check(
    ({ base64, dtype, shape }) =>
      (base64 === undefined) === (dtype === undefined) && (base64 === undefined) === (shape === undefined),
    "'base64' comes with 'dtype' and 'shape', and these with nothing else",
  ),
);

export type Given = Immutable<v.InferOutput<typeof givenSchema>>;

const inputsSchema = v.record(v.string(), givenSchema);
export type GivenInputs = Immutable<v.InferOutput<typeof inputsSchema>>;

/** For each axis of the output between the batch and the last the place, from the end where it is negative; or their mean. */
const atSchema = v.optional(v.union([v.literal('mean'), v.array(wholeNumber)]));
/** Of the output's last axis: a number, or a label of config.json. Default the largest of the clean run. */
const entrySchema = v.optional(v.union([v.pipe(wholeNumber, v.minValue(0)), v.string()]));
/** Default `logits`, else the output that the model's own way ends in. Any tensor of the model may be named. */
const outputSchema = v.optional(v.string());

const watchedSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('entry'), output: outputSchema, at: atSchema, entry: entrySchema }),
  v.strictObject({ kind: v.literal('probability'), output: outputSchema, at: atSchema, entry: entrySchema }),
  v.strictObject({
    kind: v.literal('difference'),
    output: outputSchema,
    at: atSchema,
    entry: entrySchema,
    minus: v.union([v.pipe(wholeNumber, v.minValue(0)), v.string()]),
  }),
  /** With the same output of the clean run, or of the reference where there is one. */
  v.strictObject({ kind: v.literal('cosine'), output: outputSchema, at: atSchema }),
  v.strictObject({ kind: v.literal('distance'), output: outputSchema, at: atSchema }),
  v.strictObject({ kind: v.literal('squared'), output: outputSchema, at: atSchema }),
  /** Of an output of one number. */
  v.strictObject({ kind: v.literal('scalar'), output: outputSchema }),
]);

export type Watched = Immutable<v.InferOutput<typeof watchedSchema>>;

const siteSchema = v.strictObject({
  /**
   * A component of all layers (`block_output`), of one (`block_output:3`), a tensor by its name, or `chain`: the tensors at
   * which the model's stages begin, one after the other.
   */
  site: v.string(),
  /** Where positions lie, where that cannot be told or is told wrongly: one axis, or the two of a picture; none for no positions. */
  axes: v.optional(v.pipe(v.array(wholeNumber), v.maxLength(2))),
});

const noiseSchema = v.strictObject({
  /** An input of floating-point numbers, or a tensor of them: a model of tokens has its noise on the embedding. */
  tensor: v.string(),
  /** Of its positions; default everywhere. */
  positions: v.optional(v.pipe(v.array(v.pipe(wholeNumber, v.minValue(0))), v.minLength(1))),
  axes: v.optional(v.pipe(v.array(wholeNumber), v.maxLength(2))),
  /** Standard deviation of the noise, or a multiple of that of the entries that it is added to. */
  level: v.union([
    v.pipe(v.number(), v.gtValue(0)),
    v.strictObject({ standardDeviations: v.pipe(v.number(), v.gtValue(0)) }),
  ]),
  samples: v.optional(v.pipe(wholeNumber, v.minValue(1), v.maxValue(limits.samples)), 4),
  /** Of NumPy's RandomState. */
  seed: v.optional(v.pipe(wholeNumber, v.minValue(0), v.maxValue(2 ** 32 - 1)), 1),
});

export type Noise = Immutable<v.InferOutput<typeof noiseSchema>>;

export const tensorsExperimentSchema = v.pipe(
  v.strictObject({
    kind: v.literal('tensors'),
    version: v.literal(tensorsVersion),
    title: v.optional(v.string()),
    /** An ONNX file. */
    model: v.string(),
    revision: v.optional(v.string()),
    /** By the names of the model's inputs. Masks, types and positions of tokens need not be given. */
    clean: inputsSchema,
    /** Inputs that differ in the corrupted run; those that are not given are the clean run's. */
    corrupted: v.optional(inputsSchema),
    /** Or noise in the clean run. */
    noise: v.optional(noiseSchema),
    /** Or no corrupted run: what takes the place of what the clean run has there. */
    ablation: v.optional(v.strictObject({ value: v.number() })),
    /** Inputs of a run that an embedding is compared with. */
    reference: v.optional(inputsSchema),
    direction: v.optional(directionSchema),
    watched: v.optional(watchedSchema, { kind: 'squared' }),
    sites: v.pipe(
      v.array(siteSchema),
      v.minLength(1, 'There is no site; name at least one component or tensor'),
      v.maxLength(limits.sites, `There can be at most ${limits.sites} sites`),
    ),
    /**
     * Components of one's own, or others in the place of those that were found: a name in which `{layer}` is counted up from 0,
     * or the tensor of each layer.
     */
    names: v.optional(
      v.record(v.string(), v.union([v.string(), v.pipe(v.array(v.string()), v.minLength(1))])),
    ),
    /** What the site `chain` lies between, in place of the model's own way from input to output. */
    chain: v.optional(v.strictObject({ from: v.string(), to: v.string() })),
    by: v.optional(v.picklist(['position', 'whole']), 'position'),
    /**
     * Absent: each cell is a run of its own. Else its number is worked out to first order, from the slope of what is watched in
     * the run that it would start from: one pass back for all cells of all sites.
     */
    method: v.optional(v.literal('gradient')),
    /** Positions at most; of more, neighbours are taken together. Default 64, of the patches of a picture all. */
    positions: v.optional(count),
    /** Patches of a picture at most, down and across. */
    patches: v.optional(v.strictTuple([count, count]), [8, 8]),
  }),
  v.forward(
    v.check(
      ({ corrupted, noise, ablation }) =>
        [corrupted, noise, ablation].filter((way) => way !== undefined).length === 1,
      "There must be one of 'corrupted', 'noise' and 'ablation': where what is put in comes from",
    ),
    ['corrupted'],
  ),
  v.forward(
    v.check(
      ({ direction, ablation }) => ablation === undefined || direction !== 'restore',
      "An ablation is of the clean run and restores nothing; leave the direction out, or make it 'corrupt'",
    ),
    ['direction'],
  ),
  v.forward(
    v.check(
      ({ reference, watched }) =>
        reference === undefined || watched.kind === 'cosine' || watched.kind === 'distance',
      "A reference is what a 'cosine' or a 'distance' is taken from; leave it out, or watch one of these",
    ),
    ['reference'],
  ),
  v.forward(
    v.check(
      ({ sites }) => new Set(sites.map(({ site }) => site)).size === sites.length,
      'A site is there twice; leave one',
    ),
    ['sites'],
  ),
);

export type TensorsExperiment = Immutable<v.InferOutput<typeof tensorsExperimentSchema>>;

/**
 * @param value what JSON.parse gave
 * @throws ExperimentError that names the first thing that is wrong
 */
export const readTensorsExperiment = (value: unknown): TensorsExperiment =>
  readVersioned(tensorsExperimentSchema, value, 'tensors', tensorsVersion);

/** All inputs that it gives, with what they are part of. */
export const givenInputs = ({ clean, corrupted = {}, reference = {} }: TensorsExperiment): readonly Given[] =>
  [clean, corrupted, reference].flatMap(Object.values);
