// How long a sequence can become.

import type { Architecture } from '../../architectures/architecture.ts';

/** Positions that can be computed. */
export const positionLimit = ({ maxPositions }: Architecture): number => maxPositions;

/** New tokens that can follow a prompt: the last of them is not fed back, so it needs no position. */
export const newTokenLimit = (architecture: Architecture, promptLength: number): number =>
  Math.max(0, positionLimit(architecture) - promptLength + 1);

/**
 * The length beyond which a model turns the positions of a whole sequence by other angles (longrope): there, what was kept of
 * the sequence is of no use. Undefined for most models.
 */
export function lengthSwitch({ blocks }: Architecture): number | undefined {
  const lengths = blocks.flatMap(({ weights }) =>
    Object.values(weights).flatMap((source) =>
      source.kind === 'positions' && source.after !== undefined ? [source.after] : [],
    ),
  );
  return lengths.length > 0 ? Math.min(...lengths) : undefined;
}
