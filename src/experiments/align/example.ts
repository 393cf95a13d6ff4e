// One example of an alignment: a pair of prompts with the answer that a causal model gives to their interchange.

import * as v from 'valibot';
import { type Immutable, textOrIds, tokenId, tokenName } from '../experimentFile.ts';

/** Text, the id of one token, or the ids of several. */
const labelSchema = v.union([
  tokenName,
  v.pipe(v.array(tokenId), v.minLength(1, 'A label needs at least one token')),
]);

export const exampleSchema = v.strictObject({
  base: textOrIds,
  source: textOrIds,
  /** Of a joint training: what each further site takes from, in their order. */
  furtherSources: v.optional(v.pipe(v.array(textOrIds), v.minLength(1, 'Name at least one prompt'))),
  /** What follows the base when each variable has the value of its source. */
  label: labelSchema,
  /** What follows the base, and the source, as they are: the model's own accuracy is measured with them. */
  baseLabel: v.optional(labelSchema),
  sourceLabel: v.optional(labelSchema),
  furtherSourceLabels: v.optional(v.array(labelSchema)),
  /** Positions by a name that a site may give: of all prompts, or [of the base, of the source, of each further source]. */
  positions: v.optional(
    v.record(v.string(), v.union([tokenId, v.tupleWithRest([tokenId, tokenId], tokenId)])),
  ),
});

export type AlignExampleFile = Immutable<v.InferInput<typeof exampleSchema>>;

/** An example as it was read. */
export type AlignExample = Immutable<v.InferOutput<typeof exampleSchema>>;
