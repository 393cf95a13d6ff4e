// How long a GPU is at work while a program waits for it or does its own. Where the adapter has timestamps they stand at both ends of
// each pass; where it has none, what is known is from when to when something was submitted and not done.

import { replaceMethod, watchMethod } from './methods.ts';

export interface KernelTime {
  /**
   * `timestamps`: the time in passes. `queue`: while anything was submitted and not known to be done, copies included; more than the
   * kernels took, by what the program needed to hear of it.
   */
  readonly by: 'timestamps' | 'queue';
  readonly seconds: number;
}

/** Passes of one encoder at most: it is submitted after 64 dispatches. */
const mostPasses = 256;
const nanosecondsPerSecond = 1e9;
const feature: GPUFeatureName = 'timestamp-query';

interface Timed {
  readonly queries: GPUQuerySet;
  passes: number;
}

export interface KernelClock {
  /** Forget what was before. Nothing may be under way. */
  start(): void;
  /** When all that was submitted is done. @throws where the adapter gives no times, with the reason */
  stop(): Promise<KernelTime>;
}

function deviceOf(encoders: WeakMap<object, GPUDevice>, encoder: object): GPUDevice {
  const device = encoders.get(encoder);
  if (!device) throw new Error('A pass was begun by an encoder that nobody saw made.');
  return device;
}

/** Call it once, when WebGPU is there and before a device is asked for. */
export function clockKernels(): KernelClock {
  const encoders = new WeakMap<object, GPUDevice>();
  const timed = new WeakMap<object, Timed>();
  const finished: { readonly into: GPUBuffer; readonly passes: number; readonly release: () => void }[] = [];
  let pending: Promise<unknown>[] = [];
  let open = 0;
  let since = 0;
  let busyMs = 0;
  let hasTimes = false;

  replaceMethod('GPUAdapter', 'requestDevice', (original) => (self, [asked = {}]) => {
    const { features } = self as GPUAdapter; // It is a method of one.
    const descriptor = asked as GPUDeviceDescriptor; // As WebGPU has it.
    hasTimes = features.has(feature);
    const more = hasTimes ? [feature] : [];
    return original(self, [
      { ...descriptor, requiredFeatures: [...(descriptor.requiredFeatures ?? []), ...more] },
    ]);
  });
  watchMethod('GPUDevice', 'createCommandEncoder', (device, _, encoder) => {
    encoders.set(Object(encoder), device as GPUDevice); // It is a method of one.
  });
  replaceMethod('GPUCommandEncoder', 'beginComputePass', (original) => (encoder, [given = {}]) => {
    if (!hasTimes) return original(encoder, [given]);
    const device = deviceOf(encoders, encoder);
    const own = timed.get(encoder) ?? {
      queries: device.createQuerySet({ type: 'timestamp', count: 2 * mostPasses }),
      passes: 0,
    };
    timed.set(encoder, own);
    if (own.passes === mostPasses) throw new Error(`More than ${mostPasses} passes are not timed at once.`);
    const at = 2 * own.passes;
    own.passes += 1;
    const timestampWrites = {
      querySet: own.queries,
      beginningOfPassWriteIndex: at,
      endOfPassWriteIndex: at + 1,
    };
    return original(encoder, [{ ...Object(given), timestampWrites }]);
  });
  replaceMethod('GPUCommandEncoder', 'finish', (original) => (self, args) => {
    const own = timed.get(self);
    if (!own) return original(self, args);
    const encoder = self as GPUCommandEncoder; // It is a method of one.
    const device = deviceOf(encoders, self);
    const size = 16 * own.passes;
    const resolved = device.createBuffer({
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    const into = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    encoder.resolveQuerySet(own.queries, 0, 2 * own.passes, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, into, 0, size);
    const release = () => {
      own.queries.destroy();
      resolved.destroy();
      into.destroy();
    };
    finished.push({ into, passes: own.passes, release });
    return original(self, args);
  });
  watchMethod('GPUQueue', 'submit', (self) => {
    const queue = self as GPUQueue; // It is a method of one.
    if (open === 0) since = performance.now();
    open += 1;
    const done = queue.onSubmittedWorkDone().then(() => {
      open -= 1;
      if (open === 0) busyMs += performance.now() - since;
    });
    pending.push(done);
  });

  async function inPasses(): Promise<number> {
    let nanoseconds = 0n;
    for (const { into, release } of finished.splice(0)) {
      await into.mapAsync(GPUMapMode.READ);
      const times = new BigUint64Array(into.getMappedRange());
      for (let at = 0; at + 1 < times.length; at += 2) {
        const [begin = 0n, end = 0n] = [times[at], times[at + 1]];
        if (begin === 0n || end < begin)
          throw new Error('This adapter says that it has timestamps, and gives none: no time of kernels.');
        nanoseconds += end - begin;
      }
      release();
    }
    return Number(nanoseconds) / nanosecondsPerSecond;
  }

  return {
    start: () => {
      for (const { release } of finished.splice(0)) release();
      pending = [];
      busyMs = 0;
    },
    stop: async () => {
      await Promise.all(pending);
      if (hasTimes) return { by: 'timestamps', seconds: await inPasses() };
      return { by: 'queue', seconds: busyMs / 1000 };
    },
  };
}
