// A result seen as grids: means over the draws of the noise, and how far each cell goes from one baseline to the other.

import { csvText } from '../csv.ts';
import type { TensorsResult } from './result.ts';

export interface Cell {
  readonly mean: number;
  /** Null of one sample. */
  readonly sd: number | null;
}

/** What is null is no number. */
export function cellOf(samples: readonly (number | null)[]): Cell {
  const values = samples.map((value) => value ?? Number.NaN);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return { mean, sd: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (values.length - 1)) };
}

type Panel = TensorsResult['panels'][number];

/** [layer][place]; undefined for a cell that has not been computed. */
export const panelGrid = ({ layers, names, cells }: Panel): readonly (readonly (Cell | undefined)[])[] =>
  layers.map((_, at) =>
    cells
      .slice(at * names.length, (at + 1) * names.length)
      .map((samples) => (samples ? cellOf(samples) : undefined)),
  );

export interface TensorsBaselines {
  readonly clean: Cell;
  readonly corrupted: Cell | null;
}

export const baselinesOf = ({ clean, corrupted }: TensorsResult): TensorsBaselines => ({
  clean: cellOf(clean),
  corrupted: corrupted && cellOf(corrupted),
});

/**
 * What a cell's effect is measured in: the way from the run that cells start from to the other one, or, of an ablation, its
 * share of the largest change.
 */
export function effectOf(result: TensorsResult): (mean: number) => number {
  const { clean, corrupted } = baselinesOf(result);
  if (!corrupted) {
    const means = result.panels
      .flatMap((panel) => panelGrid(panel).flat())
      .map((cell) => cell?.mean ?? clean.mean);
    const changes = means.map((mean) => Math.abs(mean - clean.mean)).filter(Number.isFinite);
    const most = Math.max(0, ...changes);
    return (mean) => (most === 0 ? 0 : (mean - clean.mean) / most);
  }
  const range = clean.mean - corrupted.mean;
  return result.experiment.direction === 'corrupt'
    ? (mean) => (clean.mean - mean) / range
    : (mean) => (mean - corrupted.mean) / range;
}

/** Comma-separated values, a line a computed cell; the baselines come first. */
export function tensorsCsv(result: TensorsResult): string {
  const { clean, corrupted } = baselinesOf(result);
  const numbers = ({ mean, sd }: Cell, count: number) => [
    String(count),
    String(mean),
    sd === null ? '' : String(sd),
  ];
  const head = ['site', 'layer', 'tensor', 'place', 'name', 'samples', 'mean', 'sd'];
  const lines = [
    ['clean', '', '', '', '', ...numbers(clean, result.clean.length)],
    ...(corrupted
      ? [['corrupted', '', '', '', '', ...numbers(corrupted, result.corrupted?.length ?? 0)]]
      : []),
  ];
  for (const panel of result.panels)
    for (const [at, cells] of panelGrid(panel).entries())
      for (const [place, cell] of cells.entries()) {
        const layer = panel.layers[at];
        const samples = panel.cells[at * panel.names.length + place]?.length ?? 0;
        if (cell && layer)
          lines.push([
            panel.site,
            String(layer.layer),
            layer.tensor,
            String(place),
            panel.names[place] ?? '',
            ...numbers(cell, samples),
          ]);
      }
  return csvText([head, ...lines]);
}
