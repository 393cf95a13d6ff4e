// How long a run will take, from how long earlier ones took on this device with this model. Time goes by the tokens that
// pass a layer; before the first run, that of the prompt alone gives an idea.

import type { Estimate } from '../../experiments/kind.ts';
import type { DeviceInfo, ModelInfo, Prediction } from '../../worker/protocol.ts';
import { type Memory, writeChoice } from '../frame/memory.ts';
import type { AnyPage } from './experimentPage.ts';

/** Token-layers are what time goes by. */
type Work = Pick<Estimate, 'tokenLayers'>;

export interface TimeEstimate {
  readonly ms: number;
  /** `learned` from a run like it; `guessed` from the prompt alone. */
  readonly kind: 'learned' | 'guessed';
}

/**
 * How much less a token in a batch of hundreds takes than one in a prompt alone. Measured on the embedded model on WASM: 15 for
 * the first prompt after a load, which waits for graphs to be made, and 1.5 to 7 later.
 */
const batchGain = 4;

/** A step of training is other work than a pass: each kind has a speed of its own. */
const keyOf = (device: DeviceInfo, model: ModelInfo, kind: string): string =>
  `patchbay.speed.${kind}.${device.backend}.${device.threads ?? device.adapter ?? ''}.${model.label}.${model.layerCount}`;

function rememberedRate(memory: Memory, key: string): number | null {
  try {
    const rate = Number(memory.getItem(key));
    return rate > 0 && Number.isFinite(rate) ? rate : null;
  } catch {
    return null;
  }
}

/** Learn from a run that began with nothing done and came to its end. */
export function learnSpeed(
  memory: Memory,
  device: DeviceInfo,
  model: ModelInfo,
  kind: string,
  work: Work,
  elapsedMs: number,
): void {
  const key = keyOf(device, model, kind);
  const rate = elapsedMs / work.tokenLayers;
  if (!(rate > 0) || !Number.isFinite(rate)) return;
  const before = rememberedRate(memory, key);
  // The latest run counts most: another program may have had the device before.
  writeChoice(memory, key, String(before === null ? rate : 0.3 * before + 0.7 * rate));
}

/** @returns null when nothing has run on this device yet */
export function estimateTime(
  memory: Memory,
  device: DeviceInfo,
  model: ModelInfo,
  kind: string,
  work: Work,
  prediction: Prediction | null,
): TimeEstimate | null {
  const rate = rememberedRate(memory, keyOf(device, model, kind));
  if (rate !== null) return { ms: rate * work.tokenLayers, kind: 'learned' };
  if (prediction === null || prediction.tokens.length === 0) return null;
  const single = prediction.elapsedMs / (prediction.tokens.length * model.layerCount);
  return { ms: (single / batchGain) * work.tokenLayers, kind: 'guessed' };
}

/**
 * Time left of a run, from the part of its work that is done; null until there is something to go by.
 * @param expectedOfAllMs of the whole work
 * @param doneBefore the part of it that took no time now, because an earlier run had done it
 */
export function timeLeft(
  elapsedMs: number,
  partOfAll: number,
  expectedOfAllMs: number | null,
  doneBefore = 0,
): number | null {
  if (partOfAll >= 1) return 0;
  const part = Math.max(0, (partOfAll - doneBefore) / (1 - doneBefore));
  const expectedMs = expectedOfAllMs === null ? null : expectedOfAllMs * (1 - doneBefore);
  const extrapolated = part > 0.02 ? (elapsedMs * (1 - part)) / part : null;
  if (extrapolated === null) return expectedMs === null ? null : Math.max(0, expectedMs - elapsedMs);
  if (expectedMs === null) return extrapolated;
  // The first batches are small and slow: what was learned counts until a good part has run.
  const trust = Math.min(1, part * 3);
  return trust * extrapolated + (1 - trust) * Math.max(0, expectedMs - elapsedMs);
}

/** Learn from every run of a page. */
export function learnFromRuns(
  memory: Memory,
  { name, store }: Pick<AnyPage, 'name' | 'store'>,
  device: () => DeviceInfo | null,
): void {
  store.subscribe(({ shown, estimate, world }, before) => {
    const elapsedMs = shown?.elapsedMs ?? null;
    const on = device();
    if (shown === null || shown === before.shown || elapsedMs === null || on === null) return;
    if (estimate.status !== 'known' || estimate.key !== shown.key || world.model === null) return;
    learnSpeed(memory, on, world.model, name, estimate.value, elapsedMs);
  });
}
