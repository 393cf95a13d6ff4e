// Which cells run together: the first few soon, so that a picture shows early, then ever more, as far as memory allows.

/** Rows of the first batch: a picture soon. Each batch is twice the one before, up to `mostRows`. */
const fewestRows = 64;
/** Runs that every batch repeats (those that cells fork from) cost little beside so many rows. */
const mostRows = 1024;
/** What rows keep between layers grows with their tokens. */
const mostTokens = 8192;

export interface Weight {
  /** Rows of a plan, and the tokens that they carry. */
  readonly rows: number;
  readonly tokens: number;
}

/** Cells in order, parted into batches. Depends on their weights alone. */
export function fillBatches<Cell extends Weight>(cells: readonly Cell[]): readonly (readonly Cell[])[] {
  const batches: Cell[][] = [];
  let open: Cell[] = [];
  let openRows = 0;
  let openTokens = 0;
  let rows = fewestRows;
  const close = () => {
    if (open.length > 0) batches.push(open);
    open = [];
    openRows = 0;
    openTokens = 0;
    rows = Math.min(mostRows, rows * 2);
  };
  for (const cell of cells) {
    if (open.length > 0 && (openRows + cell.rows > rows || openTokens + cell.tokens > mostTokens)) close();
    open.push(cell);
    openRows += cell.rows;
    openTokens += cell.tokens;
  }
  close();
  return batches;
}
