// The result of a patch, or of path patching, as plain data: what was asked, on what it ran, the baselines, and the
// measurements of every cell that has arrived. It can be written to a file, read back, drawn, and completed by a later run.

import * as v from 'valibot';
import { type CellChange, countCells, type Finished } from '../cellRun.ts';
import { directionSchema } from '../direction.ts';
import { type Immutable, readVersioned, tokenId, wholeNumber } from '../experimentFile.ts';
import { growthOf } from '../growth.ts';
import type { Count, Growth } from '../kind.ts';
import { joinSamples, type Samples, samplesSchema } from '../metrics.ts';
import { namedSchema, resultEntries } from '../resultParts.ts';
import { seenSchema } from '../seenPicture.ts';
import { patchExperimentSchema } from './experiment.ts';
import { columnAt, columnCount, hasCell, type PatchCell, type PatchPart } from './outline.ts';
import { pathExperimentSchema } from './pathExperiment.ts';

/**
 * The newest; 2 adds what a model reads beside its tokens, 3 the picture that this is about where it is a question, 4 layers
 * that were computed in float16.
 */
export const patchResultVersion = 4;

/** The first version that has what a result's prompts read. */
export function versionOfInput({ input, picture }: Pick<PatchResult, 'input' | 'picture'>): 1 | 2 | 3 {
  if (picture) return 3;
  return input ? 2 : 1;
}

/** The first version that has what a result holds. */
export const versionFor = (
  result: Pick<PatchResult, 'input' | 'picture' | 'precision'>,
): PatchResult['version'] => (result.precision ? patchResultVersion : versionOfInput(result));

const headName = v.strictTuple([tokenId, tokenId]);

const panelSchema = v.strictObject({
  /** What a cell edits; with a receiver, what the sender gives. */
  component: v.string(),
  by: v.picklist(['position', 'head', 'head-position']),
  window: wholeNumber,
  heads: v.optional(v.array(tokenId)),
  /** Columns, but for a sweep by head: there, what is patched together. */
  positions: v.union([v.picklist(['all', 'last']), v.array(tokenId)]),
  /** Of path patching. */
  receiver: v.optional(v.strictObject({ component: v.string(), heads: v.optional(v.array(headName)) })),
  /** Heads that have a cell; absent: all. */
  senders: v.optional(v.array(headName)),
  /** Of its stack, where the model has two; else all. */
  layerCount: v.optional(wholeNumber),
  /** Its positions are places among the input's columns, or those of the source. */
  isOfInput: v.optional(v.literal(true)),
  /** Its positions are places among the picture's columns. */
  isOfPicture: v.optional(v.literal(true)),
  /** [layer, column] row-major, null for a cell that has not been computed. Columns are positions, heads, or positions of one head after the other. */
  cells: v.array(v.nullable(samplesSchema)),
});

const partSchema = v.strictObject({
  panel: wholeNumber,
  layer: wholeNumber,
  column: wholeNumber,
  from: wholeNumber,
  samples: samplesSchema,
});

/** What the model reads beside the tokens that it predicts from, or in place of them: the columns of the first pair. */
export const inputSchema = v.strictObject({
  kind: v.picklist(['text', 'image', 'sound']),
  /** None for sources of several lengths. */
  columns: v.array(
    v.strictObject({
      /** A token's text, or which part of a picture or a sound it is. */
      text: v.string(),
      positions: v.pipe(v.array(tokenId), v.minLength(1)),
    }),
  ),
  /** Positions in which the corrupted picture or sound of some pair differs, where a part of it is named. */
  corrupted: v.optional(v.array(tokenId)),
  /** The columns of a picture but the first, row by row. */
  grid: v.optional(v.strictObject({ across: wholeNumber, down: wholeNumber })),
  seen: seenSchema,
});

/** Layers that a panel has cells at. */
export const panelLayers = (
  { layerCount }: { readonly layerCount: number },
  panel: { readonly layerCount?: number | undefined },
): number => panel.layerCount ?? layerCount;

type Part = Immutable<v.InferOutput<typeof partSchema>>;

