// Effect and cost of a sweep over the strength: a line for each of a few layers with the spread of its texts, beside random
// directions.

import type { Line, LinesDescription, LinesPanel } from '../../figures/linesDescription.ts';
import type { ShownFigure } from '../shown.ts';
import { type CellMeasures, measureCell } from './cells.ts';
import { editName, sweptEdit } from './experiment.ts';
import type { SteerResult } from './result.ts';

const panels = [
  { title: 'Effect', yTitle: 'towards less away (nats)', measure: 'effect' },
  { title: 'Divergence', yTitle: 'from the unsteered model (nats a token)', measure: 'divergence', least: 0 },
  { title: 'Surprise', yTitle: 'of the unsteered model (nats a token)', measure: 'surprise', least: 0 },
  { title: 'Repetition', yTitle: 'share of repeated pairs of tokens', measure: 'repetition', least: 0 },
] as const satisfies readonly {
  title: string;
  yTitle: string;
  measure: keyof CellMeasures;
  least?: number;
}[];

/** A line each is told apart by its ink. */
const inks = [0, 1, 2, 3] as const;
const fewestStrengths = 3;

/**
 * @param places of the layers in the sweep's list, four at most: each has an ink
 * @returns null without a sweep, of fewer than three strengths, and before two cells of a layer have arrived
 */
export function strengthLines(result: SteerResult, places: readonly number[]): LinesDescription | null {
  const { sweep, experiment, model } = result;
  if (!sweep || !experiment.sweep) return null;
  const { layers, strengths, random } = experiment.sweep;
  if (strengths.length < fewestStrengths || places.length > inks.length) return null;
  const edit = sweptEdit(experiment);
  const order = [...strengths.keys()].sort((a, b) => (strengths[a] ?? 0) - (strengths[b] ?? 0));
  let hasSpread = false;
  const drawn = panels.flatMap(({ measure, ...titles }): LinesPanel[] => {
    const lineOf = (place: number, of: 'vector' | 'random'): Line => {
      const measured = order.flatMap((strength) => {
        const cell = sweep[place]?.[strength];
        const found = cell && measureCell(cell, of)[measure];
        return found ? [{ x: strengths[strength] ?? 0, ...found }] : [];
      });
      const spread = measured.map(({ standardDeviation }) => standardDeviation);
      if (spread.some((half) => half !== null)) hasSpread = true;
      return {
        name: of === 'vector' ? `layer ${layers[place]}` : `random at layer ${layers[place]}`,
        points: measured.map(({ x, mean }) => [x, mean]),
        spread,
        ink: inks[places.indexOf(place)] ?? 0,
        isLabelled: true,
        hasDots: true,
        ...(of === 'random' ? { weight: 'thin', dash: 'dashed' } : {}),
      };
    };
    const lines = places.flatMap((place) => [
      lineOf(place, 'vector'),
      ...(random > 0 ? [lineOf(place, 'random')] : []),
    ]);
    return lines.some(({ points }) => points.length > 1) ? [{ ...titles, lines }] : [];
  });
  if (drawn.length === 0) return null;
  return {
    title: `What “${editName(edit)}” reaches and costs by its strength`,
    caption: `${model.label}. Means over the texts of a cell${hasSpread ? '; a band is one standard deviation of them to either side' : ''}.`,
    xTitle: `strength (${edit.unit})`,
    xKind: 'measure',
    panels: drawn,
  };
}

/** None where layers are many: maps show those. */
export function strengthFigures(result: SteerResult): readonly ShownFigure[] {
  const description = strengthLines(result, [...(result.experiment.sweep?.layers ?? []).keys()]);
  return description === null ? [] : [{ kind: 'lines', name: 'strengths', description }];
}
