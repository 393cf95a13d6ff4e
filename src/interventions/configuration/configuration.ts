// The declarative form of interventions: pyvene's IntervenableConfig as JSON, with what pyvene cannot say beside it. One
// schema gives the type, the validator and the message.

import * as v from 'valibot';
import { firstWrong } from '../../messages/schemaIssue.ts';
import { InterventionError } from '../interventionError.ts';
import { pyveneKeys } from './pyveneKeys.ts';

const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const positive = v.pipe(v.number(), v.integer(), v.minValue(1, 'It must be at least 1'));
/** pyvene writes null for what is absent. */
const maybe = <const S extends v.GenericSchema>(schema: S) => v.optional(v.nullable(schema));

const runName = v.pipe(
  v.string(),
  v.regex(
    /^(base|original|source_\d+)$/,
    "A run is called 'base', 'original' (the base without interventions) or 'source_0', 'source_1', ...",
  ),
);

/** Numbers nested to any depth, as `tensor.tolist()` writes them. */
export type NestedNumbers = number | NestedList;
/** An interface, because a consumer's compiler follows a recursive alias into valibot's types without end. */
interface NestedList extends ReadonlyArray<NestedNumbers> {}
const nestedNumbers: v.GenericSchema<NestedNumbers> = v.lazy(() =>
  v.union([v.number(), v.array(nestedNumbers)]),
);

export const representationSchema = v.strictObject({
  /** Null for a component that the model has once. */
  layer: v.optional(v.nullable(whole), 0),
  component: v.optional(v.string(), 'block_output'),
  /** Positions, heads (at all positions), or heads at positions. */
  unit: v.optional(v.picklist(['pos', 'h', 'h.pos'], "The unit must be 'pos', 'h' or 'h.pos'"), 'pos'),
  /** Units of one call. Types that act on several units as one vector have a parameter for each of their entries. */
  max_number_of_units: v.optional(v.nullable(positive), 1),
  low_rank_dimension: maybe(positive),
  latent_dim: maybe(positive),
  /** The name of a class; default the configuration's. */
  intervention_type: maybe(v.string()),
  /** Of the entries of one vector into numbered subspaces: `[from, to]` is a range, any other list names entries. */
  subspace_partition: maybe(v.array(v.pipe(v.array(whole), v.minLength(1)))),
  /** Interventions of one group take from the same source. */
  group_key: maybe(whole),
  /** Interventions of one link have one set of parameters. */
  intervention_link_key: maybe(whole),
  /** A constant that stands for a source: one vector, or one for each unit. */
  source_representation: maybe(nestedNumbers),
  /** Written beside a constant that is kept in a file of its own. */
  hidden_source_representation: maybe(v.boolean()),
  moe_key: maybe(v.null()),
  intervention: maybe(v.null()),
  /** Patchbay's own, in place of pyvene's `set_interchange_dim`: the first so many entries, or these; default all. */
  interchange_dim: maybe(v.union([positive, v.pipe(v.array(whole), v.minLength(1))])),
  /** Patchbay's own: take from another layer, another component, another run; edit another run than the base. */
  source_layer: maybe(whole),
  source_component: maybe(v.string()),
  source_run: maybe(runName),
  target_run: maybe(runName),
});

export type Representation = Readonly<v.InferOutput<typeof representationSchema>>;

export const configurationSchema = v.strictObject({
  representations: v.union([
    v.pipe(v.array(representationSchema), v.minLength(1, 'There must be at least one')),
    v.pipe(
      representationSchema,
      v.transform((one) => [one]),
    ),
  ]),
  /** Of all interventions, or one for each. */
  intervention_types: v.optional(v.union([v.string(), v.array(v.string())]), 'VanillaIntervention'),
  /** All sources into the base at once, or each source into the next and the last into the base. */
  mode: v.optional(v.picklist(['parallel', 'serial']), 'parallel'),
  /** Written by pyvene; the order of the representations says the same. */
  sorted_keys: maybe(v.array(v.string())),
});

export type Configuration = Readonly<v.InferOutput<typeof configurationSchema>>;

/** A configuration as it may be given: defaults left out, one representation without a list, or the list alone. */
export type ConfigurationInput =
  | v.InferInput<typeof configurationSchema>
  | v.InferInput<typeof representationSchema>
  | readonly v.InferInput<typeof representationSchema>[];

function wrapped(value: unknown): unknown {
  if (Array.isArray(value)) return { representations: value };
  if (typeof value === 'object' && value !== null && !('representations' in value))
    return { representations: [value] };
  return value;
}

/** A configuration in any of the forms in which it may be given. */
export const givenConfigurationSchema = v.pipe(v.unknown(), v.transform(wrapped), configurationSchema);

/**
 * @param value a configuration, one representation, or a list of them
 * @throws InterventionError that names the first field that is wrong
 */
export function readConfiguration(value: unknown): Configuration {
  const result = v.safeParse(givenConfigurationSchema, value);
  if (result.success) return result.output;
  throw new InterventionError(firstWrong(result.issues, 'The configuration'));
}

/** The keys that pyvene gives the interventions: the names of their parameters' files. */
export const interventionKeys = ({ representations }: Configuration): readonly string[] =>
  pyveneKeys(
    representations.map(({ layer, component, unit, max_number_of_units: units }) => ({
      layer: layer ?? 0,
      component,
      unit,
      max_number_of_units: units ?? 1,
    })),
  );
