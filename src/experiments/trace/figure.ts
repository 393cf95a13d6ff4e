// A result as figures: what `src/figures` draws, with titles and a caption that let a reader repeat the trace.

import type { HeatmapDescription, HeatmapPanel } from '../../figures/description.ts';
import { figureMetric, inQuotes } from '../figureWords.ts';
import { windowAround } from '../layers.ts';
import type { Metric } from '../metrics.ts';
import { streamLabel, traceGrid } from './grid.ts';
import type { TraceResult } from './result.ts';

type PanelLook = Pick<HeatmapPanel, 'title' | 'icon' | 'colours'>;

/** ROME's hues for its three streams; every other component takes the next map. */
const looks: Readonly<Record<string, PanelLook>> = {
  block_output: { title: 'Residual state', icon: 'residual', colours: 'purples' },
  mlp_output: { title: 'MLP', icon: 'mlp', colours: 'greens' },
  attention_output: { title: 'Attention', icon: 'attention', colours: 'reds' },
};

/** What a panel of a component is called. */
export const streamTitle = (component: string): string =>
  (Object.hasOwn(looks, component) && looks[component]?.title) || component;

function lookOf(stream: TraceResult['streams'][number]): PanelLook {
  const label = streamLabel(stream);
  return (Object.hasOwn(looks, label) && looks[label]) || { title: label, colours: 'viridis' };
}

function corruptionWords({ experiment, level, samples, tokens, subject }: TraceResult): string {
  const { corruption } = experiment;
  const marked = inQuotes(
    tokens
      .slice(...subject)
      .map(({ text }) => text)
      .join(''),
  );
  switch (corruption.kind) {
    case 'noise': {
      const rule =
        typeof corruption.level === 'number'
          ? ''
          : ` (${corruption.level.standardDeviations} standard deviations of its embeddings)`;
      return `Gaussian noise of level ${level?.toPrecision(4)}${rule} on ${marked}, ${samples} ${samples === 1 ? 'sample' : 'samples'}, seed ${corruption.seed}`;
    }
    case 'replace':
      return `${marked} replaced by other tokens (${typeof corruption.tokens === 'string' ? inQuotes(corruption.tokens) : corruption.tokens.join(' ')})`;
    case 'zero':
      return `embeddings of ${marked} set to zero`;
    case 'mean':
      return `embeddings of ${marked} set to the prompt's mean`;
    default:
      return corruption satisfies never;
  }
}

/** Model, prompt, corruption, samples, seed and windows in a few sentences. */
export function traceCaption(result: TraceResult): string {
  const windows = result.streams.map((stream) => `${streamLabel(stream)} ${stream.window}`).join(', ');
  const prompt = inQuotes(result.tokens.map(({ text }) => text).join(''));
  const revision = result.experiment.revision ? `, revision ${result.experiment.revision}` : '';
  return `${result.model.label}${revision}. Prompt ${prompt}. Corruption: ${corruptionWords(result)}. Layers put together: ${windows}.`;
}

/** @throws MetricError when the result does not have the metric */
export function traceFigure(result: TraceResult, metric: Metric = 'probability'): HeatmapDescription {
  const { layerCount, positions, subject, experiment } = result;
  const layers = Array.from({ length: layerCount }, (_, layer) => layer);
  const grids = result.streams.map((_, stream) => traceGrid(result, stream, metric));
  const [first] = grids;
  const isRestoring = experiment.direction === 'restore';
  return {
    title: isRestoring
      ? `Where restoring a clean state brings back ${inQuotes(result.answer.text)}`
      : `Where a corrupted state takes away ${inQuotes(result.answer.text)}`,
    caption: traceCaption(result),
    panels: result.streams.map((stream, index): HeatmapPanel => {
      const cells = grids[index]?.cells ?? [];
      const byPosition = <T>(pick: (cell: NonNullable<(typeof cells)[number][number]>) => T) =>
        positions.map((_, column) =>
          layers.map((layer) => {
            const cell = cells[layer]?.[column];
            return cell ? pick(cell) : undefined;
          }),
        );
      return {
        ...lookOf(stream),
        values: byPosition(({ mean }) => mean),
        ...(result.samples > 1 ? { standardDeviations: byPosition(({ sd }) => sd ?? undefined) } : {}),
        windowSize: stream.window,
        windows: layers.map((layer) => {
          const { from, to } = windowAround(layer, stream.window, layerCount);
          return [from, to - 1];
        }),
      };
    }),
    locations: {
      kind: 'position',
      tokens: positions.map((position) => ({
        text: result.tokens[position]?.text ?? '',
        isCorrupted: position >= subject[0] && position < subject[1],
      })),
    },
    layers,
    metric: figureMetric(metric, result.answer.text, result.distractor?.text),
    ...(first ? { baselines: { clean: first.clean.mean, corrupted: first.corrupted.mean } } : {}),
    startsFrom: isRestoring ? 'corrupted' : 'clean',
    samples: result.samples,
  };
}
