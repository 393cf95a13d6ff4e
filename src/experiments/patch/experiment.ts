// The file of an activation patch (Meng et al. 2022; Wang et al. 2022; Heimersheim and Nanda 2024, "How to use and
// interpret activation patching"): pairs of prompts, which activations are taken from one run into the other, one layer,
// position or head after another; or, instead of a second prompt, what activations are ablated with.

import * as v from 'valibot';
import { directionSchema } from '../direction.ts';
import { type Immutable, readVersioned, textOrIds, tokenId, wholeNumber } from '../experimentFile.ts';
import { partsSchema } from '../inputParts.ts';
import { corruptedParts, pairsSchema } from '../pairs.ts';

export const patchVersion = 1;
const limits = { sweeps: 8, prompts: 1000 };

const promptsSchema = v.pipe(
  v.array(textOrIds),
  v.minLength(1, 'There is no prompt; give at least one'),
  v.maxLength(limits.prompts, `There can be at most ${limits.prompts} prompts`),
);

export const ablationSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('zero') }),
  /**
   * The mean over prompts: position by position where they are as long as the clean prompts, else over all positions of
   * all prompts. The result says which.
   */
  v.strictObject({ kind: v.literal('mean'), prompts: promptsSchema }),
  /** What the same place holds in a prompt drawn from these, as long as the clean one. */
  v.strictObject({
    kind: v.literal('resample'),
    prompts: promptsSchema,
    /** Of NumPy's RandomState. */
    seed: v.optional(v.pipe(wholeNumber, v.minValue(0), v.maxValue(2 ** 32 - 1)), 1),
    /** Prompts drawn for each pair, none of them twice. */
    samples: v.optional(v.pipe(wholeNumber, v.minValue(1, 'There must be at least 1 sample')), 1),
  }),
]);

export type Ablation = Immutable<v.InferOutput<typeof ablationSchema>>;

export const sweepSchema = v.strictObject({
  /** Any component that every layer of its stack has. */
  component: v.string(),
  /**
   * What has a cell in each layer: a position; a head, at all of `positions` together; or a head at a position. Default
   * `position`, for components made of heads `head`.
   */
  by: v.optional(v.picklist(['position', 'head', 'head-position'])),
  /** Layers that are patched together, around the layer of the cell. */
  window: v.optional(v.pipe(wholeNumber, v.minValue(1, 'A window must be at least 1 layer wide')), 1),
  /** Heads that have cells; in a sweep by position those that are patched together. Default all. */
  heads: v.optional(v.pipe(v.array(tokenId), v.minLength(1, 'Name at least one head, or leave heads out'))),
  /**
   * Positions that have cells; in a sweep by head those that are patched together. `last` is the prompt's last token. Of a
   * picture or a sound they are places in the list of its parts, of which a picture's first has no pixels.
   */
  positions: v.optional(
    v.union([
      v.picklist(['all', 'last']),
      v.pipe(v.array(tokenId), v.minLength(1, 'Name at least one position')),
    ]),
    'all',
  ),
});

export type Sweep = Immutable<v.InferOutput<typeof sweepSchema>>;

/** Those of a file that names none; a model may have others in their place (`../counterparts.ts`). */
const defaultSweeps: v.InferOutput<typeof sweepSchema>[] = (
  ['block_output', 'attention_output', 'mlp_output'] as const
).map((component) => ({ component, by: 'position', window: 1, positions: 'all' }));

export const patchExperimentSchema = v.pipe(
  v.strictObject({
    kind: v.literal('patch'),
    version: v.literal(patchVersion),
    title: v.optional(v.string()),
    /** A Hub id, a path, or the name of the embedded model. */
    model: v.string(),
    revision: v.optional(v.string()),
    pairs: pairsSchema,
    parts: v.optional(partsSchema),
    /**
     * `restore` (the default): clean activations into the corrupted run, which shows what is enough for the answer.
     * `corrupt`: corrupted ones into the clean run, which shows what it cannot do without. An ablation is always of the
     * clean run.
     */
    direction: v.optional(directionSchema),
    /** What takes an activation's place when there is no corrupted prompt to take one from. */
    ablation: v.optional(ablationSchema),
    sweeps: v.optional(
      v.pipe(
        v.array(sweepSchema),
        v.minLength(1, 'There is no sweep; name at least one component'),
        v.maxLength(limits.sweeps, `There can be at most ${limits.sweeps} sweeps`),
      ),
      defaultSweeps,
    ),
  }),
  v.forward(
    v.check(
      ({ direction, ablation }) => ablation === undefined || direction !== 'restore',
      "An ablation is of the clean run and restores nothing; leave the direction out, or make it 'corrupt'",
    ),
    ['direction'],
  ),
  v.forward(
    v.check(
      ({ ablation, pairs }) =>
        ablation === undefined ||
        pairs.every((pair) => corruptedParts(pair) === undefined && !pair.exchanged),
      "An ablation takes nothing from a corrupted prompt; leave 'corrupted' out of every pair, or the ablation away",
    ),
    ['ablation'],
  ),
);

export type PatchExperiment = Immutable<v.InferOutput<typeof patchExperimentSchema>>;

/** Whether these are the sweeps of a file that names none. */
export const areDefaultSweeps = (sweeps: readonly Sweep[]): boolean =>
  JSON.stringify(sweeps) === JSON.stringify(defaultSweeps);

/** A patch as a file may state it, defaults left out. */
export type PatchExperimentFile = Immutable<v.InferInput<typeof patchExperimentSchema>>;

/**
 * @param value what JSON.parse gave
 * @throws ExperimentError that names the first thing that is wrong
 */
export function readPatchExperiment(value: unknown): PatchExperiment {
  return readVersioned(patchExperimentSchema, value, 'patch', patchVersion);
}
