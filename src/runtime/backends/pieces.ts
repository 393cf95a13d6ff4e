// Pieces of tensors that are copied together. Rows that lie one after another, and are to lie one after another, are one
// piece: a sweep hands hundreds of rows from layer to layer, and on a GPU each piece is a command.

import type { Piece } from './backend.ts';

/** The same copy in as few pieces as can be, in the same order. */
export function joinedPieces(pieces: readonly Piece[]): readonly Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    const follows =
      last?.from === piece.from &&
      last.start + last.count === piece.start &&
      last.at + last.count === piece.at;
    if (last && follows) joined[joined.length - 1] = { ...last, count: last.count + piece.count };
    else if (piece.count > 0) joined.push(piece);
  }
  return joined;
}

/** The ranges of a tensor of so many elements that no piece covers, ascending. */
export function uncovered(
  pieces: readonly Pick<Piece, 'at' | 'count'>[],
  elements: number,
): readonly { readonly at: number; readonly count: number }[] {
  const gaps: { at: number; count: number }[] = [];
  let covered = 0;
  for (const { at, count } of [...pieces].sort((a, b) => a.at - b.at)) {
    if (at > covered) gaps.push({ at: covered, count: at - covered });
    covered = Math.max(covered, at + count);
  }
  if (elements > covered) gaps.push({ at: covered, count: elements - covered });
  return gaps;
}
