// A result as figures: what `src/figures` draws, with titles and a caption that let a reader repeat the trace.

import type { HeatmapDescription, HeatmapPanel } from '../../figures/description.ts';
import { type ComponentLook, componentLook } from '../componentLooks.ts';
import { figureMetric, inQuotes } from '../figureWords.ts';
import { nameOf } from '../givenFile.ts';
import { inputOfPlaced } from '../inputParts.ts';
import { windowAround } from '../layers.ts';
import type { Metric } from '../metrics.ts';
import { precisionWords } from '../precision.ts';
import { writtenText, writtenTokens } from '../writtenTokens.ts';
import { streamLabel, traceGrid } from './grid.ts';
import { streamLayers, type TraceResult } from './result.ts';

/** What a panel of a component is called. */
export const streamTitle = (component: string): string => componentLook(component)?.title ?? component;

function lookOf(stream: TraceResult['streams'][number]): ComponentLook {
  const label = streamLabel(stream);
  const own = componentLook(label);
  if (own && stream.layerCount === undefined) return own;
  // Where a model has two stacks, the component's name says which; its hue is that of its kind.
  const kind = label.replace(/^[a-z]+\./, '');
  return { colours: 'viridis', ...componentLook(kind), title: label };
}

/** What is corrupted: words, patches of a picture, or a stretch of a sound. */
function subjectWords({ experiment, tokens, subject, input }: TraceResult): string {
  const named = experiment.subject;
  if (subject !== null) return inQuotes(writtenTokens(tokens, subject, experiment.prompt));
  if (typeof named === 'object' && 'patches' in named) {
    const [left, top, right, bottom] = named.patches;
    return `the picture’s patches ${left} to ${right - 1} across and ${top} to ${bottom - 1} down`;
  }
  if (typeof named === 'object' && 'seconds' in named)
    return `the sound from ${named.seconds[0]} to ${named.seconds[1]} seconds`;
  const [first = 0, last = 0] = [input?.corrupted[0], input?.corrupted.at(-1)];
  const places = input?.columns.map(({ positions: [position = 0] }) => position) ?? [];
  const range = [
    places.findIndex((position) => position >= first),
    places.findLastIndex((position) => position <= last) + 1,
  ] as const;
  return inQuotes(writtenTokens(input?.columns ?? [], range, experiment.prompt));
}

function corruptionWords(result: TraceResult): string {
  const { experiment, level, samples } = result;
  const { corruption } = experiment;
  const marked = subjectWords(result);
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
    case 'exchange':
      return `${marked} exchanged with what ${inQuotes(nameOf(corruption.with))} has there`;
    case 'zero':
      return `embeddings of ${marked} set to zero`;
    case 'mean':
      return `embeddings of ${marked} set to ${result.input ? 'the mean of all' : "the prompt's mean"}`;
    default:
      return corruption satisfies never;
  }
}

/** What was read, and what was written so far. */
function promptWords({ tokens, input, experiment }: TraceResult): string {
  const { prompt, target = '' } = experiment;
  const given = experiment.image ?? experiment.sound;
  if (input?.kind === 'text') {
    const picture = given ? `Picture ${inQuotes(nameOf(given))}. ` : '';
    const written = typeof target === 'string' && target !== '' ? target : writtenText(tokens, []);
    return `${picture}Source ${inQuotes(writtenText(input.columns, prompt))}, target ${inQuotes(written)}.`;
  }
  const read =
    input && `${input.kind === 'image' ? 'Picture' : 'Sound'} ${inQuotes(given ? nameOf(given) : '')}.`;
  const written = prompt === '' ? writtenText(tokens, []) : writtenText(tokens, prompt);
  return [read, tokens.length > 0 ? `Prompt ${inQuotes(written)}.` : undefined].filter(Boolean).join(' ');
}

/** Model, prompt, corruption, samples, seed and windows in a few sentences. */
export function traceCaption(result: TraceResult, metric: Metric): string {
  const windows = result.streams.map((stream) => `${streamLabel(stream)} ${stream.window}`).join(', ');
  const revision = result.experiment.revision ? `, revision ${result.experiment.revision}` : '';
  return `${result.model.label}${revision}. ${promptWords(result)} Corruption: ${corruptionWords(result)}. Layers put together: ${windows}.${precisionWords(result.precision, metric)}`;
}

/** Streams whose panels share their axes: the layers of one stack, and what its cells are of. */
export function streamGroups(result: TraceResult): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  result.streams.forEach((stream, place) => {
    const of = stream.isOfPicture ? 'picture' : stream.isOfInput ? 'input' : 'tokens';
    const key = `${of} ${streamLayers(result, stream)}`;
    groups.set(key, [...(groups.get(key) ?? []), place]);
  });
  return [...groups.values()];
}

/** A figure for each stack: their layers and positions are others. @throws MetricError when the result does not have the metric */
export const traceFigures = (
  result: TraceResult,
  metric: Metric = 'probability',
): readonly HeatmapDescription[] => streamGroups(result).map((group) => groupFigure(result, group, metric));

/** The first figure, and of most models the only one. @throws MetricError when the result does not have the metric */
export const traceFigure = (result: TraceResult, metric: Metric = 'probability'): HeatmapDescription =>
  groupFigure(result, streamGroups(result)[0] ?? [], metric);

/** @param group streams that share their axes */
export function groupFigure(
  result: TraceResult,
  group: readonly number[],
  metric: Metric,
): HeatmapDescription {
  const { experiment } = result;
  const streams = group.flatMap((place) => result.streams[place] ?? []);
  const grids = group.map((place) => traceGrid(result, place, metric));
  const [first] = grids;
  const [firstStream] = streams;
  const layerCount = firstStream ? streamLayers(result, firstStream) : 0;
  const layers = Array.from({ length: layerCount }, (_, layer) => layer);
  const columns = first?.columns ?? [];
  const isRestoring = experiment.direction === 'restore';
  const parted = firstStream && inputOfPlaced(result, firstStream);
  return {
    title: isRestoring
      ? `Where restoring a clean state brings back ${inQuotes(result.answer.text)}`
      : `Where a corrupted state takes away ${inQuotes(result.answer.text)}`,
    caption: traceCaption(result, metric),
    panels: streams.map((stream, index): HeatmapPanel => {
      const cells = grids[index]?.cells ?? [];
      const byPosition = <T>(pick: (cell: NonNullable<(typeof cells)[number][number]>) => T) =>
        columns.map((_, column) =>
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
    locations:
      parted && parted.kind !== 'text'
        ? { kind: 'named', names: columns.map(({ text, isCorrupted }) => `${text}${isCorrupted ? '*' : ''}`) }
        : { kind: 'position', tokens: columns.map(({ text, isCorrupted }) => ({ text, isCorrupted })) },
    layers,
    metric: figureMetric(metric, result.answer.text, result.distractor?.text),
    ...(first ? { baselines: { clean: first.clean.mean, corrupted: first.corrupted.mean } } : {}),
    startsFrom: isRestoring ? 'corrupted' : 'clean',
    samples: result.samples,
  };
}
