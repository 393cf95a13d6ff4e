// A trace laid over its picture: for each layer, what restoring the states of each square brings back.

import { inputOfPlaced } from '../inputParts.ts';
import type { Metric } from '../metrics.ts';
import { figurePicture } from '../seenPicture.ts';
import type { ShownFigure } from '../shown.ts';
import { groupFigure, streamGroups } from './figure.ts';
import type { TraceResult } from './result.ts';

/** @throws MetricError when the result does not have the metric */
export function pictureFigures(result: TraceResult, metric: Metric): readonly ShownFigure[] {
  const { streams, experiment } = result;
  const input = result.picture ?? result.input;
  const isOfIt = (stream: TraceResult['streams'][number] | undefined) =>
    stream !== undefined && inputOfPlaced(result, stream) === input;
  const group = streamGroups(result).find((places) => places.some((place) => isOfIt(streams[place])));
  const { image } = experiment;
  const data = image && 'data' in image ? image.data : undefined;
  if (!input?.grid || !group) return [];
  const corrupted = new Set(input.corrupted);
  const [, ...squares] = input.columns;
  return [
    {
      kind: 'overlay',
      name: 'picture',
      description: {
        heatmap: groupFigure(result, group, metric),
        ...(data === undefined ? {} : { picture: figurePicture(data, input.seen) }),
        ...input.grid,
        firstLocation: 1,
        marked: squares.map(({ positions }) => positions.some((at) => corrupted.has(at))),
      },
    },
  ];
}
