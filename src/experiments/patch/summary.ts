// A patch as heatmaps in the terminal: positions or heads down, layers across.

import { fourDigits, panelLines, type Ramps, type TextLook } from '../../figures/textCells.ts';
import { visibleToken } from '../../figures/textTable.ts';
import type { Metric } from '../metrics.ts';
import { precisionLines } from '../precision.ts';
import { normalisedGrid, type PatchGrid, panelLabel, patchGrid } from './grid.ts';
import type { Column } from './outline.ts';
import { placeWords } from './places.ts';
import type { PatchResult } from './result.ts';
import { patchHeading } from './words.ts';

/** Blue above, red below, as on the figure. */
const ramps: Ramps = {
  above: [255, 189, 153, 111, 69, 33, 26, 19],
  below: [255, 224, 217, 210, 203, 160, 124, 88],
};

function labelOf(result: PatchResult, panel: PatchGrid['panel'], { head, position }: Column): string {
  const heading = head === undefined ? '' : `head ${head}`;
  if (position === undefined) return heading;
  const { text, isCorrupted } = placeWords(result, panel, position);
  return `${heading === '' ? '' : `${heading} `}${visibleToken(text)}${isCorrupted ? '*' : ' '}`;
}

/** What a cell's effect is measured in: the way to the other baseline, or the largest change of an ablation. */
function effectOf(grid: PatchGrid, direction: PatchResult['direction']): (mean: number) => number {
  const { clean, cells } = grid;
  const between = normalisedGrid(grid);
  if (!between) {
    const most = Math.max(...cells.flat().map((cell) => (cell ? Math.abs(cell.mean - clean.mean) : 0)));
    return (mean) => (most === 0 ? 0 : (mean - clean.mean) / most);
  }
  const range = clean.mean - (grid.corrupted?.mean ?? clean.mean);
  return direction === 'restore'
    ? (mean) => (mean - clean.mean) / range + 1
    : (mean) => (clean.mean - mean) / range;
}

function panel(result: PatchResult, grid: PatchGrid, look: TextLook): readonly string[] {
  const effect = effectOf(grid, result.direction);
  const { window } = grid.panel;
  return panelLines(
    {
      title: `${panelLabel(grid.panel)}${window === 1 ? '' : `, ${window} layers together`}`,
      labels: grid.columns.map((column) => labelOf(result, grid.panel, column)),
      shares: grid.columns.map((_, place) =>
        grid.cells.map((layer) => {
          const cell = layer[place];
          return cell ? effect(cell.mean) : undefined;
        }),
      ),
      ramps,
    },
    look,
  );
}

function legend(result: PatchResult, { clean, corrupted }: PatchGrid, { hasColours }: TextLook): string {
  const mean = fourDigits(clean.mean);
  if (!corrupted) {
    const scale = hasColours ? 'blue is above, red below' : '0 is as clean, 9 the largest rise, - a fall';
    return `clean ${mean}; ${scale}`;
  }
  const ends = result.direction === 'restore' ? ['corrupted', 'clean'] : ['clean', 'corrupted'];
  const scale = hasColours
    ? `pale is ${ends[0]}, blue is ${ends[1]}, red is the other way`
    : `0 is ${ends[0]}, 9 is ${ends[1]}, - is the other way, . is not computed`;
  return `clean ${mean}, corrupted ${fourDigits(corrupted.mean)}; ${scale}`;
}

/** All panels of a result under each other, with the baselines. */
function patchHeatmaps(result: PatchResult, metric: Metric, look: TextLook): string {
  const grids = result.panels.map((_, index) => patchGrid(result, index, metric));
  const [first] = grids;
  return [
    ...grids.flatMap((grid) => panel(result, grid, look)),
    ...(first ? [legend(result, first, look)] : []),
  ].join('\n');
}

/** What was measured, and its heatmaps. */
export const patchSummary = (result: PatchResult, metric: Metric, look: TextLook): string =>
  [
    `${patchHeading(result, metric)}\n\n${patchHeatmaps(result, metric, look)}`,
    ...precisionLines(result.precision, metric),
  ].join('\n');