export const patchResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('patch-result'),
    version: v.picklist([1, 2, 3, patchResultVersion]),
    experiment: v.variant('kind', [patchExperimentSchema, pathExperimentSchema]),
    ...resultEntries,
    pairs: v.array(
      v.strictObject({
        clean: v.array(namedSchema),
        corrupted: v.optional(v.array(namedSchema)),
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
    direction: directionSchema,
    /** Of a mean ablation. */
    meanOver: v.optional(v.picklist(['each position', 'all positions'])),
    /** Of a resample ablation: for each pair, places in its list of prompts. */
    drawn: v.optional(v.array(v.array(wholeNumber))),
    layerCount: wholeNumber,
    /** One sample a pair. */
    clean: samplesSchema,
    /** One sample a pair; null for an ablation. */
    corrupted: v.nullable(samplesSchema),
    panels: v.array(panelSchema),
    /** Of cells that have not arrived in all pairs: the samples from the pair, or the draw, at this place on. */
    parts: v.optional(v.array(partSchema)),
  }),
  v.check(
    (result) =>
      result.panels.every((panel) => panel.cells.length === panelLayers(result, panel) * columnCount(panel)),
    'Every panel must have a cell for each layer and column',
  ),
  v.check(
    ({ panels, experiment }) =>
      panels.every(({ receiver }) => (receiver !== undefined) === (experiment.kind === 'path')),
    "A result of kind 'path' has panels of receivers, one of kind 'patch' has panels of sweeps",
  ),
  v.check(
    ({ panels, parts = [], ...result }) =>
      parts.every(({ panel, layer, column }) => {
        const found = panels[panel];
        return found !== undefined && layer < panelLayers(result, found) && column < columnCount(found);
      }),
    'Every part must be of a cell that a panel has',
  ),
  v.check(
    ({ pairs, clean, corrupted }) =>
      pairs.length > 0 && [clean, corrupted ?? clean].every(({ rank }) => rank.length === pairs.length),
    'Each baseline must have a sample for each pair, and there must be a pair',
  ),
);

export type PatchResult = Immutable<v.InferOutput<typeof patchResultSchema>>;

/** @throws ExperimentError that names the first thing that is wrong */
export function readPatchResult(value: unknown): PatchResult {
  return readVersioned(patchResultSchema, value, 'patch-result', patchResultVersion);
}

/** Place of a cell in its panel's list; -1 when the result has no such cell. */
export function cellIndex(result: PatchResult, { panel, layer, column }: PatchCell): number {
  const found = result.panels[panel];
  const columns = found ? columnCount(found) : 0;
  const layers = found ? panelLayers(result, found) : 0;
  return column >= columns || layer >= layers ? -1 : layer * columns + column;
}

/** Samples of a whole cell: one for each pair, or each draw of an ablation. */
const samplesOfCell = ({ pairs, drawn }: PatchResult): number =>
  drawn ? drawn.reduce((sum, { length }) => sum + length, 0) : pairs.length;

const keyOf = ({ panel, layer, column }: PatchCell): string => `${panel} ${layer} ${column}`;

/** The samples of a cell whose parts are all there; undefined while some are missing. */
function joined(parts: readonly Part[], total: number): Samples | undefined {
  const inOrder = parts.toSorted((a, b) => a.from - b.from);
  let next = 0;
  for (const { from, samples } of inOrder) {
    if (from !== next) return undefined;
    next += samples.rank.length;
  }
  return next === total ? joinSamples(inOrder.map(({ samples }) => samples)) : undefined;
}

/** The result with these cells, or parts of cells, in it; the given one stays as it is. */
export function addCells(result: PatchResult, cells: readonly Finished<PatchPart>[]): PatchResult {
  const lists = result.panels.map((panel) => [...panel.cells]);
  const total = samplesOfCell(result);
  const { parts: before = [], ...rest } = result;
  const waiting = new Map<string, readonly Part[]>();
  for (const part of before) waiting.set(keyOf(part), [...(waiting.get(keyOf(part)) ?? []), part]);
  for (const part of cells) {
    const key = keyOf(part);
    const own = [...(waiting.get(key) ?? []).filter(({ from }) => from !== part.from), part];
    const whole = joined(own, total);
    if (whole) {
      waiting.delete(key);
      const list = lists[part.panel];
      const index = cellIndex(result, part);
      if (list && index >= 0) list[index] = whole;
    } else waiting.set(key, own);
  }
  const parts = [...waiting.values()].flat();
  return {
    ...rest,
    panels: result.panels.map((panel, index) => ({ ...panel, cells: lists[index] ?? panel.cells })),
    ...(parts.length > 0 ? { parts } : {}),
  };
}

/** Whether a result holds a cell, or the part of it that begins at a case. */
export function holdsCell(result: PatchResult, cell: PatchCell, from?: number): boolean {
  const index = cellIndex(result, cell);
  if (index >= 0 && (result.panels[cell.panel]?.cells[index] ?? null) !== null) return true;
  const key = keyOf(cell);
  return (result.parts ?? []).some((part) => part.from === from && keyOf(part) === key);
}

/** Cells that have arrived, and all that there will be. */
export function countPatchCells({ panels }: PatchResult): Count {
  const wanted = panels.flatMap((panel) => {
    const columns = columnCount(panel);
    return panel.cells.filter((_, index) =>
      hasCell(panel, Math.floor(index / columns), columnAt(panel, index % columns)),
    );
  });
  return countCells(wanted);
}

/** Whether every cell that the experiment asks for is there. */
export function isPatchComplete(result: PatchResult): boolean {
  const { done, total } = countPatchCells(result);
  return done === total;
}

export type PatchChange = CellChange<PatchResult, PatchPart>;

export const patchGrowth = (): Growth<PatchResult, PatchChange> =>
  growthOf((result, change) =>
    change.kind === 'started' ? change.result : result && addCells(result, change.cells),
  );
