// A GPU's backend lent to those who run graphs of their own on its device: files that somebody brings.

import type { GpuAccess } from './backend.ts';
import type { GpuBuffers } from './gpuBuffers.ts';
import type { Onnxruntime } from './hostBackend.ts';

/** Of every session on a device, wherever its graph comes from. */
export const onDevice = (device: GPUDevice) =>
  ({
    executionProviders: [{ name: 'webgpu', device }],
    // A node without a WebGPU kernel would fetch its tensors to the CPU and say nothing.
    extra: { session: { disable_cpu_ep_fallback: '1' } },
  }) as const;

export interface GpuLender {
  readonly ort: Onnxruntime;
  /** As onnxruntime is given it. */
  readonly ortDevice: GPUDevice;
  readonly hasHalf: boolean;
  readonly buffers: GpuBuffers;
  /** @param undo lets go of what the work gave, where it is not to be trusted */
  readonly exclusively: <T>(
    what: string,
    work: () => Promise<T>,
    undo?: (result: T) => Promise<void>,
  ) => Promise<T>;
  readonly expectRoom: (bytes: number) => void;
}

export const gpuAccess = ({
  ort,
  ortDevice,
  hasHalf,
  buffers,
  exclusively,
  expectRoom,
}: GpuLender): GpuAccess => ({
  tensorOf: ort.Tensor,
  hasHalf,
  session: (model, isOnce) =>
    exclusively(
      'to prepare a graph',
      () =>
        ort.InferenceSession.create(model, {
          ...onDevice(ortDevice),
          graphOptimizationLevel: isOnce ? 'disabled' : 'all',
          logSeverityLevel: 4,
        }),
      (refused) => refused.release(),
    ),
  exclusively: (work) => exclusively('to run a graph', work),
  upload: (bytes) => {
    expectRoom(bytes.byteLength);
    return buffers.holding(bytes);
  },
  free: (buffer) => buffers.give(buffer),
});
