// Effect and cost of a sweep over the strength, a line for each of a few layers, beside random directions.

import type { Line, LinesPanel } from '../../figures/linesDescription.ts';
import type { ShownFigure } from '../shown.ts';
import { type CellMeasures, measureCell } from './cells.ts';
import { editName, sweptEdit } from './experiment.ts';
import type { SteerResult } from './result.ts';

const panels = [
  { title: 'Effect', yTitle: 'towards less away (nats)', measure: 'effect' },
  { title: 'Divergence', yTitle: 'from the unsteered model (nats a token)', measure: 'divergence' },
  { title: 'Surprise', yTitle: 'of the unsteered model (nats a token)', measure: 'surprise' },
  { title: 'Repetition', yTitle: 'share of repeated pairs of tokens', measure: 'repetition' },
] as const satisfies readonly { title: string; yTitle: string; measure: keyof CellMeasures }[];

/** A line each is told apart by its ink. */
const inks = [0, 1, 2, 3] as const;
const fewestStrengths = 4;

/** None where strengths are few or negative, the axis beginning at 0, or layers many: maps show those. */
export function strengthFigures(result: SteerResult): readonly ShownFigure[] {
  const { sweep, experiment, model } = result;
  if (!sweep || !experiment.sweep) return [];
  const { layers, strengths, random } = experiment.sweep;
  if (strengths.length < fewestStrengths || strengths.some((x) => x < 0) || layers.length > inks.length)
    return [];
  const edit = sweptEdit(experiment);
  const order = [...strengths.keys()].sort((a, b) => (strengths[a] ?? 0) - (strengths[b] ?? 0));
  const drawn = panels.flatMap(({ measure, ...titles }): LinesPanel[] => {
    const lineOf = (layer: number, of: 'vector' | 'random'): Line => {
      const points = order.flatMap((strength): (readonly [number, number])[] => {
        const cell = sweep[layer]?.[strength];
        const mean = cell && measureCell(cell, of)[measure]?.mean;
        return mean === undefined ? [] : [[strengths[strength] ?? 0, mean]];
      });
      const name = of === 'vector' ? `layer ${layers[layer]}` : `random at layer ${layers[layer]}`;
      return {
        name,
        points,
        ink: inks[layer] ?? 0,
        isLabelled: true,
        ...(of === 'random' ? { weight: 'thin', dash: 'dashed' } : {}),
      };
    };
    const lines = layers.flatMap((_, layer) => [
      lineOf(layer, 'vector'),
      ...(random > 0 ? [lineOf(layer, 'random')] : []),
    ]);
    return lines.some(({ points }) => points.length > 1) ? [{ ...titles, lines }] : [];
  });
  if (drawn.length === 0) return [];
  return [
    {
      kind: 'lines',
      name: 'strengths',
      description: {
        title: `What “${editName(edit)}” reaches and costs by its strength`,
        caption: `${model.label}. Means over the prompts and seeds.`,
        xTitle: `strength (${edit.unit})`,
        panels: drawn,
      },
    },
  ];
}
