// The result of an alignment as plain data: what was asked, on what it ran, what the model does by itself, and each site
// with its curves, accuracies and trained numbers. It can be written to a file, read back, and completed by a later run.

import * as v from 'valibot';
import { type Immutable, readVersioned, wholeNumber } from '../experimentFile.ts';
import type { Count } from '../kind.ts';
import { resultEntries } from '../resultParts.ts';
import { alignExperimentSchema, sitePositionSchema } from './experiment.ts';

/** 2 where the model reads more than a text. */
export const alignResultVersion = 2;

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const numbers = v.array(v.number());

const siteSchema = v.pipe(
  v.strictObject({
    layer: wholeNumber,
    position: sitePositionSchema,
    /** `begun` where a run was stopped in the middle: a later one begins it anew. */
    end: v.picklist(['begun', 'all-steps', 'early', 'loss', 'parameters']),
    /** One entry for each step. */
    steps: v.strictObject({
      loss: numbers,
      rate: numbers,
      temperature: v.optional(numbers),
      widthShare: v.optional(numbers),
    }),
    epochs: v.array(
      v.strictObject({
        step: wholeNumber,
        loss: v.number(),
        trainAccuracy: share,
        testAccuracy: share,
      }),
    ),
    /** Absent until the site has ended. Interchange intervention accuracies. */
    final: v.optional(
      v.strictObject({
        trainAccuracy: share,
        testAccuracy: share,
        controlAccuracy: share,
        boundary: v.optional(v.strictObject({ share: v.number(), dimensions: wholeNumber })),
        orthonormalGap: v.optional(v.number()),
      }),
    ),
    /**
     * Trained parameters, by name, as they were handed over last: with every epoch, at the end and when the run was
     * cancelled those after the last step, before the first step those that it begins with. In the middle of an epoch
     * large ones may be some steps older than the curves.
     */
    parameters: v.record(v.string(), v.strictObject({ shape: v.array(wholeNumber), base64: v.string() })),
  }),
  v.check(
    ({ steps: { loss, rate, temperature = loss, widthShare = loss } }) =>
      [rate, temperature, widthShare].every(({ length }) => length === loss.length),
    'Its curves must have one entry for each step',
  ),
);

export type SiteResult = Immutable<v.InferOutput<typeof siteSchema>>;

export const alignResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('align-result'),
    version: v.picklist([1, alignResultVersion]),
    experiment: alignExperimentSchema,
    ...resultEntries,
    trainCount: wholeNumber,
    testCount: wholeNumber,
    /** Entries of the vector that is interchanged at each site: of all its positions and heads together. */
    width: wholeNumber,
    layers: v.array(wholeNumber),
    positions: v.array(sitePositionSchema),
    factual: v.nullable(v.strictObject({ right: wholeNumber, of: wholeNumber })),
    majority: v.strictObject({ label: v.string(), share }),
    unedited: share,
    /** [layer, position] row-major, null for a site that has not been begun. */
    sites: v.array(v.nullable(siteSchema)),
  }),
  v.check(
    ({ sites, layers, positions }) => sites.length === layers.length * positions.length,
    'There must be a site for each layer and position',
  ),
);

export type AlignResult = Immutable<v.InferOutput<typeof alignResultSchema>>;

/** @throws ExperimentError that names the first thing that is wrong */
export function readAlignResult(value: unknown): AlignResult {
  return readVersioned(alignResultSchema, value, 'align-result', alignResultVersion);
}

export const isSiteDone = (site: SiteResult | null | undefined): boolean =>
  site !== null && site !== undefined && site.end !== 'begun';

export const countAlignSites = ({ sites }: AlignResult): Count => ({
  done: sites.filter(isSiteDone).length,
  total: sites.length,
});

export const isAlignComplete = ({ sites }: AlignResult): boolean => sites.every(isSiteDone);
