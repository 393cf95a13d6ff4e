// What an intervention does to a prediction, as plain data: the next tokens before and after, every metric of the three
// kinds of run, the later positions that it changes, and what was collected.

import * as v from 'valibot';
import { type Immutable, readVersioned, tokenId, wholeNumber } from '../experimentFile.ts';
import { samplesSchema } from '../metrics.ts';
import { modelSchema } from '../resultParts.ts';
import { interveneExperimentSchema } from './experiment.ts';

/** 2 where the model reads more than a text. */
export const interveneResultVersion = 2;

const named = v.strictObject({ id: tokenId, text: v.string() });
const candidate = v.strictObject({ ...named.entries, logit: v.number(), probability: v.number() });

const laterSchema = v.strictObject({
  position: wholeNumber,
  /** Kullback-Leibler divergence of the prediction here from what it was, in nats. */
  divergence: v.number(),
  before: candidate,
  after: candidate,
});

const collectedSchema = v.strictObject({
  /** pyvene's key of the intervention that collects. */
  key: v.string(),
  shape: v.array(wholeNumber),
  data: v.array(v.number()),
  /** For each unit of the residual stream, what the head of the model makes of it; the best first. */
  nearest: v.array(v.array(candidate)),
});

export const interveneResultSchema = v.strictObject({
  kind: v.literal('intervene-result'),
  version: v.picklist([1, interveneResultVersion]),
  experiment: interveneExperimentSchema,
  model: modelSchema,
  backend: v.strictObject({ kind: v.picklist(['webgpu', 'wasm', 'node']), description: v.string() }),
  /** Tokens that the prediction follows, or stands among: in an encoder-decoder those of the target. */
  base: v.array(named),
  sources: v.array(v.array(named)),
  /** Tokens of the source texts that an encoder reads, in the base run and in each source run. */
  read: v.optional(v.strictObject({ base: v.array(named), sources: v.array(v.array(named)) })),
  answer: named,
  distractor: v.optional(named),
  /** Divergences are from the base run. */
  measured: v.strictObject({
    base: samplesSchema,
    sources: v.array(samplesSchema),
    intervened: samplesSchema,
  }),
  /** The ten most probable next tokens of the base run, and of the intervened one. */
  before: v.array(candidate),
  after: v.array(candidate),
  /** From the first position that is edited on; empty where the edits are at the last one alone. */
  later: v.array(laterSchema),
  collected: v.array(collectedSchema),
  notices: v.array(v.strictObject({ code: v.string(), text: v.string() })),
});

export type InterveneResult = Immutable<v.InferOutput<typeof interveneResultSchema>>;
export type NamedCandidate = Immutable<v.InferOutput<typeof candidate>>;

/** @throws ExperimentError that names the first thing that is wrong */
export function readInterveneResult(value: unknown): InterveneResult {
  return readVersioned(interveneResultSchema, value, 'intervene-result', interveneResultVersion);
}
