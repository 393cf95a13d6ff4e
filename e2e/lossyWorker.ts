// The engine's own worker, between which and the page some messages of a run are held or lost: what a device that goes away,
// or a slow one, looks like from the page. Put in place of `window.Worker` before the page loads; the engine is the real one.

import type { Page } from '@playwright/test';

/** What the page is told when a device is lost for good. */
export const lostSentence = 'The GPU device was lost (driver reset). Load the model again to go on.';

/** Runs in the page; must not refer to anything outside itself. */
function installLossyWorker(sentence: string): void {
  interface Message {
    readonly kind: string;
    readonly id: number;
    readonly name?: string;
    readonly part?: unknown;
  }
  /** Parts of the next run that arrive: then the device is lost, or nothing more comes until the run is cancelled. */
  const plan: { after: number | null; how: 'lost' | 'held' } = { after: null, how: 'lost' };
  Object.defineProperty(window, 'lossy', { value: plan });
  const Real = window.Worker;
  class LossyWorker extends Real {
    readonly runs = new Map<number, { after: number; how: 'lost' | 'held'; isOver: boolean }>();

    override postMessage(message: Message): void {
      if (message.kind === 'call' && message.name === 'run' && plan.after !== null) {
        this.runs.set(message.id, { after: plan.after, how: plan.how, isOver: false });
        plan.after = null;
      }
      super.postMessage(message);
    }

    /** What the page gets to see of a message. */
    seen(message: Message): readonly object[] {
      const run = this.runs.get(message.id);
      if (run === undefined) return [message];
      if (run.isOver) return [];
      if (message.kind === 'progress') return [message];
      if (message.kind === 'part' && run.after-- > 0) return [message];
      run.isOver = true;
      // What the worker goes on computing is for nobody.
      super.postMessage({ kind: 'cancel', id: message.id });
      return run.how === 'held'
        ? []
        : [{ kind: 'failure', id: message.id, name: 'DeviceLostError', message: sentence }];
    }

    override addEventListener(type: string, listener: EventListener): void {
      const onMessage = (event: Event) => {
        if (!(event instanceof MessageEvent)) return;
        for (const data of this.seen(event.data)) listener(new MessageEvent('message', { data }));
      };
      super.addEventListener(type, type === 'message' ? onMessage : listener);
    }
  }
  Object.defineProperty(window, 'Worker', { value: LossyWorker });
}

export const withLossyWorker = (page: Page): Promise<unknown> =>
  page.addInitScript(installLossyWorker, lostSentence);

/** Of the next run: so many parts arrive, and then its device is lost, or it hangs until it is cancelled. */
export const nextRun = (page: Page, how: 'lost' | 'held', after: number): Promise<void> =>
  page.evaluate((plan) => Object.assign(Reflect.get(window, 'lossy'), plan), { how, after }).then(() => {});
