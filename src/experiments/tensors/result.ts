// The result of a sweep over tensors, as plain data: what was asked, on what it ran, the baselines, and what every cell that has
// arrived measured.

import * as v from 'valibot';
import { type Immutable, readVersioned, wholeNumber } from '../experimentFile.ts';
import { growthOf } from '../growth.ts';
import type { Count, Growth } from '../kind.ts';
import { resultEntries } from '../resultParts.ts';
import { seenSchema } from '../seenPicture.ts';
import { tensorsExperimentSchema } from './experiment.ts';

export const tensorsResultVersion = 1;

/** One entry a draw of the noise; null for what is no number. */
const samples = v.array(v.nullable(v.number()));

const panelSchema = v.strictObject({
  site: v.string(),
  /** The layers' own numbers, and the tensor of each. */
  layers: v.array(v.strictObject({ layer: wholeNumber, tensor: v.string() })),
  /** Where places are patches of the picture: its rows and columns, and the place of the first; those before are none. */
  patches: v.optional(v.strictObject({ rows: wholeNumber, columns: wholeNumber, first: wholeNumber })),
  /** What each place is called. */
  names: v.array(v.string()),
  /** Whether these are tokens. */
  isTokens: v.boolean(),
  /** [layer, place] row-major, null for a cell that has not been computed. */
  cells: v.array(v.nullable(samples)),
});

export const tensorsResultSchema = v.pipe(
  v.strictObject({
    kind: v.literal('tensors-result'),
    version: v.literal(tensorsResultVersion),
    experiment: tensorsExperimentSchema,
    ...resultEntries,
    /** What is measured, in words: `probability of “cat”`. */
    watched: v.string(),
    clean: samples,
    /** Null for an ablation. */
    corrupted: v.nullable(samples),
    /** Standard deviation of the noise that was added. */
    level: v.nullable(v.number()),
    seen: seenSchema,
    /** How many times as wide as high the picture is that the model reads; absent where it is a square, or there is none. */
    aspect: v.optional(v.pipe(v.number(), v.gtValue(0))),
    panels: v.array(panelSchema),
  }),
  v.check(
    ({ panels }) =>
      panels.every(
        ({ layers, names, cells, patches }) =>
          cells.length === layers.length * names.length &&
          (patches === undefined || names.length === patches.first + patches.rows * patches.columns),
      ),
    'Every panel must have a cell for each layer and place, and a patch for each place behind the first',
  ),
);

export type TensorsResult = Immutable<v.InferOutput<typeof tensorsResultSchema>>;

/** @throws ExperimentError that names the first thing that is wrong */
export const readTensorsResult = (value: unknown): TensorsResult =>
  readVersioned(tensorsResultSchema, value, 'tensors-result', tensorsResultVersion);

/** The cells of one layer of a panel. */
export interface LayerCells {
  readonly panel: number;
  /** Place in the panel's list of layers. */
  readonly at: number;
  readonly cells: readonly (readonly (number | null)[])[];
}

export type TensorsChange =
  | { readonly kind: 'started'; readonly result: TensorsResult }
  | ({ readonly kind: 'cells' } & LayerCells);

function withCells(result: TensorsResult, { panel: wanted, at, cells }: LayerCells): TensorsResult {
  return {
    ...result,
    panels: result.panels.map((panel, index) => {
      if (index !== wanted) return panel;
      const from = at * panel.names.length;
      return {
        ...panel,
        cells: panel.cells.map((cell, place) => cells[place - from] ?? cell),
      };
    }),
  };
}

export const tensorsGrowth = (): Growth<TensorsResult, TensorsChange> =>
  growthOf((result, change) =>
    change.kind === 'started' ? change.result : result && withCells(result, change),
  );

export function countTensorCells({ panels }: TensorsResult): Count {
  const cells = panels.flatMap((panel) => panel.cells);
  return { done: cells.filter((cell) => cell !== null).length, total: cells.length };
}

/** Whether a result holds all cells of a layer of a panel. */
export function holdsLayer({ panels }: TensorsResult, panel: number, at: number): boolean {
  const found = panels[panel];
  if (!found) return false;
  const width = found.names.length;
  return found.cells.slice(at * width, (at + 1) * width).every((cell) => cell !== null);
}
