// What the positions of a panel are called: tokens of the prompt or of the source, or parts of a picture or a sound.

import type { Locations } from '../../figures/description.ts';
import { inputOfPlaced, type PlacedInInput } from '../inputParts.ts';
import { tokensAt } from '../pairs.ts';
import type { PatchResult } from './result.ts';

type Named = Pick<PatchResult, 'pairs' | 'input' | 'picture'>;
type Panel = PlacedInInput;

export interface PlaceWords {
  readonly text: string;
  /** A token's, or the first of a part of the input. */
  readonly position: number;
  /** The two runs of some pair differ there. */
  readonly isCorrupted: boolean;
  /** The text is one of several pairs' tokens. */
  readonly isOfMany: boolean;
}

/** @param place among the positions of the prompt, or the columns of the input */
export function placeWords(result: Named, panel: Panel, place: number): PlaceWords {
  const { pairs } = result;
  const input = inputOfPlaced(result, panel);
  if (input && input.kind !== 'text') {
    const { text = '', positions = [] } = input.columns[place] ?? {};
    const isCorrupted = positions.some((position) => input.corrupted?.includes(position));
    return { text, position: positions[0] ?? place, isCorrupted, isOfMany: false };
  }
  const read = panel.isOfInput
    ? pairs.map(({ source = [], corruptedSource }) => ({ clean: source, corrupted: corruptedSource }))
    : pairs;
  const found = tokensAt({ pairs: read }, [place]);
  const [{ text, isCorrupted = false } = { text: '' }] = found.kind === 'position' ? found.tokens : [];
  return { text, position: place, isCorrupted, isOfMany: pairs.length > 1 };
}

/** What stands beside a panel's columns. */
export function locationsAt(result: Named, panel: Panel, places: readonly number[]): Locations {
  const words = places.map((place) => placeWords(result, panel, place));
  const isNamed = panel.isOfPicture || (panel.isOfInput && result.input?.kind !== 'text');
  if (isNamed)
    return { kind: 'named', names: words.map(({ text, isCorrupted }) => `${text}${isCorrupted ? '*' : ''}`) };
  return {
    kind: 'position',
    tokens: words.map(({ text, isCorrupted }) => ({ text, ...(isCorrupted ? { isCorrupted } : {}) })),
  };
}
