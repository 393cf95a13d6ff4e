// Where things stand in the order of computation: the embedding, the layers, the head.

import type { Architecture } from '../../architectures/architecture.ts';

/** Where a site stands in the order of computation: the embedding, a layer, or the head. */
export type Stage = number;

export const embedStage: Stage = -1;

export const headStage = (architecture: Architecture): Stage => architecture.layerCount;
