// The result of a patch, or of path patching, as plain data: what was asked, on what it ran, the baselines, and the
// measurements of every cell that has arrived. It can be written to a file, read back, drawn, and completed by a later run.

import * as v from 'valibot';
import type { Model } from '../../runtime/model.ts';
import { type Immutable, readVersioned, tokenId, wholeNumber } from '../experimentFile.ts';
import { metricOf, samplesSchema, statisticOf } from '../metrics.ts';
import type { Notice } from '../notice.ts';
import { patchExperimentSchema } from './experiment.ts';
import { columnAt, columnCount, hasCell, type PatchCell } from './outline.ts';
import { pathExperimentSchema } from './pathExperiment.ts';
import type { ResolvedPatch } from './resolve.ts';
import {
  type FinishedCell,
  type PatchBaselines,
  type PreparedPatch,
  type PrepareOptions,
  preparePatch,
  type RunPatchOptions,
  runPatch,
} from './run.ts';

export const patchResultVersion = 1;

const named = v.strictObject({ id: tokenId, text: v.string() });
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
  /** [layer, column] row-major, null for a cell that has not been computed. Columns are positions, heads, or positions of one head after the other. */
  cells: v.array(v.nullable(samplesSchema)),
});

export const patchResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('patch-result'),
    version: v.literal(patchResultVersion),
    experiment: v.variant('kind', [patchExperimentSchema, pathExperimentSchema]),
    model: v.strictObject({ label: v.string(), modelType: v.string(), parameterCount: v.number() }),
    backend: v.strictObject({ kind: v.picklist(['webgpu', 'wasm', 'node']), description: v.string() }),
    pairs: v.array(
      v.strictObject({
        clean: v.array(named),
        corrupted: v.optional(v.array(named)),
        answer: named,
        distractor: v.optional(named),
      }),
    ),
    direction: v.picklist(['denoise', 'noise']),
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
    notices: v.array(v.strictObject({ code: v.string(), text: v.string() })),
  }),
  v.check(
    ({ panels, layerCount }) =>
      panels.every((panel) => panel.cells.length === layerCount * columnCount(panel)),
    'Every panel must have a cell for each layer and column',
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

/** Below this share of the clean probability's fall, a corrupted prompt has hardly corrupted. */
const weakFall = 0.2;

function contrastNotices({ clean, corrupted }: PatchBaselines): readonly Notice[] {
  if (!corrupted) return [];
  const high = statisticOf(metricOf(clean, 'probability')).mean;
  const low = statisticOf(metricOf(corrupted, 'probability')).mean;
  if (low < high * (1 - weakFall)) return [];
  const percent = (p: number) => `${(p * 100).toFixed(1)} %`;
  return [
    {
      code: 'weak-corruption',
      text: `The corrupted prompt hardly lowers the probability of the answer (${percent(high)} to ${percent(low)}), so there is little between the two runs to find. Change what the answer hangs on.`,
    },
  ];
}

function startPanels({ panels }: PreparedPatch, layerCount: number): PatchResult['panels'] {
  return panels.map((panel) => ({
    component: panel.component,
    by: panel.by,
    window: panel.window,
    ...(panel.heads ? { heads: panel.heads } : {}),
    positions: panel.positions,
    ...(panel.kind === 'path' ? { receiver: panel.receiver } : {}),
    ...(panel.kind === 'path' && panel.senders ? { senders: panel.senders } : {}),
    cells: new Array(layerCount * columnCount(panel)).fill(null),
  }));
}

/** A result without cells. */
export function startResult(model: Model, patch: PreparedPatch, baselines: PatchBaselines): PatchResult {
  const { architecture, backend } = model;
  const { ablation } = patch;
  const tokens = (ids: readonly number[], texts: readonly string[] = []) =>
    ids.map((id, index) => ({ id, text: texts[index] ?? '' }));
  const plain = ({ id, text }: { readonly id: number; readonly text: string }) => ({ id, text });
  return {
    kind: 'patch-result',
    version: patchResultVersion,
    experiment: patch.experiment,
    model: { label: model.label, modelType: architecture.modelType, parameterCount: model.parameterCount },
    backend: { kind: backend.kind, description: backend.description },
    pairs: patch.pairs.map(({ clean, cleanTexts, corrupted, corruptedTexts, answer, distractor }) => ({
      clean: tokens(clean, cleanTexts),
      ...(corrupted ? { corrupted: tokens(corrupted, corruptedTexts) } : {}),
      answer: plain(answer),
      ...(distractor ? { distractor: plain(distractor) } : {}),
    })),
    direction: patch.direction,
    ...(ablation?.kind === 'mean' ? { meanOver: ablation.over } : {}),
    ...(ablation?.kind === 'resample' ? { drawn: ablation.drawn } : {}),
    layerCount: architecture.layerCount,
    clean: baselines.clean,
    corrupted: baselines.corrupted,
    panels: startPanels(patch, architecture.layerCount),
    notices: [...patch.notices, ...contrastNotices(baselines)],
  };
}

/** Place of a cell in its panel's list; -1 when the result has no such cell. */
export function cellIndex(result: PatchResult, { panel, layer, column }: PatchCell): number {
  const found = result.panels[panel];
  const columns = found ? columnCount(found) : 0;
  return column >= columns || layer >= result.layerCount ? -1 : layer * columns + column;
}

/** The result with these cells in it; the given one stays as it is. */
export function addCells(result: PatchResult, cells: readonly FinishedCell[]): PatchResult {
  const lists = result.panels.map((panel) => [...panel.cells]);
  for (const { samples, ...cell } of cells) {
    const index = cellIndex(result, cell);
    const list = lists[cell.panel];
    if (list && index >= 0) list[index] = samples;
  }
  return {
    ...result,
    panels: result.panels.map((panel, index) => ({ ...panel, cells: lists[index] ?? panel.cells })),
  };
}

/** Cells that have arrived, and all that there will be. */
export function countPatchCells({ panels }: PatchResult): { readonly done: number; readonly total: number } {
  const wanted = panels.flatMap((panel) => {
    const columns = columnCount(panel);
    return panel.cells.filter((_, index) =>
      hasCell(panel, Math.floor(index / columns), columnAt(panel, index % columns)),
    );
  });
  return { done: wanted.filter((samples) => samples !== null).length, total: wanted.length };
}

/** Whether every cell that the experiment asks for is there. */
export function isPatchComplete(result: PatchResult): boolean {
  const { done, total } = countPatchCells(result);
  return done === total;
}

export interface PatchOptions extends Omit<RunPatchOptions, 'isDone'> {
  /** A result of the same experiment on the same model to go on from. */
  readonly earlier?: PatchResult;
}

/**
 * Run a prepared patch, and yield the whole result as it grows: once with the baselines alone, then after every batch.
 * @throws the signal's reason when it is aborted; the result that was yielded last can be given as `earlier`
 */
export async function* growPatch(
  model: Model,
  patch: PreparedPatch,
  { earlier, ...options }: PatchOptions = {},
): AsyncGenerator<PatchResult, void> {
  const isDone = (cell: PatchCell): boolean => {
    const index = earlier ? cellIndex(earlier, cell) : -1;
    return index >= 0 && (earlier?.panels[cell.panel]?.cells[index] ?? null) !== null;
  };
  let result: PatchResult | undefined;
  for await (const update of runPatch(model, patch, { ...options, isDone })) {
    if (update.kind === 'baselines') {
      const started = startResult(model, patch, update);
      result = earlier ? { ...started, panels: earlier.panels } : started;
    } else if (result) {
      result = addCells(result, update.cells);
    }
    if (result) yield result;
  }
}

/** Prepare and run a resolved patch to its end. */
export async function completePatch(
  model: Model,
  patch: ResolvedPatch,
  { textOf, ...options }: PatchOptions & PrepareOptions = {},
): Promise<PatchResult> {
  const { signal } = options;
  const preparation = { ...(signal ? { signal } : {}), ...(textOf ? { textOf } : {}) };
  let result: PatchResult | undefined;
  const prepared = await preparePatch(model, patch, preparation);
  for await (const grown of growPatch(model, prepared, options)) result = grown;
  if (!result) throw new Error('A patch ended without a result.');
  return result;
}
