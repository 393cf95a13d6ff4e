// Units of work: consecutive batches under a name. The experiment and the shape of its model decide what is in a batch,
// and a batch runs as a whole or not at all; so what a unit computes does not depend on which others run beside it, to
// the last bit, and a border between units costs nothing.

export interface Unit<Batch> {
  /** `cells 65-480`: the places of its cells, counted from 1, in the order in which they run. */
  readonly name: string;
  readonly batches: readonly Batch[];
}

/** Rows that a unit has at least, if there are as many: the first batches are small, and several of them make a unit. */
const fewestRows = 512;

/**
 * @param batches in the order in which they run
 * @param rowsOf rows of a batch, over all of its plans
 */
export function unitsOf<Batch extends { readonly cells: readonly unknown[] }>(
  batches: readonly Batch[],
  rowsOf: (batch: Batch) => number,
): readonly Unit<Batch>[] {
  const groups: Batch[][] = [];
  let rows = fewestRows;
  for (const batch of batches) {
    if (rows >= fewestRows) {
      groups.push([]);
      rows = 0;
    }
    groups.at(-1)?.push(batch);
    rows += rowsOf(batch);
  }
  // What is left over at the end would not fill a unit of its own.
  if (rows < fewestRows && groups.length > 1) {
    const rest = groups.pop() ?? [];
    groups.at(-1)?.push(...rest);
  }
  let before = 0;
  return groups.map((group) => {
    const first = before + 1;
    before += group.reduce((sum, { cells }) => sum + cells.length, 0);
    return { name: `cells ${first}-${before}`, batches: group };
  });
}

/** Names of units whose cells are all there. */
export const finishedUnits = <Batch extends { readonly cells: readonly unknown[] }>(
  units: readonly Unit<Batch>[],
  isDone: (cell: Batch['cells'][number], batch: Batch) => boolean,
): readonly string[] =>
  units
    .filter(({ batches }) => batches.every((batch) => batch.cells.every((cell) => isDone(cell, batch))))
    .map(({ name }) => name);
