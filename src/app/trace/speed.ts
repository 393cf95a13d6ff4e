// How long a trace will take, from how long earlier ones took on this device with this model. Time goes by the tokens that
// pass a layer; before the first trace, the run of the prompt alone gives an upper bound.

import type { TraceWork } from '../../experiments/trace/plan.ts';
import type { DeviceInfo, ModelInfo, Prediction } from '../../worker/protocol.ts';
import type { DeviceStore } from '../frame/deviceStore.ts';
import { type Memory, writeChoice } from '../frame/memory.ts';
import type { ModelStore } from '../model/modelStore.ts';
import type { EstimateStore } from '../stores/estimate.ts';
import type { TraceStore } from '../stores/trace.ts';

export interface TimeEstimate {
  readonly ms: number;
  /** `learned` from a trace; a `bound` from a single run, which uses the device far worse. */
  readonly kind: 'learned' | 'bound';
}

const keyOf = (device: DeviceInfo, model: ModelInfo): string =>
  `patchbay.speed.${device.backend}.${device.threads ?? device.adapter ?? ''}.${model.label}.${model.layerCount}`;

function rememberedRate(memory: Memory, key: string): number | null {
  try {
    const rate = Number(memory.getItem(key));
    return rate > 0 && Number.isFinite(rate) ? rate : null;
  } catch {
    return null;
  }
}

/** Learn from a trace that ran from its first cell to its last. */
export function learnSpeed(
  memory: Memory,
  device: DeviceInfo,
  model: ModelInfo,
  work: TraceWork,
  elapsedMs: number,
): void {
  const key = keyOf(device, model);
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
  work: TraceWork,
  prediction: Prediction | null,
): TimeEstimate | null {
  const rate = rememberedRate(memory, keyOf(device, model));
  if (rate !== null) return { ms: rate * work.tokenLayers, kind: 'learned' };
  if (prediction === null || prediction.tokens.length === 0) return null;
  const single = prediction.elapsedMs / (prediction.tokens.length * model.layerCount);
  return { ms: single * work.tokenLayers, kind: 'bound' };
}

/** Time left of a run, from the part of its work that is done; null until there is something to go by. */
export function timeLeft(elapsedMs: number, part: number, expectedMs: number | null): number | null {
  if (part >= 1) return 0;
  const extrapolated = part > 0.02 ? (elapsedMs * (1 - part)) / part : null;
  if (extrapolated === null) return expectedMs === null ? null : Math.max(0, expectedMs - elapsedMs);
  if (expectedMs === null) return extrapolated;
  // The first batches are small and slow: what was learned counts until a good part has run.
  const trust = Math.min(1, part * 3);
  return trust * extrapolated + (1 - trust) * Math.max(0, expectedMs - elapsedMs);
}

interface Stores {
  readonly trace: TraceStore;
  readonly estimate: EstimateStore;
  readonly device: DeviceStore;
  readonly model: ModelStore;
}

/** Learn from every trace that the page runs from its first cell to its last. */
export function learnFromRuns(memory: Memory, { trace, estimate, device, model }: Stores): void {
  trace.subscribe(({ shown }, before) => {
    const elapsedMs = shown?.elapsedMs ?? null;
    if (shown === null || shown === before.shown || elapsedMs === null) return;
    const known = estimate.getState();
    const on = device.getState();
    const { info } = model.getState();
    if (known.status !== 'known' || known.key !== shown.key || on.status !== 'ready' || info === null) return;
    learnSpeed(memory, on.info, info, known.value.work, elapsedMs);
  });
}
