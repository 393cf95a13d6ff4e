// The model as the page knows it: its components and their order, without weights or graphs. The library checks
// configurations against it here, so that its sentences are there while a cable is still in the hand.

import type { Architecture, ComponentDescription, Layout } from '../../architectures/architecture.ts';
import type { ComponentInfo, ModelInfo } from '../../worker/protocol.ts';

function layoutOf({ shape }: ComponentInfo): Layout {
  if (shape.length < 3) return 'token';
  return shape[2] === 'position' ? 'pair' : 'head';
}

function describe(component: ComponentInfo): ComponentDescription {
  const { name, layers, shape, description, feeds, place, isCross, onlyLayers, positions } = component;
  const layout = layoutOf(component);
  const headsOf = component.headsOf ?? (name.startsWith('head_') ? name.slice('head_'.length) : undefined);
  const heads = Number(layout === 'pair' ? shape[0] : shape[1]);
  return {
    name,
    scope: layers === null ? 'model' : 'layer',
    layout,
    width: layout === 'pair' ? 1 : Number(shape.at(-1)),
    ...(layout === 'token' ? {} : { heads }),
    ...(layout === 'head' && headsOf !== undefined ? { headsOf } : {}),
    description,
    feeds,
    ...(place ? { place } : {}),
    ...(isCross ? { isCross } : {}),
    ...(onlyLayers ? { layers: onlyLayers } : {}),
    ...(positions ? { positions } : {}),
  };
}

const noGraph = {
  key: 'outline',
  weights: {},
  build: (): never => {
    throw new Error('The page has no graphs; the worker does.');
  },
};

const outlines = new WeakMap<ModelInfo, Architecture>();

/** What may be asked of a model without running it. */
export function outlineOf(info: ModelInfo): Architecture {
  const known = outlines.get(info);
  if (known) return known;
  const { family, layerCount, width, headCount, vocabularySize, maxPositions, isCausal } = info;
  const outline: Architecture = {
    family: info.architecture,
    modelType: family,
    layerCount,
    width,
    headCount,
    vocabularySize,
    maxPositions,
    isCausal,
    // Nothing is run, so nothing is kept.
    presentWidth: 0,
    components: info.components.map(describe),
    embed: noGraph,
    blocks: [],
    head: noGraph,
    ignoredTensors: [],
  };
  outlines.set(info, outline);
  return outline;
}
