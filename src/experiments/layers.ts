// Windows of layers: which layers are edited together around one of them, where a row that edits them begins, and in
// which order layers are computed so that a picture shows early.

import { type Edit, type Location, replace, type Site, type Source } from '../runtime/plan/plan.ts';

/** Layers `from` to `to` (exclusive). */
export interface LayerRange {
  readonly from: number;
  readonly to: number;
  /** Part of the window lies outside the model. */
  readonly isCut: boolean;
}

/**
 * The layers around `layer` that a window covers, cut at the edges of the model:
 *
 *     max(0, layer - floor(window / 2)) to min(layerCount, layer + ceil(window / 2)), exclusive
 *
 * @see Meng et al. 2022, "Locating and Editing Factual Associations in GPT", and their causal_trace.py
 */
export function windowAround(layer: number, window: number, layerCount: number): LayerRange {
  const from = layer - Math.floor(window / 2);
  const to = layer + Math.ceil(window / 2);
  return {
    from: Math.max(0, from),
    to: Math.min(layerCount, to),
    isCut: from < 0 || to > layerCount,
  };
}

/** Layers from coarse to fine: a few spread over the model first, then those half way between, until all are there. */
export function coarseToFine(layerCount: number): readonly number[] {
  const order = new Set<number>();
  for (let step = 2 ** Math.floor(Math.log2(Math.max(1, layerCount / 3))); step >= 1; step /= 2) {
    for (let layer = 0; layer < layerCount; layer += step) order.add(layer);
  }
  return [...order];
}

/** A window, and where a row that edits it begins. */
export interface LayerSpan extends LayerRange {
  /** The layer at whose entrance it forks. */
  readonly fork: number;
}

/** The layers that a row passes which edits a component in a window of layers. */
export function layerSpan(component: string, layer: number, window: number, layerCount: number): LayerSpan {
  const range = windowAround(layer, window, layerCount);
  // Whatever leaves a block enters the next one, and a row that begins there passes one layer less.
  const isEntered =
    /(^|\.)block_output$/.test(component) && range.to - range.from === 1 && range.to < layerCount;
  return { ...range, fork: isEntered ? range.to : range.from };
}

/**
 * The edits that replace a component in every layer of a window.
 * @param sourceOf what stands there instead, of the component at each layer
 */
export function replaceWindow(
  { from, to, fork }: LayerSpan,
  component: string,
  location: Location,
  sourceOf: (site: Site & { readonly layer: number }) => Source,
): readonly Edit[] {
  return Array.from({ length: to - from }, (_, index): Edit => {
    const layer = from + index;
    return {
      site:
        fork > layer
          ? { component: component.replace(/block_output$/, 'block_input'), layer: fork }
          : { component, layer },
      location,
      fragment: replace,
      source: sourceOf({ component, layer }),
    };
  });
}
