// A patch of a picture's states laid over the picture: for each layer, what a square's states bring back or take away.

import { figurePicture } from '../seenPicture.ts';
import type { ShownFigure } from '../shown.ts';
import { type PatchFigureOptions, patchFigures } from './figure.ts';
import type { PatchResult } from './result.ts';

/**
 * One figure for each sweep that has a cell for every part of the picture, over the clean picture of the first pair.
 * @throws MetricError when the result does not have the metric
 */
export function pictureFigures(
  result: PatchResult,
  options: PatchFigureOptions = {},
): readonly ShownFigure[] {
  const { input, experiment } = result;
  if (!input?.grid) return [];
  const { grid, columns, corrupted } = input;
  const image = experiment.pairs[0]?.image;
  const picture = image && 'data' in image ? { picture: figurePicture(image.data, input.seen) } : {};
  const [, ...squares] = columns;
  const marked = squares.map(({ positions }) => positions.some((at) => corrupted?.includes(at)));
  // Columns are named where they are parts of a picture.
  const whole = patchFigures(result, options).filter(
    ({ locations }) => locations.kind === 'named' && locations.names.length === columns.length,
  );
  return whole.map((heatmap, index) => ({
    kind: 'overlay',
    name: index === 0 ? 'picture' : `picture-${index + 1}`,
    description: { heatmap, ...picture, ...grid, firstLocation: 1, marked },
  }));
}
