// A sweep of tensors as heatmaps in the terminal: places down, layers across.

import { fourDigits, panelLines, type Ramps, type TextLook } from '../../figures/textCells.ts';
import { visibleToken } from '../../figures/textTable.ts';
import { tensorsTitle } from './figure.ts';
import { baselinesOf, effectOf, panelGrid } from './grid.ts';
import type { TensorsResult } from './result.ts';

const ramps: Ramps = {
  above: [255, 189, 153, 111, 69, 33, 26, 19],
  below: [255, 224, 217, 210, 203, 160, 124, 88],
};

function legend(result: TensorsResult, { hasColours }: TextLook): string {
  const { clean, corrupted } = baselinesOf(result);
  if (!corrupted) {
    const scale = hasColours ? 'blue is above, red below' : '0 is as clean, 9 the largest rise, - a fall';
    return `clean ${fourDigits(clean.mean)}; ${scale}`;
  }
  const [pale, strong] =
    result.experiment.direction === 'corrupt' ? ['clean', 'corrupted'] : ['corrupted', 'clean'];
  const scale = hasColours
    ? `pale is ${pale}, blue is ${strong}, red is the other way`
    : `0 is ${pale}, 9 is ${strong}, - is the other way, . is not computed`;
  return `clean ${fourDigits(clean.mean)}, corrupted ${fourDigits(corrupted.mean)}; ${scale}`;
}

export function tensorsSummary(result: TensorsResult, look: TextLook): string {
  const effect = effectOf(result);
  const panels = result.panels.flatMap((panel) => {
    const grid = panelGrid(panel);
    return panelLines(
      {
        title: panel.site,
        labels: panel.names.map((name) => (panel.isTokens ? visibleToken(name) : name)),
        shares: panel.names.map((_, place) =>
          grid.map((layer) => {
            const cell = layer[place];
            return cell ? effect(cell.mean) : undefined;
          }),
        ),
        ramps,
      },
      look,
    );
  });
  return [tensorsTitle(result), '', ...panels, legend(result, look)].join('\n');
}
