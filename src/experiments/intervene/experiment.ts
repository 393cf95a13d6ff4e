// The file of one intervention on one prompt: a base, its sources, pyvene's configuration with the arguments of the call,
// and what is watched. It is what the cables of a person's patch bay say.

import * as v from 'valibot';
import { givenConfigurationSchema } from '../../interventions/configuration/configuration.ts';
import type { Subspaces, UnitLocations } from '../../interventions/configuration/locations.ts';
import { type Immutable, readVersioned, tokenId, tokenName, wholeNumber } from '../experimentFile.ts';
import { givenPromptSchema } from '../givenPrompt.ts';
import { pairsSchema } from '../pairs.ts';

export const interveneVersion = 1;
const mostSources = 16;

/** A parameter of a type, row-major. */
const parameterSchema = v.pipe(
  v.strictObject({ shape: v.array(wholeNumber), data: v.array(v.number()) }),
  v.check(
    ({ shape, data }) => shape.reduce((product, size) => product * size, 1) === data.length,
    'The shape of a parameter must hold as many numbers as it has',
  ),
);

/** Of any form: the library looks into it when it locates, and names what is wrong. */
const located = v.custom<UnitLocations>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'The locations must be an object, such as { "sources->base": 3 }',
);
const subspacesSchema = v.custom<NonNullable<Subspaces>>(
  (value) => typeof value === 'number' || Array.isArray(value),
  'Subspaces are a number, a list of numbers, or a list for each intervention',
);

/** The sockets that a page shows, which positions of the first source stand for which of the base, and a table to sweep. */
const matchesSchema = v.array(v.strictTuple([tokenId, v.nullable(tokenId)]));

const rackSchema = v.strictObject({
  component: v.optional(v.string(), 'block_output'),
  by: v.optional(v.picklist(['position', 'head']), 'position'),
  /** The head whose sockets are shown by position; default all together. */
  head: v.optional(tokenId),
  /** Pairs of positions, the base's first, or null where the source has nothing that corresponds. */
  matches: v.optional(matchesSchema),
  /** The same of sources after the first, by their places. */
  otherMatches: v.optional(v.array(v.strictObject({ source: tokenId, matches: matchesSchema }))),
  /** The source that the sockets are about, by its place; default the first. */
  against: v.optional(tokenId),
  pairs: v.optional(pairsSchema),
});

export const interveneExperimentSchema = v.strictObject({
  kind: v.literal('intervene'),
  version: v.literal(interveneVersion),
  title: v.optional(v.string()),
  /** A Hub id, a path, or the name of the embedded model. */
  model: v.string(),
  revision: v.optional(v.string()),
  /** With what the model reads beside its text, where it reads more: `{ prompt, target, image, sound }`. */
  base: givenPromptSchema,
  /** One for each group of interventions, or one for all. */
  sources: v.optional(
    v.pipe(
      v.array(givenPromptSchema),
      v.maxLength(mostSources, `There can be at most ${mostSources} sources`),
    ),
    [],
  ),
  /** Text or id of the token that is watched; default what the model predicts after the first source, or the base. */
  answer: v.optional(tokenName),
  /**
   * Text or id of a token that the answer is compared with; default what the model predicts after the base, where that is
   * another; null for none.
   */
  distractor: v.optional(v.nullable(tokenName)),
  /** pyvene's; left out where nothing is changed yet. */
  configuration: v.optional(givenConfigurationSchema),
  unitLocations: v.optional(located),
  subspaces: v.optional(subspacesSchema),
  /** By pyvene's keys; those that are left out are drawn. */
  parameters: v.optional(v.record(v.string(), v.record(v.string(), parameterSchema))),
  /** What a rack of sockets beside it shows; no number of the intervention depends on it. */
  rack: v.optional(rackSchema),
  /** Of parameters that are drawn. */
  seed: v.optional(v.pipe(wholeNumber, v.minValue(0), v.maxValue(2 ** 32 - 1)), 0),
});

export type InterveneExperiment = Immutable<v.InferOutput<typeof interveneExperimentSchema>>;

/**
 * @param value what JSON.parse gave
 * @throws ExperimentError that names the first thing that is wrong
 */
export function readInterveneExperiment(value: unknown): InterveneExperiment {
  return readVersioned(interveneExperimentSchema, value, 'intervene', interveneVersion);
}
