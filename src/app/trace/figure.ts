// A trace's result as a figure: which metric is drawn in which colours, what the panels are called, and the caption that
// lets a reader repeat it. Another metric is another view of the same numbers.

import type { Metric } from '../../experiments/metrics.ts';
import { windowAround } from '../../experiments/trace/cells.ts';
import { traceGrid } from '../../experiments/trace/grid.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import { strongestCell } from '../../figures/cellSummary.ts';
import type { ColourMap } from '../../figures/colour.ts';
import type {
  CellAddress,
  Metric as FigureMetric,
  HeatmapDescription,
  HeatmapPanel,
  Orientation,
  Pin,
} from '../../figures/description.ts';
import { formatCount } from '../quantities.ts';

/** `streams` gives each stream the hue it has in the literature; the others are one map for all. */
export type ColourChoice = 'streams' | Extract<ColourMap, 'viridis' | 'cividis' | 'puOr'>;

export interface FigureView {
  readonly metric: Metric;
  readonly colours: ColourChoice;
  readonly sharing: 'shared' | 'panel';
  readonly orientation: Orientation;
  readonly pins: readonly Pin[];
}

export const initialView: FigureView = {
  metric: 'probability',
  colours: 'streams',
  sharing: 'shared',
  orientation: 'tokens-down',
  pins: [],
};

interface StreamLook {
  readonly title: string;
  readonly icon: NonNullable<HeatmapPanel['icon']>;
  readonly colours: ColourMap;
}

const looks: Readonly<Record<string, StreamLook>> = {
  block_output: { title: 'Residual state', icon: 'residual', colours: 'purples' },
  mlp_output: { title: 'MLP', icon: 'mlp', colours: 'greens' },
  attention_output: { title: 'Attention', icon: 'attention', colours: 'reds' },
};

export const streamTitle = (component: string): string => looks[component]?.title ?? component;

export const quotedToken = (text: string): string => `“${text.trim() === '' ? text : text.trim()}”`;

/** The metric in the words of the figure. */
export function figureMetric(result: TraceResult, metric: Metric): FigureMetric {
  const answer = quotedToken(result.answer.text);
  switch (metric) {
    case 'probability':
      return { name: `probability of ${answer}`, shortName: 'probability' };
    case 'logProbability':
      return { name: `log probability of ${answer}`, shortName: 'log probability', unit: 'nats', digits: 2 };
    case 'logitDifference':
      return {
        name: `logit of ${answer} minus ${quotedToken(result.distractor?.text ?? '')}`,
        shortName: 'logit difference',
        digits: 2,
      };
    case 'answerLogit':
      return { name: `logit of ${answer}`, shortName: 'logit', digits: 2 };
    case 'rank':
      return { name: `rank of ${answer}`, shortName: 'rank', digits: 1, isLogarithmic: true };
    case 'divergence':
      return {
        name: 'divergence from the clean prediction',
        shortName: 'divergence',
        unit: 'nats',
        digits: 2,
      };
    default:
      return metric satisfies never;
  }
}

export function figureTitle({ experiment, answer }: TraceResult): string {
  const token = quotedToken(answer.text);
  return experiment.direction === 'restore'
    ? `Where restoring one state brings back ${token}`
    : `Where corrupting one state takes ${token} away`;
}

/** The corruption in a sentence without a full stop. */
export function corruptionWords(result: TraceResult): string {
  const { corruption } = result.experiment;
  switch (corruption.kind) {
    case 'noise': {
      const { level, seed } = corruption;
      const sd = result.level?.toPrecision(3) ?? '';
      const words =
        typeof level === 'object'
          ? `Gaussian noise of ${level.standardDeviations} σ of the subject’s embeddings (standard deviation ${sd})`
          : `Gaussian noise of standard deviation ${level}`;
      const samples = `${formatCount(result.samples)} ${result.samples === 1 ? 'sample' : 'samples'}`;
      return `${words}, ${samples}, seed ${seed}`;
    }
    case 'replace':
      return typeof corruption.tokens === 'string'
        ? `Subject replaced by “${corruption.tokens.trim()}”`
        : `Subject replaced by the tokens ${corruption.tokens.join(' ')}`;
    case 'zero':
      return 'Subject’s embeddings set to zero';
    case 'mean':
      return 'Subject’s embeddings set to the mean of the prompt’s';
    default:
      return corruption satisfies never;
  }
}

const subjectText = ({ tokens, subject }: TraceResult): string =>
  tokens
    .slice(...subject)
    .map(({ text }) => text)
    .join('')
    .trim();

