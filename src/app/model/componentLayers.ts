// Layers of a component: of a model of two stacks those of its own stack.

import type { ModelInfo } from '../../worker/protocol.ts';

/** @returns all layers for a component that the model does not have, or has once */
export const layersOfComponent = (
  { components, layerCount }: Pick<ModelInfo, 'components' | 'layerCount'>,
  component: string,
): number => components.find(({ name }) => name === component)?.layers ?? layerCount;
