// How a result of attribution patching grows: pair by pair, then patch by patch, until the means can be taken.

import { growthOf } from '../growth.ts';
import { inputOfPlaced } from '../inputParts.ts';
import type { Growth } from '../kind.ts';
import { metricOf, statisticOf } from '../metrics.ts';
import {
  isPatchComplete,
  type PatchChange,
  type PatchResult,
  panelLayers,
  patchGrowth,
} from '../patch/result.ts';
import { correlationWith } from './correlation.ts';
import type { AttributedPair, AttributionFile } from './result.ts';

type Panel = AttributionFile['panels'][number];

export type AttributionChange =
  | { readonly kind: 'started'; readonly result: AttributionFile }
  | { readonly kind: 'pair'; readonly index: number; readonly pair: AttributedPair }
  | { readonly kind: 'patch'; readonly change: PatchChange };

/** Means over pairs of one component's attributions, [layer, column]. */
function meanAttributions(
  { layerCount: all, ...read }: Pick<AttributionFile, 'layerCount' | 'input' | 'picture'>,
  { by, heads, positions, ...panel }: Panel,
  index: number,
  pairs: readonly AttributedPair[],
): readonly number[] {
  const columns = (heads ?? positions).length;
  const layerCount = panelLayers({ layerCount: all }, panel);
  const parts = inputOfPlaced(read, panel)?.columns ?? [];
  const columnOf = new Map(parts.flatMap(({ positions: some }, at) => some.map((each) => [each, at])));
  const means = new Array<number>(layerCount * columns).fill(0);
  for (const pair of pairs) {
    const { shape = [], values = [] } = pair.attributions[index] ?? {};
    const [, positionCount = 0, headCount = 1] = shape;
    values.forEach((value, at) => {
      const layer = Math.floor(at / (positionCount * headCount));
      const position = Math.floor(at / headCount) % positionCount;
      // A head is patched at all positions together, and a part of a picture whole; to first order their effects add up.
      const column = by === 'head' ? at % headCount : (columnOf.get(position) ?? position);
      const place = layer * columns + column;
      means[place] = (means[place] ?? 0) + value / pairs.length;
    });
  }
  return means;
}

/** What patching each cell adds to the metric. */
function patchedEffects(patch: PatchResult, index: number): readonly number[] {
  const metric = patch.pairs.every(({ distractor }) => distractor) ? 'logitDifference' : 'answerLogit';
  const { corrupted, panels } = patch;
  if (!corrupted) throw new Error('A patch between two prompts has two baselines.');
  const base = statisticOf(metricOf(corrupted, metric)).mean;
  return (panels[index]?.cells ?? []).map((samples) =>
    samples ? statisticOf(metricOf(samples, metric)).mean - base : 0,
  );
}

/** The result with its means, once all that they are taken over is there. */
function finished(result: AttributionFile): AttributionFile {
  const { unfinished, experiment } = result;
  const pairs = (unfinished?.pairs ?? []).filter((pair) => pair !== null);
  const patch = unfinished?.patch ?? undefined;
  const isWhole = experiment.compare ? patch !== undefined && isPatchComplete(patch) : true;
  if (!unfinished || pairs.length < result.pairs.length || !isWhole) return result;
  const { unfinished: _, ...whole } = result;
  const baselines = { clean: 0, corrupted: 0 };
  for (const { clean, corrupted } of pairs) {
    baselines.clean += clean / pairs.length;
    baselines.corrupted += corrupted / pairs.length;
  }
  const panels = result.panels.map((panel, index): Panel => {
    const attributions = meanAttributions(result, panel, index, pairs);
    if (!patch) return { ...panel, attributions };
    const patched = patchedEffects(patch, index);
    const correlation = correlationWith(attributions, patched);
    return {
      ...panel,
      attributions,
      patched,
      correlation: Number.isFinite(correlation) ? correlation : null,
    };
  });
  return { ...whole, baselines, panels };
}

function next(result: AttributionFile | undefined, change: AttributionChange): AttributionFile | undefined {
  if (change.kind === 'started') return finished(change.result);
  const { unfinished } = result ?? {};
  if (!result || !unfinished) return result;
  if (change.kind === 'pair') {
    const pairs = unfinished.pairs.map((pair, index) => (index === change.index ? change.pair : pair));
    return finished({ ...result, unfinished: { ...unfinished, pairs } });
  }
  const growth = patchGrowth();
  if (unfinished.patch) growth.take({ kind: 'started', result: unfinished.patch });
  growth.take(change.change);
  return finished({ ...result, unfinished: { ...unfinished, patch: growth.result ?? null } });
}

export const attributionGrowth = (): Growth<AttributionFile, AttributionChange> => growthOf(next);
