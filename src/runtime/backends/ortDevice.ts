// The device that onnxruntime is given: the real one, but for its commands, which it records and submits as it would there and
// which then wait in one stream with ours. What it writes and maps at once finds the commands before it done.

import { BackendError } from './backend.ts';
import type { Copy, Dispatch, GpuCommand, GpuStream } from './gpuStream.ts';
import { GpuUniforms, type UniformPlace } from './gpuUniforms.ts';

/** What a dispatch that sets a group of bindings reads and writes. */
interface Bound {
  readonly buffers: readonly GPUBuffer[];
  readonly places: readonly UniformPlace[];
}

interface Recorded {
  readonly command: GpuCommand;
  readonly places: readonly UniformPlace[];
}

/** Of the types of WebGPU, what onnxruntime's program calls. */
type RecordedPass = Pick<
  GPUComputePassEncoder,
  'setPipeline' | 'setBindGroup' | 'dispatchWorkgroups' | 'end'
>;
type RecordedEncoder = Pick<GPUCommandEncoder, 'clearBuffer' | 'copyBufferToBuffer' | 'finish'> & {
  readonly beginComputePass: (descriptor?: GPUComputePassDescriptor) => RecordedPass;
};

const isBuffer = (resource: GPUBindingResource): resource is GPUBuffer => resource instanceof GPUBuffer;
const isBinding = (resource: GPUBindingResource): resource is GPUBufferBinding =>
  typeof resource === 'object' && 'buffer' in resource;

class OrtCommands {
  readonly #stream: GpuStream;
  readonly #uniforms: GpuUniforms;
  readonly #bound = new WeakMap<GPUBindGroup, Bound>();
  /** By what `finish` gave. */
  readonly #finished = new WeakMap<object, readonly Recorded[]>();

  /** Destroys each buffer that is to be destroyed when what waits was submitted. */
  readonly #doomed: (() => void)[] = [];

