// Heatmaps in the terminal: coloured blocks where there are colours, plain digits where there are none.

import { fractionRecovered, type Metric } from '../experiments/metrics.ts';
import { streamLabel, type TraceGrid, traceGrid } from '../experiments/trace/grid.ts';
import type { TraceResult } from '../experiments/trace/result.ts';
import { visibleToken } from './table.ts';

export interface TerminalOptions {
  /** 256 colours, as `canUseColours` tells. */
  readonly hasColours: boolean;
  /** Columns of the terminal. */
  readonly columns: number;
}

/** Of xterm's 256 colours, from pale to strong. */
const ramps: Readonly<Record<string, readonly number[]>> = {
  block_output: [255, 189, 147, 141, 99, 93, 56, 54],
  mlp_output: [255, 194, 157, 114, 71, 34, 28, 22],
  attention_output: [255, 224, 217, 210, 203, 160, 124, 88],
};
const plainRamp = [255, 253, 250, 247, 244, 241, 238, 235];

export function canUseColours(stream: { readonly isTTY?: boolean; getColorDepth?(): number }): boolean {
  return stream.isTTY === true && (stream.getColorDepth?.() ?? 1) >= 8;
}

const clamp = (value: number, most: number): number => Math.max(0, Math.min(most, Math.floor(value)));

/** A cell of one column: a digit from 0 (as the pale baseline) to 9 (as the other), or a point where nothing was computed. */
function digitOf(fraction: number | undefined): string {
  if (fraction === undefined) return '.';
  return Number.isNaN(fraction) ? '?' : String(clamp(fraction * 10, 9));
}

function blockOf(fraction: number | undefined, ramp: readonly number[], width: number): string {
  if (fraction === undefined || Number.isNaN(fraction)) return '░'.repeat(width);
  const colour = ramp[clamp(fraction * ramp.length, ramp.length - 1)] ?? 255;
  return `\u001b[48;5;${colour}m${' '.repeat(width)}\u001b[0m`;
}

/** Numbers of every fifth layer, above their columns. */
function layerScale(layerCount: number, width: number): string {
  const layers = Array.from({ length: Math.ceil(layerCount / 5) }, (_, fifth) => 5 * fifth);
  return layers
    .map((layer) => String(layer).padEnd(5 * width))
    .join('')
    .trimEnd();
}

function panel(result: TraceResult, grid: TraceGrid, options: TerminalOptions): readonly string[] {
  const isRestoring = result.experiment.direction === 'restore';
  const shareOf = (mean: number): number => {
    const recovered = fractionRecovered(mean, grid);
    return isRestoring ? recovered : 1 - recovered;
  };
  const labels = grid.positions.map((position) => {
    const isMarked = position >= result.subject[0] && position < result.subject[1];
    return `${visibleToken(result.tokens[position]?.text ?? '')}${isMarked ? '*' : ' '}`;
  });
  const widest = labels.reduce((most, { length }) => Math.max(most, length), 0);
  const width = options.hasColours && widest + 1 + 2 * grid.cells.length <= options.columns ? 2 : 1;
  const ramp = ramps[streamLabel(grid)] ?? plainRamp;
  const together = grid.window === 1 ? '' : `, ${grid.window} layers together`;
  return [
    `${streamLabel(grid)}${together}`,
    `${' '.repeat(widest + 1)}${layerScale(grid.cells.length, width)}`,
    ...grid.positions.map((_, column) => {
      const cells = grid.cells.map((layer) => {
        const cell = layer[column];
        const share = cell ? shareOf(cell.mean) : undefined;
        return options.hasColours ? blockOf(share, ramp, width) : digitOf(share);
      });
      return `${(labels[column] ?? '').padStart(widest)} ${cells.join('')}`;
    }),
    '',
  ];
}

const threeDigits = (value: number): string => String(Number(value.toPrecision(4)));

/** All streams of a result under each other, tokens down and layers across, with both baselines. */
export function terminalHeatmap(result: TraceResult, metric: Metric, options: TerminalOptions): string {
  const grids = result.streams.map((_, stream) => traceGrid(result, stream, metric));
  const [first] = grids;
  const spread = first?.corrupted.sd == null ? '' : ` (sd ${threeDigits(first.corrupted.sd)})`;
  const [pale, strong] =
    result.experiment.direction === 'restore' ? ['corrupted', 'clean'] : ['clean', 'corrupted'];
  const scale = options.hasColours
    ? `pale is ${pale}, strong is ${strong}`
    : `0 is ${pale}, 9 is ${strong}, . is not computed`;
  return [
    ...grids.flatMap((grid) => panel(result, grid, options)),
    ...(first
      ? [
          `clean ${threeDigits(first.clean.mean)}, corrupted ${threeDigits(first.corrupted.mean)}${spread}; ${scale}`,
        ]
      : []),
  ].join('\n');
}
