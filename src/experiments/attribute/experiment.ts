// The file of attribution patching (Nanda 2023): pairs of prompts, and the components whose activations are judged by a
// gradient instead of a run for each.

import * as v from 'valibot';
import { counterpartOf } from '../counterparts.ts';
import { type Immutable, readVersioned, wholeNumber } from '../experimentFile.ts';
import { partsSchema } from '../inputParts.ts';
import { pairsSchema } from '../pairs.ts';

export const attributeVersion = 1;

/** Those of a file that names none; a model may have others in their place (`../counterparts.ts`). */
const defaultComponents = ['block_output', 'attention_output', 'mlp_output'];

export const attributeExperimentSchema = v.strictObject({
  kind: v.literal('attribute'),
  version: v.literal(attributeVersion),
  title: v.optional(v.string()),
  /** A Hub id, a path, or the name of the embedded model. */
  model: v.string(),
  revision: v.optional(v.string()),
  pairs: pairsSchema,
  parts: v.optional(partsSchema),
  /** Components that every layer has, by position; those made of heads by head, over all positions. */
  components: v.optional(
    v.pipe(v.array(v.string()), v.minLength(1, 'There is no component; name at least one'), v.maxLength(8)),
    defaultComponents,
  ),
  /** Points at which the gradient is integrated between the corrupted and the clean embeddings; absent: the corrupted run. */
  steps: v.optional(v.pipe(wholeNumber, v.minValue(1, 'There must be at least 1 step'), v.maxValue(256))),
  /** Patch every cell too, and report how well the attributions predict it. */
  compare: v.optional(v.boolean(), true),
});

export type AttributeExperiment = Immutable<v.InferOutput<typeof attributeExperimentSchema>>;

/** The components of an experiment: what a model has in the place of the default ones, where these are meant. */
export const componentsOf = (
  { components }: Pick<AttributeExperiment, 'components'>,
  of: readonly { readonly name: string }[],
): readonly string[] =>
  JSON.stringify(components) === JSON.stringify(defaultComponents)
    ? components.map((component) => counterpartOf(component, of))
    : components;

/** @throws ExperimentError that names the first thing that is wrong */
export function readAttributeExperiment(value: unknown): AttributeExperiment {
  return readVersioned(attributeExperimentSchema, value, 'attribute', attributeVersion);
}
