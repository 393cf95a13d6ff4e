// An attribution as figures: its panels, and beside each what patching does, on one scale.

import type { HeatmapDescription, HeatmapPanel, Locations } from '../../figures/description.ts';
import type { AttributionFile } from './result.ts';

type Panel = AttributionFile['panels'][number];

/** [layer, column] as [column][layer]. */
const turned = (values: readonly number[], columns: number, layers: number) =>
  Array.from({ length: columns }, (_, column) =>
    Array.from({ length: layers }, (__, layer) => values[layer * columns + column]),
  );

function locationsOf({ pairs }: AttributionFile, { heads, positions }: Panel): Locations {
  if (heads) return { kind: 'head', heads };
  const tokens = positions.map((position) => {
    const texts = [...new Set(pairs.map(({ clean }) => clean[position]?.text ?? ''))];
    const isCorrupted = pairs.some(({ clean, corrupted }) => corrupted[position]?.id !== clean[position]?.id);
    return {
      text: texts.length > 1 ? `${texts[0]}…` : (texts[0] ?? ''),
      ...(isCorrupted ? { isCorrupted } : {}),
    };
  });
  return { kind: 'position', tokens };
}

/** One figure for each component. */
export function attributionFigures(result: AttributionFile): readonly HeatmapDescription[] {
  const { layerCount, experiment, pairs, model } = result;
  const method = experiment.steps === undefined ? 'gradient' : `gradient over ${experiment.steps} steps`;
  return result.panels.map((panel) => {
    const columns = (panel.heads ?? panel.positions).length;
    const drawn = (title: string, values: readonly number[]): HeatmapPanel => ({
      title,
      colours: 'rdBu',
      values: turned(values, columns, layerCount),
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
      locations: locationsOf(result, panel),
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
