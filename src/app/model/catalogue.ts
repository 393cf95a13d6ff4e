// The models that the page suggests. Sizes are those of the weights to download, rounded, as the Hub lists them: a
// guide, not a promise, since a repository can change.

import * as v from 'valibot';
import file from '../../../models/catalogue.json';

const positive = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const sentence = v.pipe(v.string(), v.maxLength(100), v.endsWith('.'));

export const catalogueSchema = v.strictObject({
  models: v.array(
    v.strictObject({
      name: v.pipe(v.string(), v.nonEmpty()),
      /** Id on the public Hub; its branch `main` is loaded. */
      repository: v.pipe(v.string(), v.regex(/^[\w.-]+\/[\w.-]+$/)),
      /** `model_type` of its configuration, one that the architectures know. */
      family: v.pipe(v.string(), v.nonEmpty()),
      parameters: positive,
      /** Bytes of weights to download, about. */
      sizeBytes: positive,
      licence: v.pipe(v.string(), v.nonEmpty()),
      /** Whether its terms must be accepted on the Hub, and a token given. */
      isGated: v.optional(v.boolean(), false),
      /** What it is good for. */
      use: sentence,
    }),
  ),
});

export type CatalogueModel = v.InferOutput<typeof catalogueSchema>['models'][number];

export const catalogue: readonly CatalogueModel[] = v.parse(catalogueSchema, file).models;
