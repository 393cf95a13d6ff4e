// A model for the length of one command, on a device that may be lost or have no room: it is opened again, with less where
// memory ran out, and each step is said.

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type BackendKind, DeviceLostError } from '../runtime/backends/backend.ts';
import type { Model } from '../runtime/model.ts';
import { recovering } from '../runtime/recovering.ts';
import { lessRoom, wholeRoom } from '../runtime/weights/room.ts';
import { type HostOptions, withModel } from './hostModel.ts';

/**
 * `withModel`, again where it has to be. Weights that were asked for as they are stay so.
 * @param use is called once for each time that a model was opened
 */
export async function withFittingModel<T>(
  spec: string,
  kind: BackendKind,
  options: HostOptions,
  use: (model: Model, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  let room = wholeRoom;
  let running: Model | undefined;
  const { signal } = options;
  return recovering(
    {
      ...(signal ? { signal } : {}),
      // The device is closed by then.
      reset: async (error) => {
        if (error instanceof DeviceLostError)
          console.error('Note: The GPU device was lost. The model is opened again, to go on on another.');
      },
    },
    () => {
      running = undefined;
      return withModel(spec, kind, { ...options, room }, (model, checkpoint) => {
        running = model;
        return use(model, checkpoint);
      });
    },
    (error) => {
      const next = lessRoom(room, error, running);
      if (!next || (options.residency !== undefined && next.residency !== room.residency)) return false;
      const notice = next.notices.length > room.notices.length ? next.notices.at(-1) : undefined;
      room = next;
      if (notice !== undefined) console.error(`Note: ${notice}`);
      return true;
    },
  );
}
