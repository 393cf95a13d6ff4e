// Work on a device that may be lost, or have no room: it is done again on one that is opened anew, asking for less.

import { DeviceLostError, OutOfMemoryError } from './backends/backend.ts';

export interface Recovery {
  readonly signal?: AbortSignal;
  /** Drops the device and all that is on it. @param error that made it useless */
  readonly reset: (error: DeviceLostError | OutOfMemoryError) => Promise<void>;
}

/**
 * Do `work`; when the device is lost meanwhile, once more on another.
 * @param giveUp asks for less of a device that had no room; false where nothing is left to give up
 * @throws what `work` throws, when a device that has no room for it is dropped all the same, so that what is asked for next
 *         finds another; the signal's reason when it was aborted meanwhile
 */
export async function recovering<T>(
  { signal, reset }: Recovery,
  work: () => Promise<T>,
  giveUp: (error: OutOfMemoryError) => boolean,
): Promise<T> {
  let isFirst = true;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isLost = error instanceof DeviceLostError;
      if (!isLost && !(error instanceof OutOfMemoryError)) throw error;
      if (isLost && !isFirst) throw error;
      if (!isLost && !giveUp(error)) {
        // Less would be refused as well by a device that was full once. What goes wrong here says less than what went wrong.
        await reset(error).catch(() => undefined);
        throw error;
      }
      if (isLost) isFirst = false;
      await reset(error);
      signal?.throwIfAborted();
    }
  }
}
