// A trace as text: its answer, and heatmaps for the terminal.

import { fourDigits, panelLines, type TextLook } from '../../figures/textCells.ts';
import { visibleToken } from '../../figures/textTable.ts';
import { fractionRecovered, type Metric, metricNames } from '../metrics.ts';
import { precisionLines } from '../precision.ts';
import { streamLabel, type TraceGrid, traceGrid } from './grid.ts';
import type { TraceResult } from './result.ts';

/** Of xterm's 256 colours, from pale to strong. */
const ramps: Readonly<Record<string, readonly number[]>> = {
  block_output: [255, 189, 147, 141, 99, 93, 56, 54],
  mlp_output: [255, 194, 157, 114, 71, 34, 28, 22],
  attention_output: [255, 224, 217, 210, 203, 160, 124, 88],
};
const plainRamp = [255, 253, 250, 247, 244, 241, 238, 235];

function panel(result: TraceResult, grid: TraceGrid, look: TextLook): readonly string[] {
  const isRestoring = result.experiment.direction === 'restore';
  const shareOf = (mean: number): number => {
    const recovered = fractionRecovered(mean, grid);
    return isRestoring ? recovered : 1 - recovered;
  };
  const together = grid.window === 1 ? '' : `, ${grid.window} layers together`;
  return panelLines(
    {
      title: `${streamLabel(grid)}${together}`,
      labels: grid.columns.map(({ text, isCorrupted }) => `${visibleToken(text)}${isCorrupted ? '*' : ' '}`),
      shares: grid.columns.map((_, column) =>
        grid.cells.map((layer) => {
          const cell = layer[column];
          return cell ? shareOf(cell.mean) : undefined;
        }),
      ),
      ramps: { above: ramps[streamLabel(grid)] ?? plainRamp },
    },
    look,
  );
}

/** All streams of a result under each other, tokens down and layers across, with both baselines. */
export function traceHeatmaps(result: TraceResult, metric: Metric, look: TextLook): string {
  const grids = result.streams.map((_, stream) => traceGrid(result, stream, metric));
  const [first] = grids;
  const spread = first?.corrupted.sd == null ? '' : ` (sd ${fourDigits(first.corrupted.sd)})`;
  const [pale, strong] =
    result.experiment.direction === 'restore' ? ['corrupted', 'clean'] : ['clean', 'corrupted'];
  const scale = look.hasColours
    ? `pale is ${pale}, strong is ${strong}`
    : `0 is ${pale}, 9 is ${strong}, . is not computed`;
  return [
    ...grids.flatMap((grid) => panel(result, grid, look)),
    ...(first
      ? [
          `clean ${fourDigits(first.clean.mean)}, corrupted ${fourDigits(first.corrupted.mean)}${spread}; ${scale}`,
        ]
      : []),
  ].join('\n');
}

/** What was measured, and its heatmaps. */
export function traceSummary(result: TraceResult, metric: Metric, look: TextLook): string {
  const { answer, distractor } = result;
  const against = distractor ? `, distractor ${JSON.stringify(distractor.text)}` : '';
  const heading = `${metricNames[metric]}; answer ${JSON.stringify(answer.text)}${against}`;
  return [
    `${heading}\n\n${traceHeatmaps(result, metric, look)}`,
    ...precisionLines(result.precision, metric),
  ].join('\n');
}
