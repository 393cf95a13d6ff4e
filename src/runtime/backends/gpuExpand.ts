// Expands weights on the device that are kept there as the checkpoint stores them.

import { storageBlocks } from '../../checkpoint/storage/storage.ts';
import type { GpuStream } from './gpuStream.ts';
import { type PackedDtype, shaderOf, workgroupSize } from './storedShaders.ts';

/**
 * Elements that one dispatch expands at most: a binding has a largest size, which every adapter has for this many. Whole
 * blocks of every dtype, and at offsets that a binding may begin at.
 */
const windowElements = 2 ** 24;

export class GpuExpander {
  readonly #stream: GpuStream;
  readonly #pipelines = new Map<string, GPUComputePipeline>();

  constructor(stream: GpuStream) {
    this.#stream = stream;
  }

  #pipeline(dtype: PackedDtype, as: 'float32' | 'float16'): GPUComputePipeline {
    const key = `${dtype} ${as}`;
    const known = this.#pipelines.get(key);
    if (known) return known;
    const { device } = this.#stream;
    const module = device.createShaderModule({ code: shaderOf(dtype, as) });
    const made = device.createComputePipeline({
      layout: 'auto',
      compute: { module, entryPoint: 'main' },
    });
    this.#pipelines.set(key, made);
    return made;
  }

  /**
   * @param stored   of so many elements, as the checkpoint has them
   * @param expanded at least four bytes for each, or two of float16
   */
  expand(
    dtype: PackedDtype,
    elements: number,
    {
      stored,
      expanded,
      as,
    }: { readonly stored: GPUBuffer; readonly expanded: GPUBuffer; readonly as: 'float32' | 'float16' },
  ): void {
    const { device } = this.#stream;
    const block = storageBlocks[dtype];
    const pipeline = this.#pipeline(dtype, as);
    // A word holds one number, or two of float16.
    const inWord = as === 'float16' ? 2 : 1;
    for (let from = 0; from < elements; from += windowElements) {
      const count = Math.min(windowElements, elements - from);
      const offset = (from / block.elements) * block.bytes;
      // A binding is whole words.
      const size = Math.ceil(((count / block.elements) * block.bytes) / 4) * 4;
      const words = Math.ceil(count / inWord);
      const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [
          { binding: 0, resource: { buffer: stored, offset, size } },
          { binding: 1, resource: { buffer: expanded, offset: (from / inWord) * 4, size: words * 4 } },
        ],
      });
      const needed = Math.ceil(words / workgroupSize);
      const across = Math.min(needed, device.limits.maxComputeWorkgroupsPerDimension);
      this.#stream.push({
        kind: 'dispatch',
        pipeline,
        groups: [[0, group]],
        count: [across, Math.ceil(needed / across), 1],
        buffers: [stored, expanded],
      });
    }
    this.#stream.settle();
  }
}
