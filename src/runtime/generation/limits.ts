// How long a sequence can become.

import type { Architecture } from '../../architectures/architecture.ts';

/** Positions that can be computed. */
export const positionLimit = ({ maxPositions }: Architecture): number => maxPositions;

/** New tokens that can follow a prompt: the last of them is not fed back, so it needs no position. */
export const newTokenLimit = (architecture: Architecture, promptLength: number): number =>
  Math.max(0, positionLimit(architecture) - promptLength + 1);
