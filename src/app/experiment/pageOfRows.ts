// A long list of rows a few at a time: which of them are in view.

/** Rows that are shown at once, where each is a form. */
export const rowsInView = 8;

/** The first of the rows that are shown together with the one at a place. */
export const pageHolding = (at: number, size = rowsInView): number => at - (at % size);

/** The first in view: rows may have gone since it was asked for. */
export const firstInView = (asked: number, count: number, size = rowsInView): number =>
  asked < count ? asked : pageHolding(Math.max(0, count - 1), size);
