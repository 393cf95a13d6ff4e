// Pinned cells: up to four, lettered A to D in the figure, its file and its link. A letter stays with its cell while
// others come and go.

import { type CellAddress, isSameCell, type Pin, type PinLetter } from './description.ts';

const letters: readonly PinLetter[] = ['A', 'B', 'C', 'D'];

/** Pin a cell under the first free letter, or unpin it. With four pins, another cell changes nothing. */
export function togglePin(pins: readonly Pin[], cell: CellAddress): readonly Pin[] {
  if (pins.some((pin) => isSameCell(pin, cell))) return pins.filter((pin) => !isSameCell(pin, cell));
  const letter = letters.find((each) => pins.every((pin) => pin.letter !== each));
  if (letter === undefined) return pins;
  const { panel, location, layer } = cell;
  return [...pins, { letter, panel, location, layer }].toSorted((a, b) => a.letter.localeCompare(b.letter));
}

/** What Escape does: unpin the cell if it is pinned, otherwise all. */
export function unpin(pins: readonly Pin[], cell: CellAddress | undefined): readonly Pin[] {
  const others = pins.filter((pin) => !isSameCell(pin, cell));
  return others.length < pins.length ? others : [];
}
