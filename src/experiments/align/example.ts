// One example of an alignment: a pair of prompts with the answer that a causal model gives to their interchange.

import * as v from 'valibot';
import { type Immutable, tokenId, tokenName } from '../experimentFile.ts';
import type { GivenFile } from '../givenFile.ts';
import { type GivenPrompt, givenPromptSchema, withGivenPromptFiles } from '../givenPrompt.ts';

/** Text, the id of one token, or the ids of several; of a classifier the name of a class, or its number. */
const labelSchema = v.union([
  tokenName,
  v.pipe(v.array(tokenId), v.minLength(1, 'A label needs at least one token')),
]);

export const exampleSchema = v.strictObject({
  /** A text or its token ids, or these with what the model reads beside them. */
  base: givenPromptSchema,
  source: givenPromptSchema,
  /** Of a joint training: what each further site takes from, in their order. */
  furtherSources: v.optional(v.pipe(v.array(givenPromptSchema), v.minLength(1, 'Name at least one prompt'))),
  /** What follows the base when each variable has the value of its source. */
  label: labelSchema,
  /** What follows the base, and the source, as they are: the model's own accuracy is measured with them. */
  baseLabel: v.optional(labelSchema),
  sourceLabel: v.optional(labelSchema),
  furtherSourceLabels: v.optional(v.array(labelSchema)),
  /** Positions in the stack that a site is of, by a name that it may give: of all prompts, or [of the base, of the source, of each further source]. */
  positions: v.optional(
    v.record(v.string(), v.union([tokenId, v.tupleWithRest([tokenId, tokenId], tokenId)])),
  ),
});

export type AlignExampleFile = Immutable<v.InferInput<typeof exampleSchema>>;

/** An example as it was read. */
export type AlignExample = Immutable<v.InferOutput<typeof exampleSchema>>;

/** Its prompts, and their fields. */
export const promptsIn = ({
  base,
  source,
  furtherSources = [],
}: AlignExample): readonly {
  readonly given: GivenPrompt;
  readonly field: string;
}[] => [
  { given: base, field: 'base' },
  { given: source, field: 'source' },
  ...furtherSources.map((given, at) => ({ given, field: `furtherSources.${at}` })),
];

/** An example with its pictures and sounds as `change` makes them: read, or left out of a link. */
export function withExampleFiles(
  { base, source, furtherSources, ...example }: AlignExample,
  change: (file: GivenFile) => GivenFile,
): AlignExample {
  const changed = (given: GivenPrompt) => withGivenPromptFiles(given, change);
  return {
    base: changed(base),
    source: changed(source),
    ...(furtherSources ? { furtherSources: furtherSources.map(changed) } : {}),
    ...example,
  };
}
