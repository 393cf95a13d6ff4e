// A long run in the worker, one step at a time: between two steps other calls have their turn on the device, and what
// has arrived is on its way to the page. A device that is lost costs the step that was running, no more.

import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import type { Model } from '../runtime/model.ts';
import type { ModelSource } from './protocol.ts';

/** The model in use, and where it came from: after a lost device the same source gives another model. */
export interface ModelInUse {
  readonly source: ModelSource;
  readonly model: Model;
  readonly tokenizer: Tokenizer;
}

/**
 * Does its work when the device is free; when the device is lost, once more on a new one.
 * @param isLast what is done though the call was cancelled while it waited
 */
export type WithModel<InUse extends ModelInUse = ModelInUse> = <T>(
  work: (inUse: InUse) => Promise<T>,
  isLast?: boolean,
) => Promise<T>;

/**
 * Take the updates of a run one by one.
 * @param begin makes the run; called again when its model has been loaded again, for what has not arrived yet
 * @param take is called with each update and the model that it came from
 * @param signal that the run heeds: one that was stopped between two steps is asked once more for what it has
 * @throws what the run throws, or an Error when another model was loaded meanwhile; the run is closed whatever happens
 */
export async function runInSteps<Update, InUse extends ModelInUse = ModelInUse>(
  withModel: WithModel<InUse>,
  begin: (inUse: InUse) => Promise<AsyncGenerator<Update, void>>,
  take: (update: Update, inUse: InUse) => void,
  signal?: AbortSignal,
): Promise<void> {
  let run: (InUse & { readonly updates: AsyncGenerator<Update, void> }) | undefined;

  let isInStep = false;

  /** @returns whether that was the last one */
  async function step(inUse: InUse): Promise<boolean> {
    isInStep = true;
    if (run && run.source !== inUse.source) {
      throw new Error('Another model was loaded while this ran. What has arrived belongs to the first.');
    }
    if (run?.model !== inUse.model) run = { ...inUse, updates: await begin(inUse) };
    const { value: update } = await run.updates.next();
    isInStep = false;
    if (!update) return true;
    take(update, inUse);
    return false;
  }

  /** What a run has that has not heard yet that it is stopped. */
  const lastStep = async (inUse: InUse): Promise<unknown> =>
    run?.model === inUse.model ? step(inUse) : undefined;

  try {
    let isOver = false;
    while (!isOver) isOver = await withModel(step);
  } catch (cause) {
    // The call ends with its reason, whatever the last step says of being stopped.
    if (signal?.aborted && run && !isInStep) await withModel(lastStep, true).catch(() => undefined);
    throw cause;
  } finally {
    // A run that was stopped between two steps holds tensors.
    await run?.updates.return();
  }
}
