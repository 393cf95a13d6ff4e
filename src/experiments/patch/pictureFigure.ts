// A patch of a picture's states laid over the picture: for each layer, what a square's states bring back or take away.

import type { HeatmapDescription } from '../../figures/description.ts';
import { figurePicture } from '../seenPicture.ts';
import type { OverlayFigure } from '../shown.ts';
import { locationsAt } from './places.ts';
import type { PatchResult } from './result.ts';

/** What stands beside the columns of a sweep that has each part of the picture once, in order. */
function wholeNames(result: PatchResult): readonly string[] {
  const { input, picture } = result;
  const places = ((picture ?? input)?.columns ?? []).map((_, place) => place);
  const locations = locationsAt(result, picture ? { isOfPicture: true } : { isOfInput: true }, places);
  return locations.kind === 'named' ? locations.names : [];
}

/**
 * One figure for each heatmap that has a cell for every part of the picture, over the clean picture of the first pair. One
 * whose columns lie in another order, or are there twice, has none: its squares would show each other's cells.
 * @param heatmaps of the result
 */
export function pictureFigures(
  result: PatchResult,
  heatmaps: readonly HeatmapDescription[],
): readonly OverlayFigure[] {
  const { experiment } = result;
  const input = result.picture ?? result.input;
  if (!input?.grid) return [];
  const { grid, columns, corrupted } = input;
  const names = wholeNames(result);
  // Parts are told apart by their names; a file in which two are called the same does not say which is where.
  if (new Set(names).size < names.length) return [];
  const image = experiment.pairs[0]?.image;
  const picture = image && 'data' in image ? { picture: figurePicture(image.data, input.seen) } : {};
  const [, ...squares] = columns;
  const marked = squares.map(({ positions }) => positions.some((at) => corrupted?.includes(at)));
  const whole = heatmaps.filter(
    ({ locations }) =>
      locations.kind === 'named' &&
      locations.names.length === names.length &&
      locations.names.every((name, place) => name === names[place]),
  );
  return whole.map((heatmap, index) => ({
    kind: 'overlay',
    name: index === 0 ? 'picture' : `picture-${index + 1}`,
    description: { heatmap, ...picture, ...grid, firstLocation: 1, marked },
  }));
}