  constructor(stream: GpuStream) {
    this.#stream = stream;
    stream.watch({
      after: () => {
        for (const destroy of this.#doomed.splice(0)) destroy();
      },
    });
    this.#uniforms = new GpuUniforms(stream);
  }

  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    const buffer = this.#stream.device.createBuffer(descriptor);
    this.#uniforms.adopt(buffer);
    const destroy = buffer.destroy.bind(buffer);
    // Commands that wait may use it.
    buffer.destroy = () => {
      if (this.#stream.waitsFor(buffer)) this.#doomed.push(destroy);
      else destroy();
      return undefined;
    };
    return buffer;
  }

  createBindGroup({ entries, ...descriptor }: GPUBindGroupDescriptor): GPUBindGroup {
    const buffers: GPUBuffer[] = [];
    const places: UniformPlace[] = [];
    const bound = [...entries].map((entry) => {
      const { resource } = entry;
      const binding = isBuffer(resource) ? { buffer: resource } : resource;
      if (!isBinding(binding)) throw new BackendError('A graph binds what is not a buffer. Choose WASM.');
      if (!this.#uniforms.holds(binding.buffer)) {
        buffers.push(binding.buffer);
        return entry;
      }
      const place = this.#uniforms.place(binding.buffer);
      places.push(place);
      return { ...entry, resource: place.binding };
    });
    const group = this.#stream.device.createBindGroup({ ...descriptor, entries: bound });
    this.#bound.set(group, { buffers, places });
    return group;
  }

  createCommandEncoder(): RecordedEncoder {
    const recorded: Recorded[] = [];
    const transfer = (command: GpuCommand) => {
      recorded.push({ command, places: [] });
      return undefined;
    };
    return {
      beginComputePass: (descriptor) => {
        if (descriptor?.timestampWrites) throw new BackendError('The runtime may not measure times here.');
        return this.#pass(recorded);
      },
      clearBuffer: (buffer, at = 0, count) => transfer({ kind: 'clear', buffer, at, count }),
      copyBufferToBuffer: (from: GPUBuffer, ...rest: readonly unknown[]) => transfer(copyOf(from, rest)),
      finish: () => {
        // Only `submit` below takes it.
        const commands = { label: '' } as GPUCommandBuffer;
        this.#finished.set(commands, recorded);
        return commands;
      },
    };
  }

  #pass(recorded: Recorded[]): RecordedPass {
    let pipeline: GPUComputePipeline | undefined;
    const groups = new Map<number, GPUBindGroup>();
    return {
      setPipeline: (next) => {
        pipeline = next;
        return undefined;
      },
      setBindGroup: (index: number, group: GPUBindGroup | null | undefined) => {
        if (group) groups.set(index, group);
        return undefined;
      },
      dispatchWorkgroups: (x, y = 1, z = 1) => {
        if (!pipeline) throw new BackendError('A dispatch has no pipeline.');
        const bound = [...groups.values()].flatMap((group) => this.#bound.get(group) ?? []);
        const places = bound.flatMap((each) => each.places);
        for (const place of places) this.#uniforms.open(place);
        const command: Dispatch = {
          kind: 'dispatch',
          pipeline,
          groups: [...groups],
          count: [x, y, z],
          buffers: bound.flatMap(({ buffers }) => buffers),
        };
        recorded.push({ command, places });
        return undefined;
      },
      end: () => undefined,
    };
  }

  submit(buffers: Iterable<GPUCommandBuffer>): undefined {
    let isRead = false;
    for (const buffer of buffers) {
      for (const { command, places } of this.#finished.get(buffer) ?? []) {
        this.#stream.push(command);
        for (const place of places) this.#uniforms.close(place);
        // It is mapped next.
        isRead ||= command.kind === 'copy' && (command.into.usage & GPUBufferUsage.MAP_READ) !== 0;
      }
    }
    if (isRead) this.#stream.flush();
    else this.#stream.settle();
  }

  /** @param from and `size` in bytes: the runtime writes bytes */
  writeBuffer(buffer: GPUBuffer, at: number, bytes: Uint8Array, from = 0, size?: number): undefined {
    const written = bytes.subarray(from, size === undefined ? undefined : from + size);
    if (this.#uniforms.holds(buffer)) this.#uniforms.write(buffer, at, written);
    // Of memory that is not shared.
    else this.#stream.write(buffer, at, Uint8Array.from(written));
  }
}

/** `copyBufferToBuffer` takes places of both buffers, or none. */
function copyOf(from: GPUBuffer, rest: readonly unknown[]): Copy {
  const [start, into, at, count] = rest.length > 2 ? rest : [0, rest[0], 0, rest[1] ?? from.size];
  if (
    typeof start !== 'number' ||
    !(into instanceof GPUBuffer) ||
    typeof at !== 'number' ||
    typeof count !== 'number'
  )
    throw new BackendError('The runtime copies in a way that is not known here. Choose WASM.');
  return { kind: 'copy', from, start, into, at, count };
}

/** As the real object, but for some members. */
function standIn<T extends object>(real: T, own: Readonly<Record<string, unknown>>): T {
  return new Proxy(real, {
    get: (_, name) => {
      if (typeof name === 'string' && Object.hasOwn(own, name)) return own[name];
      const value: unknown = Reflect.get(real, name, real);
      // WebGPU's methods take no other object for themselves.
      return typeof value === 'function' ? value.bind(real) : value;
    },
    set: (_, name, value) => Reflect.set(real, name, value, real),
  });
}

/** The device of a stream, for onnxruntime: its commands wait in the stream among ours. */
export function ortDevice(stream: GpuStream): GPUDevice {
  const commands = new OrtCommands(stream);
  const queue = standIn(stream.device.queue, {
    submit: (buffers: Iterable<GPUCommandBuffer>) => commands.submit(buffers),
    writeBuffer: (...written: Parameters<OrtCommands['writeBuffer']>) => commands.writeBuffer(...written),
    onSubmittedWorkDone: () => {
      stream.flush();
      return stream.device.queue.onSubmittedWorkDone();
    },
  });
  return standIn(stream.device, {
    queue,
    createBuffer: (descriptor: GPUBufferDescriptor) => commands.createBuffer(descriptor),
    createBindGroup: (descriptor: GPUBindGroupDescriptor) => commands.createBindGroup(descriptor),
    createCommandEncoder: () => commands.createCommandEncoder(),
  });
}
