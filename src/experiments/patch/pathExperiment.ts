// The file of path patching (Wang et al. 2022, "Interpretability in the Wild", section 3.1; Goldowsky-Dill et al. 2023):
// what one head does to another, or to the prediction, directly, and not through other heads.

import * as v from 'valibot';
import { directionSchema } from '../direction.ts';
import { type Immutable, readVersioned, tokenId } from '../experimentFile.ts';
import { pairsSchema } from '../pairs.ts';

export const pathVersion = 1;
const limits = { receivers: 8, heads: 1000 };

/** Heads as TransformerLens writes them: [9, 6] is head 6 of layer 9. */
const headList = v.pipe(
  v.array(v.strictTuple([tokenId, tokenId])),
  v.minLength(1, 'Name at least one head as [layer, head]'),
  v.maxLength(limits.heads),
);

const receiverSchema = v.strictObject({
  /**
   * `logits`: the prediction; or `head_query_output`, `head_key_output`, `head_value_output`: what `heads` read. In a model of
   * two stacks also those of cross-attention (`head_cross_query_output`, …), and the encoder's under its prefix.
   */
  component: v.string(),
  /** Those that receive, together; key and value heads where keys and values are shared. */
  heads: v.optional(headList),
});

export type PathReceiver = Immutable<v.InferOutput<typeof receiverSchema>>;

export const pathExperimentSchema = v.strictObject({
  kind: v.literal('path'),
  version: v.literal(pathVersion),
  title: v.optional(v.string()),
  /** A Hub id, a path, or the name of the embedded model. */
  model: v.string(),
  revision: v.optional(v.string()),
  pairs: pairsSchema,
  /**
   * `corrupt` (the default, as in Wang et al.): the sender has what it has in the corrupted run, everything else is of the
   * clean run. `restore`: the other way round.
   */
  direction: v.optional(directionSchema, 'corrupt'),
  /**
   * What of the heads sends; default `head_attention_value_output`. In a model of two stacks also
   * `head_cross_attention_value_output`, and `encoder.head_attention_value_output` (`vision.` in BLIP).
   */
  sending: v.optional(v.string()),
  /** Heads that send, one after another; default all. */
  senders: v.optional(v.union([v.literal('all'), headList]), 'all'),
  /** One figure each. */
  receivers: v.optional(
    v.pipe(
      v.array(receiverSchema),
      v.minLength(1, "There is no receiver; 'logits' is the prediction"),
      v.maxLength(limits.receivers),
    ),
    [{ component: 'logits' }],
  ),
  /**
   * Between sender and receiver all other heads keep what they have in the run that is edited. Whether MLPs do too, or
   * (the default, as in Wang et al.) compute anew, so that a path may lead through them.
   */
  mlps: v.optional(v.picklist(['recompute', 'freeze']), 'recompute'),
});

export type PathExperiment = Immutable<v.InferOutput<typeof pathExperimentSchema>>;

/** A path experiment as a file may state it, defaults left out. */
export type PathExperimentFile = Immutable<v.InferInput<typeof pathExperimentSchema>>;

/**
 * @param value what JSON.parse gave
 * @throws ExperimentError that names the first thing that is wrong
 */
export function readPathExperiment(value: unknown): PathExperiment {
  return readVersioned(pathExperimentSchema, value, 'path', pathVersion);
}
