// A trace laid over its picture: for each layer, what restoring the states of each square brings back.

import type { ImageData } from '../../figures/marks.ts';
import type { GivenFile } from '../givenFile.ts';
import type { Metric } from '../metrics.ts';
import type { ShownFigure } from '../shown.ts';
import { groupFigure, streamGroups } from './figure.ts';
import type { TraceResult } from './result.ts';

/** The picture as a figure holds it; undefined where the experiment does not hold it. */
export function hrefOf(image: GivenFile | undefined): ImageData | undefined {
  if (!image || !('data' in image)) return undefined;
  // A JPEG begins with FF D8 FF, which is /9j/ in base64.
  return `data:image/${image.data.startsWith('/9j/') ? 'jpeg' : 'png'};base64,${image.data}`;
}

/** @throws MetricError when the result does not have the metric */
export function pictureFigures(result: TraceResult, metric: Metric): readonly ShownFigure[] {
  const { input, streams, experiment } = result;
  const group = streamGroups(result).find((places) => places.some((place) => streams[place]?.isOfInput));
  const href = hrefOf(experiment.image);
  if (!input?.grid || !group) return [];
  const corrupted = new Set(input.corrupted);
  const [, ...squares] = input.columns;
  return [
    {
      kind: 'overlay',
      name: 'picture',
      description: {
        heatmap: groupFigure(result, group, metric),
        ...(href ? { href } : {}),
        ...input.grid,
        firstLocation: 1,
        marked: squares.map(({ positions }) => positions.some((at) => corrupted.has(at))),
      },
    },
  ];
}
