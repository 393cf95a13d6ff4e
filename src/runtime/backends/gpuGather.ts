// Copies many pieces of a buffer in one dispatch. A sweep hands hundreds of rows from layer to layer that lie apart; each would be
// a command of its own, which stands in no pass and so ends the one before it. This stands among the other dispatches.

import type { GpuStream } from './gpuStream.ts';

/** In bytes, of whole words. */
export interface GatherPiece {
  /** Absent for zeros. */
  readonly start?: number;
  readonly count: number;
  readonly at: number;
}

const workgroupSize = 64;
/** Stands for the start of what is filled with zeros. */
const zeros = 0xffffffff;

/** A thread for each element; which piece it belongs to follows from where pieces begin when they are laid end to end. */
const shaderOf = (element: string): string => `
struct Piece { first: u32, start: u32, at: u32, padding: u32 }
struct Table { count: u32, total: u32, across: u32, padding: u32, pieces: array<Piece> }
@group(0) @binding(0) var<storage, read> source: array<${element}>;
@group(0) @binding(1) var<storage, read_write> result: array<${element}>;
@group(0) @binding(2) var<storage, read> table: Table;

@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let element = (group.y * table.across + group.x) * ${workgroupSize}u + thread;
  if (element >= table.total) { return; }
  var low = 0u;
  var high = table.count;
  while (low + 1u < high) {
    let middle = (low + high) / 2u;
    if (table.pieces[middle].first <= element) { low = middle; } else { high = middle; }
  }
  let piece = table.pieces[low];
  let within = element - piece.first;
  if (piece.start == ${zeros}u) { result[piece.at + within] = ${element}(); }
  else { result[piece.at + within] = source[piece.start + within]; }
}`;

/** Elements of four words where all places allow it, else of one. */
type ElementBytes = 4 | 16;

export class GpuGather {
  readonly #stream: GpuStream;
  readonly #pipelines = new Map<ElementBytes, GPUComputePipeline>();

  constructor(stream: GpuStream) {
    this.#stream = stream;
  }

  #pipeline(bytes: ElementBytes): GPUComputePipeline {
    const known = this.#pipelines.get(bytes);
    if (known) return known;
    const { device } = this.#stream;
    const module = device.createShaderModule({ code: shaderOf(bytes === 4 ? 'u32' : 'vec4<u32>') });
    const made = device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint: 'main' } });
    this.#pipelines.set(bytes, made);
    return made;
  }

  /** Whether these buffers can be bound: an adapter may bind less than a buffer holds. */
  takes(...buffers: readonly GPUBuffer[]): boolean {
    const { maxStorageBufferBindingSize } = this.#stream.device.limits;
    return buffers.every(({ size }) => size <= maxStorageBufferBindingSize);
  }

  /**
   * @param from  another buffer than `into`
   * @param holding makes a buffer of these numbers
   * @returns that buffer, which may be given back at once
   */
  copy(
    from: GPUBuffer,
    into: GPUBuffer,
    pieces: readonly GatherPiece[],
    holding: (data: Int32Array) => GPUBuffer,
  ): GPUBuffer {
    const isWide = pieces.every(({ start = 0, count, at }) => (start | count | at) % 16 === 0);
    const bytes = isWide ? 16 : 4;
    const { device } = this.#stream;
    const total = pieces.reduce((sum, { count }) => sum + count / bytes, 0);
    const needed = Math.ceil(total / workgroupSize);
    const across = Math.min(needed, device.limits.maxComputeWorkgroupsPerDimension);
    // Of few sizes, so that its buffer is found again.
    const table = new Int32Array(4 * 2 ** Math.ceil(Math.log2(pieces.length + 1)));
    table.set([pieces.length, total, across]);
    let first = 0;
    pieces.forEach(({ start, count, at }, index) => {
      table.set([first, start === undefined ? zeros : start / bytes, at / bytes], 4 * (index + 1));
      first += count / bytes;
    });
    const tableBuffer = holding(table);
    const pipeline = this.#pipeline(bytes);
    const group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [from, into, tableBuffer].map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    this.#stream.push({
      kind: 'dispatch',
      pipeline,
      groups: [[0, group]],
      count: [across, Math.ceil(needed / across), 1],
      buffers: [from, into, tableBuffer],
    });
    return tableBuffer;
  }
}
