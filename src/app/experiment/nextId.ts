// Ids by which rows, methods, cables and the like are known while others come and go.

/** One that none of them has: the first is 1. */
export const nextId = (of: readonly { readonly id: number }[]): number =>
  of.reduce((most, { id }) => Math.max(most, id), 0) + 1;
