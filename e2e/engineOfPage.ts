// The engine of the built page, asked from outside it: the page's own worker, which the page keeps using beside. For what
// has no control on the page.

import type { Page } from '@playwright/test';
import type { AlignExperiment } from '../src/experiments/align/experiment.ts';
import { alignKind } from '../src/experiments/align/kind.ts';
import type { AlignResult } from '../src/experiments/align/result.ts';
import type { Update } from '../src/experiments/kind.ts';

interface KeptWindow extends Window {
  engineWorker?: Worker;
  stopTraining?: () => void;
  trainedSteps?: number;
}

/** Runs in the page before its own scripts: keeps the worker that they start. */
function keepWorker(): void {
  const Own = window.Worker;
  window.Worker = class extends Own {
    constructor(...given: ConstructorParameters<typeof Own>) {
      super(...given);
      (window as KeptWindow).engineWorker = this;
    }
  };
}

/** To be called before the page is opened. */
export const keepEngine = async (page: Page): Promise<void> => {
  await page.addInitScript(keepWorker);
};

export interface TrainedInPage {
  readonly result: AlignResult;
  /** Of the page's clock, from the call. */
  readonly beganMs: number;
  readonly stepsMs: readonly number[];
  readonly epochsMs: readonly number[];
  readonly elapsedMs: number;
  /** Largest time between two frames of the page meanwhile. */
  readonly longestFrameMs: number;
}

interface Heard {
  readonly parts: readonly { readonly ms: number; readonly text: string }[];
  readonly elapsedMs: number;
  readonly longestFrameMs: number;
}

/** Steps that have arrived of the training that runs. */
export const trainedSteps = (page: Page): Promise<number> =>
  page.evaluate(() => (window as KeptWindow).trainedSteps ?? 0);

/** Cancel the training that runs; it then comes back with what there is. */
export const stopTraining = (page: Page): Promise<void> =>
  page.evaluate(() => (window as KeptWindow).stopTraining?.());

/**
 * Train in the page's worker.
 * @throws Error with the worker's words, unless it was stopped
 */
export async function alignInPage(page: Page, experiment: AlignExperiment): Promise<TrainedInPage> {
  // Float32Arrays do not pass from the page as they are.
  const heard = await page.evaluate(
    (given) =>
      new Promise<Heard>((resolve, reject) => {
        const worker = (window as KeptWindow).engineWorker;
        if (!worker) throw new Error('The page has started no worker.');
        const parts: { ms: number; text: string }[] = [];
        const started = performance.now();
        let frame = started;
        let longestFrameMs = 0;
        let isOver = false;
        const onFrame = () => {
          const now = performance.now();
          longestFrameMs = Math.max(longestFrameMs, now - frame);
          frame = now;
          if (!isOver) requestAnimationFrame(onFrame);
        };
        requestAnimationFrame(onFrame);
        // The page's own calls count up from 1.
        const id = -1 - Math.floor(1e9 * Math.random());
        worker.addEventListener('message', ({ data }) => {
          if (data.id !== id) return;
          const ms = performance.now() - started;
          if (data.kind === 'part') {
            const text = JSON.stringify(data.part, (_, value) =>
              value instanceof Float32Array ? { floats: [...value] } : value,
            );
            parts.push({ ms, text });
            if (data.part.change?.kind === 'step') {
              const own: KeptWindow = window;
              own.trainedSteps = (own.trainedSteps ?? 0) + 1;
            }
          } else if (data.kind !== 'progress') {
            isOver = true;
            const isStopped = data.name === 'AbortError';
            if (data.kind === 'failure' && !isStopped) reject(new Error(`${data.name}: ${data.message}`));
            else resolve({ parts, elapsedMs: ms, longestFrameMs });
          }
        });
        (window as KeptWindow).stopTraining = () => worker.postMessage({ kind: 'cancel', id });
        worker.postMessage({
          kind: 'call',
          id,
          name: 'run',
          given: { experiment: given, earlier: null, leaveOut: [] },
        });
      }),
    experiment,
  );
  const growth = alignKind.growth();
  const at = (kind: string) =>
    heard.parts.filter(({ text }) => text.includes(`"change":{"kind":"${kind}"`)).map(({ ms }) => ms);
  for (const { text } of heard.parts) {
    const update: Update = JSON.parse(text, (_, value) =>
      value !== null && typeof value === 'object' && 'floats' in value
        ? Float32Array.from(value.floats)
        : value,
    );
    growth.take(update);
  }
  const { result } = growth;
  if (!result) throw new Error('The worker handed over no result.');
  const { elapsedMs, longestFrameMs } = heard;
  const [beganMs = Number.NaN] = at('begin');
  return { result, beganMs, stepsMs: at('step'), epochsMs: at('epoch'), elapsedMs, longestFrameMs };
}