/** Model, prompt, corruption, samples, seed, windows: all that a reader needs to repeat the figure. */
export function figureCaption(result: TraceResult): string {
  const { experiment, model, tokens, streams, answer, distractor } = result;
  const prompt =
    typeof experiment.prompt === 'string' ? experiment.prompt : tokens.map(({ text }) => text).join('');
  const windows = streams.map(({ component, window }) =>
    window === 1
      ? `${streamTitle(component)} at single layers`
      : `${streamTitle(component)} in windows of ${window} layers`,
  );
  const version = experiment.revision === undefined ? '' : ` at revision ${experiment.revision}`;
  const way =
    experiment.direction === 'restore'
      ? 'Clean activations put into the corrupted run'
      : 'Corrupted activations put into the clean run';
  return [
    `${model.label}${version}. Prompt “${prompt}”, subject “${subjectText(result)}”`,
    corruptionWords(result),
    `${way}: ${windows.join(', ')}`,
    `Answer ${quotedToken(answer.text)}${distractor ? `, distractor ${quotedToken(distractor.text)}` : ''}. Computed on ${result.backend.kind === 'node' ? 'Node' : result.backend.kind === 'wasm' ? 'WASM' : 'WebGPU'}`,
  ]
    .map((sentence) => `${sentence}.`)
    .join(' ');
}

function panelOf(result: TraceResult, stream: number, { metric, colours }: FigureView): HeatmapPanel {
  const grid = traceGrid(result, stream, metric);
  const look = looks[grid.component];
  const title = streamTitle(grid.component);
  const values = grid.positions.map((_, column) =>
    grid.cells.map((layer) => layer[column]?.mean ?? undefined),
  );
  const spreads = grid.positions.map((_, column) =>
    grid.cells.map((layer) => layer[column]?.sd ?? undefined),
  );
  const hasSpread = result.samples > 1;
  const windows = grid.cells.map((_, layer) => {
    const { from, to } = windowAround(layer, grid.window, result.layerCount);
    return [from, to - 1] as const;
  });
  return {
    title: grid.heads ? `${title}, heads ${grid.heads.join(' ')}` : title,
    ...(look ? { icon: look.icon } : {}),
    colours: colours === 'streams' ? (look?.colours ?? 'purples') : colours,
    values,
    ...(hasSpread ? { standardDeviations: spreads } : {}),
    windowSize: grid.window,
    ...(grid.window > 1 ? { windows } : {}),
    ...(result.experiment.direction === 'corrupt' ? { axisTitle: corruptAxis(grid.window) } : {}),
  };
}

const corruptAxis = (window: number): string =>
  window === 1 ? 'single corrupted layer' : `centre of ${window} corrupted layers`;

/** The figure of a result, finished or not. */
export function describeTrace(result: TraceResult, view: FigureView): HeatmapDescription {
  const metric =
    result.distractor === undefined && view.metric === 'logitDifference' ? 'probability' : view.metric;
  const shown = { ...view, metric };
  const panels = result.streams.map((_, stream) => panelOf(result, stream, shown));
  const { clean, corrupted } = traceGrid(result, 0, metric);
  const startsFrom = result.experiment.direction === 'restore' ? 'corrupted' : 'clean';
  const start = startsFrom === 'clean' ? clean.mean : corrupted.mean;
  const [from, to] = result.subject;
  return {
    title: figureTitle(result),
    caption: figureCaption(result),
    panels,
    locations: {
      kind: 'position',
      tokens: result.positions.map((position) => ({
        text: result.tokens[position]?.text ?? '',
        isCorrupted: position >= from && position < to,
      })),
    },
    layers: Array.from({ length: result.layerCount }, (_, layer) => layer),
    metric: figureMetric(result, metric),
    baselines: { clean: clean.mean, corrupted: corrupted.mean },
    startsFrom,
    orientation: view.orientation,
    sharing: view.sharing,
    midpoint: metric === 'logitDifference' ? 0 : start,
    samples: result.samples,
    pins: view.pins.filter((pin) => isInside(result, pin)),
  };
}

const isInside = (result: TraceResult, { panel, location, layer }: CellAddress): boolean =>
  panel < result.streams.length && location < result.positions.length && layer < result.layerCount;

/**
 * The cell to look at first: the strongest computed one of the second panel, or of the only one. In the residual stream the
 * strongest is always the last token at the last layer, which says nothing.
 */
export function strongestOf(result: TraceResult): CellAddress | null {
  const panel = Math.min(1, result.streams.length - 1);
  return strongestCell(describeTrace(result, initialView), panel) ?? null;
}

/** The largest difference of the answer's probability between two results of one experiment, over cells both have. */
export function largestDifference(a: TraceResult, b: TraceResult): number {
  const probabilities = (result: TraceResult): readonly (number | undefined)[] =>
    result.streams.flatMap((_, stream) =>
      traceGrid(result, stream, 'probability').cells.flatMap((layer) => layer.map((cell) => cell?.mean)),
    );
  const others = probabilities(b);
  return probabilities(a).reduce<number>((largest, value, index) => {
    const other = others[index];
    return value === undefined || other === undefined ? largest : Math.max(largest, Math.abs(value - other));
  }, 0);
}
