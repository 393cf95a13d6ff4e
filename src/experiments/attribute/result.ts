// The result of attribution patching: for each component a panel of attributions, and beside it, when asked, of the patches
// that they predict. Its panels are those of a patch, so that the two can be laid side by side. While it grows it holds
// what each pair gave, because a mean has to be taken over all of them in their order to come out the same each time.

import * as v from 'valibot';
import { csvText } from '../csv.ts';
import { type Immutable, readVersioned, tokenId, wholeNumber } from '../experimentFile.ts';
import type { Count } from '../kind.ts';
import { placeWords } from '../patch/places.ts';
import { countPatchCells, inputSchema, panelLayers, patchResultSchema } from '../patch/result.ts';
import { namedSchema, resultEntries } from '../resultParts.ts';
import { attributeExperimentSchema } from './experiment.ts';

/** The newest; 2 adds what a model reads beside its tokens, 3 the picture that this is about where it is a question. */
export const attributionResultVersion = 3;

/** [layer, column] row-major, in logits: what patching the cell would add to the metric, or has added. */
const effects = v.array(v.number());

const attributionPanelSchema = v.strictObject({
  component: v.string(),
  by: v.picklist(['position', 'head']),
  /** Columns of a panel by head. */
  heads: v.optional(v.array(tokenId)),
  /** Columns of a panel by position. */
  positions: v.array(tokenId),
  /** Of its stack, where the model has two; else all. */
  layerCount: v.optional(wholeNumber),
  /** Its positions are places among the input's columns, or those of the source. */
  isOfInput: v.optional(v.literal(true)),
  /** Its positions are places among the picture's columns. */
  isOfPicture: v.optional(v.literal(true)),
  /** Mean over pairs; empty until all have arrived. */
  attributions: effects,
  /** Mean over pairs of what patching does. */
  patched: v.optional(effects),
  /** Pearson's, of the two, over cells; null where one is the same everywhere. */
  correlation: v.optional(v.nullable(v.number())),
});

/** The metric of the two runs, and attributions of each component: [layers, positions] or [layers, positions, heads]. */
const pairSchema = v.strictObject({
  clean: v.number(),
  corrupted: v.number(),
  attributions: v.array(v.strictObject({ shape: v.array(wholeNumber), values: v.array(v.number()) })),
});

export const attributionResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('attribution-result'),
    version: v.picklist([1, 2, attributionResultVersion]),
    experiment: attributeExperimentSchema,
    ...resultEntries,
    pairs: v.array(
      v.strictObject({
        clean: v.array(namedSchema),
        corrupted: v.array(namedSchema),
        /** Of a model of two stacks that reads text: the tokens that its encoder reads. */
        source: v.optional(v.array(namedSchema)),
        corruptedSource: v.optional(v.array(namedSchema)),
        answer: namedSchema,
        distractor: v.optional(namedSchema),
      }),
    ),
    input: v.optional(inputSchema),
    /** Of questions: the picture that the first one is about. */
    picture: v.optional(inputSchema),
    layerCount: wholeNumber,
    /**
     * The metric of the two runs, mean over pairs: logit of the answer, minus that of the distractor where there is one.
     * Null until all pairs have arrived.
     */
    baselines: v.nullable(v.strictObject({ clean: v.number(), corrupted: v.number() })),
    panels: v.array(attributionPanelSchema),
    /** What has arrived of a result that is not whole: of each pair, and of the patch. */
    unfinished: v.optional(
      v.strictObject({ pairs: v.array(v.nullable(pairSchema)), patch: v.nullable(patchResultSchema) }),
    ),
  }),
  v.check(
    ({ pairs, unfinished }) => unfinished === undefined || unfinished.pairs.length === pairs.length,
    'What is not finished must have an entry for each pair',
  ),
  v.check(
    ({ baselines, unfinished }) => baselines !== null || unfinished !== undefined,
    'A result that is whole must have baselines',
  ),
);

export type AttributionFile = Immutable<v.InferOutput<typeof attributionResultSchema>>;
export type AttributedPair = Immutable<v.InferOutput<typeof pairSchema>>;

/** @throws ExperimentError that names the first thing that is wrong */
export function readAttributionResult(value: unknown): AttributionFile {
  return readVersioned(attributionResultSchema, value, 'attribution-result', attributionResultVersion);
}

/** Pairs and, where they are compared with, patched cells: what has arrived, and all. */
export function countAttributions({
  pairs,
  panels,
  layerCount,
  experiment,
  unfinished,
}: AttributionFile): Count {
  const cells = panels.reduce(
    (sum, panel) => sum + (panel.heads ?? panel.positions).length * panelLayers({ layerCount }, panel),
    0,
  );
  const total = pairs.length + (experiment.compare ? cells : 0);
  if (!unfinished) return { done: total, total };
  const patched = unfinished.patch ? countPatchCells(unfinished.patch).done : 0;
  return { done: unfinished.pairs.filter((pair) => pair !== null).length + patched, total };
}

/** One line a cell: panel, layer, head, position, token (where there is one pair), attribution, and what patching does. */
export function attributionCsv(result: AttributionFile): string {
  const lines = result.panels.flatMap((panel) => {
    const { component, heads, positions, attributions, patched } = panel;
    const columns = heads
      ? heads.map((head) => [String(head), '', ''])
      : positions.map((place) => {
          const { position, text, isOfMany } = placeWords(result, panel, place);
          return ['', String(position), isOfMany ? '' : text];
        });
    return attributions.map((value, index) => {
      const layer = String(Math.floor(index / columns.length));
      const column = columns[index % columns.length] ?? [];
      return [component, layer, ...column, String(value), String(patched?.[index] ?? '')];
    });
  });
  return csvText([['panel', 'layer', 'head', 'position', 'token', 'attribution', 'patched'], ...lines]);
}
