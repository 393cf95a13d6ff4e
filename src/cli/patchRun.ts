// What the headless runner makes of a patch: a table, figures, and heatmaps for the eye.

import type { Metric } from '../experiments/metrics.ts';
import { patchFigures } from '../experiments/patch/figure.ts';
import { patchCsv, usualMetric } from '../experiments/patch/grid.ts';
import {
  countPatchCells,
  isPatchComplete,
  type PatchResult,
  readPatchResult,
} from '../experiments/patch/result.ts';
import { patchHeading } from '../experiments/patch/words.ts';
import { layoutHeatmap } from '../figures/heatmap.ts';
import { heatmapSvg } from '../figures/svg.ts';
import type { ResultKind } from './experimentRun.ts';
import { canUseColours } from './terminal/terminalCells.ts';
import { terminalPatch } from './terminal/terminalPatch.ts';

/** figure.svg, and figure-2.svg and so on where panels have other columns. */
function figuresOf(result: PatchResult, metric: Metric | undefined): Readonly<Record<string, string>> {
  const figures = patchFigures(result, metric ? { metric } : {});
  return Object.fromEntries(
    figures.map((figure, index) => [
      index === 0 ? 'figure.svg' : `figure-${index + 1}.svg`,
      heatmapSvg(layoutHeatmap(figure, { width: 1200, theme: 'print' })),
    ]),
  );
}

/** @param metric default: a logit difference where there is a distractor, else the probability of the answer */
export const patchResults = (metric: Metric | undefined): ResultKind<PatchResult> => ({
  read: readPatchResult,
  isOwn: (result): result is PatchResult => result.kind === 'patch-result',
  isComplete: isPatchComplete,
  count: countPatchCells,
  files: (result) => ({ 'cells.csv': patchCsv(result), ...figuresOf(result, metric) }),
  print: (result) => {
    const { stdout } = process;
    const shown = metric ?? usualMetric(result);
    console.log(`${patchHeading(result, shown)}\n`);
    console.log(
      terminalPatch(result, shown, { hasColours: canUseColours(stdout), columns: stdout.columns ?? 80 }),
    );
  },
});
