// A steering as tables: a line for each site of a vector, for each text, and for each text of the sweep.

import { csvText } from '../csv.ts';
import type { SteerResult } from './result.ts';

const field = (value: string | number | null): string => (value === null ? '' : String(value));

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, x) => sum + x, 0) / values.length;

export function sitesCsv({ vectors }: SteerResult): string {
  const head = ['vector', 'component', 'layer', 'head', 'norm', 'median_norm', 'spread', 'accuracy'];
  return csvText([
    [...head, 'probe_accuracy', 'threshold', 'stability', 'mean_cosine'],
    ...vectors.flatMap(({ name, component, sites }) =>
      sites.map((site) =>
        [
          ...[name, component, site.layer, site.head, site.norm, site.medianNorm, site.spread, site.accuracy],
          ...[site.probeAccuracy, site.threshold, site.stability, site.meanCosine],
        ].map(field),
      ),
    ),
  ]);
}

export function textsCsv({ texts }: SteerResult): string {
  const head = ['prompt', 'column', 'sample', 'direction', 'text', 'tokens', 'end', 'effect', 'surprise'];
  return csvText([
    [...head, 'divergence', 'repetition', 'parts_at'],
    ...texts.flatMap((own, prompt) =>
      (own ?? []).map((text) => {
        const surprise = mean(text.logProbabilities);
        return [
          ...[prompt + 1, text.column, text.sample, text.direction, text.text, text.tokens.length, text.end],
          ...[text.effect, surprise === null ? null : -surprise, mean(text.divergences)],
          ...[text.repetition, text.parts],
        ].map(field);
      }),
    ),
  ]);
}

export function sweepCsv({ sweep, experiment }: SteerResult): string {
  const { layers = [], strengths = [] } = experiment.sweep ?? {};
  const head = ['layer', 'strength', 'raw', 'prompt', 'seed', 'direction', 'text', 'end', 'effect'];
  return csvText([
    [...head, 'surprise', 'divergence', 'repetition', 'projection'],
    ...(sweep ?? []).flatMap((cells, layer) =>
      (cells ?? []).flatMap(({ raw, texts }, strength) =>
        texts.map((text) =>
          [
            ...[layers[layer] ?? null, strengths[strength] ?? null, raw, text.prompt + 1, text.seed],
            ...[text.direction, text.text, text.end, text.effect],
            text.logProbability === null ? null : -text.logProbability,
            ...[text.divergence, text.repetition, text.projection],
          ].map(field),
        ),
      ),
    ),
  ]);
}
