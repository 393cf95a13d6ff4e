// Counts what a program asks of a GPU, by standing between it and WebGPU's own objects. Counts do not depend on the adapter, so
// what is saved on software is saved on a GPU; what it is worth there, seconds say.

import { watchMethod as watch } from './methods.ts';

export interface GpuCounts {
  readonly dispatches: number;
  readonly passes: number;
  readonly submissions: number;
  readonly pipelines: number;
  readonly buffers: number;
  /** The most bytes that buffers held at once, those from before included. */
  readonly mostBytes: number;
  readonly copies: number;
  readonly copiedBytes: number;
  /** To the GPU: written, or mapped when a buffer was made. */
  readonly upBytes: number;
  /** From the GPU: mapped to be read. */
  readonly downBytes: number;
  /** For the GPU: buffers mapped, and queues waited for. */
  readonly waits: number;
}

export type CountName = keyof GpuCounts;

const zero = (): Record<CountName, number> => ({
  dispatches: 0,
  passes: 0,
  submissions: 0,
  pipelines: 0,
  buffers: 0,
  mostBytes: 0,
  copies: 0,
  copiedBytes: 0,
  upBytes: 0,
  downBytes: 0,
  waits: 0,
});

const sizeOf = (descriptor: unknown): number =>
  typeof descriptor === 'object' && descriptor !== null && 'size' in descriptor ? Number(descriptor.size) : 0;

const isMapped = (descriptor: unknown): boolean =>
  typeof descriptor === 'object' &&
  descriptor !== null &&
  'mappedAtCreation' in descriptor &&
  descriptor.mappedAtCreation === true;

/** Bytes of `queue.writeBuffer(buffer, offset, data, from, size)`; of typed arrays `size` counts elements. */
function writtenBytes([, , data, from, size]: readonly unknown[]): number {
  const unit = ArrayBuffer.isView(data) && 'BYTES_PER_ELEMENT' in data ? Number(data.BYTES_PER_ELEMENT) : 1;
  if (typeof size === 'number') return size * unit;
  const all =
    typeof data === 'object' && data !== null && 'byteLength' in data ? Number(data.byteLength) : Number.NaN;
  return all - (typeof from === 'number' ? from * unit : 0);
}

export interface GpuCounter {
  /** Since it was last begun anew. */
  counts(): GpuCounts;
  /** Begin anew; buffers that are there stay counted in `mostBytes`. */
  reset(): void;
  /** Bytes of buffers made and not destroyed. */
  heldBytes(): number;
}

/** The null backend computes nothing, and what it gives is whatever was in memory: have it give 0. */
export function readZeros(): void {
  watch('GPUBuffer', 'getMappedRange', (buffer, _, range) => {
    const isRead =
      typeof buffer === 'object' && buffer !== null && 'usage' in buffer && (Number(buffer.usage) & 1) === 1;
    if (isRead && range instanceof ArrayBuffer) new Uint8Array(range).fill(0);
  });
}

/** Call it once, when WebGPU is there and before a device is asked for. */
export function countGpu(): GpuCounter {
  let counts = zero();
  let held = 0;
  /** Sizes of buffers that live. */
  const sizes = new Map<unknown, number>();
  const count = (name: CountName, by = 1) => {
    counts[name] += by;
  };
  watch('GPUDevice', 'createBuffer', (_, [descriptor], buffer) => {
    const size = sizeOf(descriptor);
    sizes.set(buffer, size);
    held += size;
    count('buffers');
    counts.mostBytes = Math.max(counts.mostBytes, held);
    if (isMapped(descriptor)) count('upBytes', size);
  });
  watch('GPUBuffer', 'destroy', (buffer) => {
    held -= sizes.get(buffer) ?? 0;
    sizes.delete(buffer);
  });
  watch('GPUBuffer', 'mapAsync', (buffer, [, , size]) => {
    count('waits');
    count('downBytes', typeof size === 'number' ? size : (sizes.get(buffer) ?? 0));
  });
  watch('GPUQueue', 'onSubmittedWorkDone', () => count('waits'));
  watch('GPUQueue', 'submit', () => count('submissions'));
  watch('GPUQueue', 'writeBuffer', (_, args) => count('upBytes', writtenBytes(args)));
  for (const method of ['createComputePipeline', 'createComputePipelineAsync'])
    watch('GPUDevice', method, () => count('pipelines'));
  for (const method of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect'])
    watch('GPUComputePassEncoder', method, () => count('dispatches'));
  watch('GPUCommandEncoder', 'beginComputePass', () => count('passes'));
  watch('GPUCommandEncoder', 'copyBufferToBuffer', (_, args) => {
    count('copies');
    // (from, at, to, at, bytes), or (from, to, bytes).
    const bytes = args.length > 3 ? args[4] : args[2];
    count('copiedBytes', typeof bytes === 'number' ? bytes : (sizes.get(args[0]) ?? 0));
  });
  return {
    counts: () => ({ ...counts }),
    reset: () => {
      counts = { ...zero(), mostBytes: held };
    },
    heldBytes: () => held,
  };
}
