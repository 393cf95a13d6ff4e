// What the headless runner makes of an attribution: a table, figures, and how well it foretells patching.

import { attributionFigures } from '../experiments/attribute/figure.ts';
import {
  type AttributionFile,
  attributionCsv,
  readAttributionResult,
} from '../experiments/attribute/result.ts';
import { layoutHeatmap } from '../figures/heatmap.ts';
import { heatmapSvg } from '../figures/svg.ts';
import type { ResultKind } from './experimentRun.ts';

/** The strongest cells of a panel, as lines. */
function strongest({
  attributions,
  patched,
  heads,
  positions,
  component,
  correlation,
}: AttributionFile['panels'][number]) {
  const columns = heads ?? positions;
  const order = attributions
    .map((_, index) => index)
    .sort((a, b) => Math.abs(attributions[b] ?? 0) - Math.abs(attributions[a] ?? 0));
  const number = (x: number | undefined) => (x === undefined ? '' : x.toFixed(3).padStart(9));
  const agreement =
    typeof correlation === 'number' ? `, correlation with patching ${correlation.toFixed(3)}` : '';
  return [
    `${component}${agreement}`,
    `layer  ${heads ? 'head    ' : 'position'}  attribution${patched ? '  patching' : ''}`,
    ...order.slice(0, 6).map((index) => {
      const layer = String(Math.floor(index / columns.length)).padStart(5);
      const column = String(columns[index % columns.length]).padStart(8);
      return `${layer}  ${column}    ${number(attributions[index])} ${number(patched?.[index])}`;
    }),
  ];
}

export const attributeResults: ResultKind<AttributionFile> = {
  read: readAttributionResult,
  isOwn: (result): result is AttributionFile => result.kind === 'attribution-result',
  // It is written when it is whole.
  isComplete: () => true,
  count: ({ panels }) => {
    const total = panels.reduce((sum, { attributions }) => sum + attributions.length, 0);
    return { done: total, total };
  },
  files: (result) => ({
    'cells.csv': attributionCsv(result),
    ...Object.fromEntries(
      attributionFigures(result).map((figure, index) => [
        index === 0 ? 'figure.svg' : `figure-${index + 1}.svg`,
        heatmapSvg(layoutHeatmap(figure, { width: 1200, theme: 'print' })),
      ]),
    ),
  }),
  print: (result) => {
    const { clean, corrupted } = result.baselines;
    const metric = result.pairs.every(({ distractor }) => distractor)
      ? 'logit difference'
      : 'logit of the answer';
    console.log(`Change of the ${metric}: clean ${clean.toFixed(3)}, corrupted ${corrupted.toFixed(3)}\n`);
    console.log(result.panels.map((panel) => strongest(panel).join('\n')).join('\n\n'));
  },
};
