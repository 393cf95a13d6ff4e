// Chooses what the engine runs on, and says why: WebGPU on real hardware, WASM otherwise. A software adapter (SwiftShader,
// llvmpipe) computes the right numbers on the CPU far slower than WASM does.

import { add } from '../onnx/elementwise.ts';
import { graph } from '../onnx/graph.ts';
import { input } from '../onnx/value.ts';
import type { Backend } from '../runtime/backends/backend.ts';
import type { HearSilence } from '../runtime/backends/gpuWatch.ts';
import { isSoftwareAdapter } from '../runtime/backends/softwareAdapters.ts';
import type { DeviceInfo } from './protocol.ts';

/** `?backend=` of the page's address, for people who know better and for tests. */
export type BackendWish = 'webgpu' | 'wasm' | null;

export interface ChosenDevice {
  readonly info: DeviceInfo;
  /** @param onSilence hears that a GPU does not answer */
  readonly open: (onSilence?: HearSilence) => Promise<Backend>;
}

function adapterName({ description, device, vendor, architecture }: GPUAdapterInfo): string {
  return description || device || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter';
}

function isSoftware(adapter: GPUAdapter): boolean {
  const { info } = adapter;
  const isFallback = 'isFallbackAdapter' in info && info.isFallbackAdapter === true;
  return isFallback || isSoftwareAdapter(info.description, info.device, info.vendor, info.architecture);
}

/** Two threads at least, one core left to the page, and no more than ORT's kernels make use of. */
export function threadCount(): number {
  if (!crossOriginIsolated) return 1;
  return Math.max(2, Math.min(8, navigator.hardwareConcurrency - 1));
}

/**
 * Have the runtime fetch and compile its program now, a few megabytes, and not with the first graph of a model: while it
 * does, the weights arrive.
 */
async function started(backend: Backend): Promise<Backend> {
  const x = input('x', 'float32', [1]);
  const program = await backend.compile(graph({ y: add(x, x) }));
  await program.dispose();
  return backend;
}

function wasmDevice(reason: string): ChosenDevice {
  const threads = threadCount();
  const suffix = threads === 1 ? ' One thread, because the page is not cross-origin isolated.' : '';
  return {
    info: { backend: 'wasm', threads, reason: `${reason}${suffix}` },
    open: async () => {
      const [{ createWasmBackend }, { wasmFiles }] = await Promise.all([
        import('../runtime/backends/wasmBackend.ts'),
        import('../runtime/backends/ortFiles.ts'),
      ]);
      return started(await createWasmBackend({ threads, wasmPaths: wasmFiles }));
    },
  };
}

function webGpuDevice(adapter: GPUAdapter, reason: string): ChosenDevice {
  return {
    info: { backend: 'webgpu', adapter: adapterName(adapter.info), reason },
    open: async (onSilence) => {
      const [{ createWebGpuBackend }, { webgpuFiles }] = await Promise.all([
        import('../runtime/backends/webgpuBackend.ts'),
        import('../runtime/backends/ortFiles.ts'),
      ]);
      // An adapter gives one device; after a loss another must be asked for.
      const fresh = (await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' })) ?? adapter;
      return started(
        await createWebGpuBackend({
          adapter: fresh,
          wasmPaths: webgpuFiles,
          ...(onSilence ? { watch: { onSilence } } : {}),
        }),
      );
    },
  };
}

/**
 * Bytes that weights may take: half of the memory that the browser admits to, which it rounds down and cuts off at a
 * few tens of GiB at most; undefined where it tells nothing.
 */
export function weightBudget(): number | undefined {
  const memoryGiB = 'deviceMemory' in navigator ? navigator.deviceMemory : undefined;
  return typeof memoryGiB === 'number' ? (memoryGiB / 2) * 2 ** 30 : undefined;
}

export async function chooseDevice(wish: BackendWish): Promise<ChosenDevice> {
  if (wish === 'wasm') return wasmDevice('The address of the page asks for WASM.');
  // Absent in browsers without WebGPU and on pages that are not secure, whatever its type says.
  const gpu: GPU | undefined = navigator.gpu;
  if (!gpu) return wasmDevice('This browser has no WebGPU, so the engine runs on the processor.');
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return wasmDevice('WebGPU found no graphics adapter, so the engine runs on the processor.');
  if (wish === 'webgpu') return webGpuDevice(adapter, 'The address of the page asks for WebGPU.');
  if (isSoftware(adapter)) {
    return wasmDevice(
      `WebGPU offers only a software adapter (${adapterName(adapter.info)}), which is slower than WASM on the same processor.`,
    );
  }
  return webGpuDevice(adapter, 'WebGPU runs on this machine’s graphics adapter.');
}
