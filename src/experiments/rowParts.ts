// Rows that run as one plan where nothing is kept of them but what is read.

/** Rows of one plan where nothing but their end is read, and their tokens, at most. */
const batchLimits = { rows: 128, tokens: 4096 };

/** Runs parts of a work one after another; `rowLayers` of each are counted when it is done. */
export interface Work {
  readonly signal?: AbortSignal;
  readonly done: (rowLayers: number) => void;
}

/** In parts of at most `size`. */
export function inParts<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, part) =>
    items.slice(part * size, (part + 1) * size),
  );
}

/** In parts that run as one plan. @param tokensOf tokens of an item's row */
export function partsTogether<T>(
  items: readonly T[],
  tokensOf: (item: T) => number,
): readonly (readonly T[])[] {
  const parts: T[][] = [];
  let tokens = 0;
  for (const item of items) {
    const part = parts.at(-1);
    const own = tokensOf(item);
    if (part && part.length < batchLimits.rows && tokens + own <= batchLimits.tokens) {
      part.push(item);
      tokens += own;
    } else {
      parts.push([item]);
      tokens = own;
    }
  }
  return parts;
}
