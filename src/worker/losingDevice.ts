// For tests: a device whose first backend may lose itself in the middle of a run, or have no room, as a GPU does.

import { type Backend, DeviceLostError, type Program } from '../runtime/backends/backend.ts';
import { createNodeBackend } from '../runtime/backends/nodeBackend.ts';
import type { ChosenDevice } from './device.ts';

export interface LosingDevice {
  readonly chosen: Promise<ChosenDevice>;
  /** Backends in the order in which they were opened. */
  readonly opened: readonly Backend[];
  /** Graphs that the first has run. */
  readonly runs: () => number;
  /** Lose the first backend at the next thing that is asked of it. */
  readonly lose: () => void;
}

const lost = (): Error => new DeviceLostError('The GPU device was lost.');

/**
 * @param losesAfter graphs that the first backend runs before it is lost; default all
 * @param why        what happens to it then
 */
export function losingDevice(losesAfter = Number.POSITIVE_INFINITY, why = lost): LosingDevice {
  const opened: Backend[] = [];
  let runs = 0;
  let isLost = false;
  const check = (): void => {
    if (isLost) throw why();
  };
  const open = async (): Promise<Backend> => {
    const backend = createNodeBackend(1);
    opened.push(backend);
    if (opened.length > 1) return backend;
    const compile = async (...given: Parameters<Backend['compile']>): Promise<Program> => {
      const program = await backend.compile(...given);
      return {
        ...program,
        run: async (inputs) => {
          runs += 1;
          isLost ||= runs > losesAfter;
          check();
          return program.run(inputs);
        },
      };
    };
    return new Proxy(backend, {
      get: (target, key) => {
        if (key === 'compile') return compile;
        if (key === 'upload')
          return (...given: Parameters<Backend['upload']>) => {
            check();
            return backend.upload(...given);
          };
        const member: unknown = Reflect.get(target, key, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  };
  const info = { backend: 'wasm', threads: 1, reason: 'A test.' } as const;
  return {
    chosen: Promise.resolve({ info, open }),
    opened,
    runs: () => runs,
    lose: () => {
      isLost = true;
    },
  };
}
