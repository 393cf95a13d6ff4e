// An attribution as figures: its panels, and beside each what patching does, on one scale.

import type { HeatmapDescription, HeatmapPanel } from '../../figures/description.ts';
import { locationsAt } from '../patch/places.ts';
import { panelLayers } from '../patch/result.ts';
import type { AttributionFile } from './result.ts';

/** [layer, column] as [column][layer]. */
const transposed = (values: readonly number[], columns: number, layers: number) =>
  Array.from({ length: columns }, (_, column) =>
    Array.from({ length: layers }, (__, layer) => values[layer * columns + column]),
  );

/** One figure for each component. */
export function attributionFigures(result: AttributionFile): readonly HeatmapDescription[] {
  const { experiment, pairs, model } = result;
  const method = experiment.steps === undefined ? 'gradient' : `gradient over ${experiment.steps} steps`;
  return result.panels.map((panel) => {
    const columns = (panel.heads ?? panel.positions).length;
    const layerCount = panelLayers(result, panel);
    const drawn = (title: string, values: readonly number[]): HeatmapPanel => ({
      title,
      colours: 'rdBu',
      values: transposed(values, columns, layerCount),
      axisTitle: 'one layer',
    });
    const { correlation } = panel;
    const agreement =
      typeof correlation === 'number' ? ` Correlation with patching ${correlation.toFixed(3)}.` : '';
    const difference = pairs.every(({ distractor }) => distractor);
    return {
      title: `What patching ${panel.component} would do, and does`,
      caption: `${model.label}. ${pairs.length === 1 ? 'One pair' : `Mean over ${pairs.length} pairs`}; ${method}.${agreement}`,
      panels: [
        drawn('Attribution', panel.attributions),
        ...(panel.patched ? [drawn('Patching', panel.patched)] : []),
      ],
      locations: panel.heads
        ? { kind: 'head', heads: panel.heads }
        : locationsAt(result, panel, panel.positions),
      layers: Array.from({ length: layerCount }, (_, layer) => layer),
      metric: {
        name: difference
          ? 'change of the logit of the answer minus that of the distractor'
          : 'change of the logit of the answer',
        shortName: 'change',
        digits: 2,
      },
      orientation: 'layers-down',
      midpoint: 0,
    };
  });
}
