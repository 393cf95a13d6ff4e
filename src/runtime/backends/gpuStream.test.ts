// In which order commands leave, and in how few passes and submissions. The device writes down what it is asked; what a real one
// computes of it is compared with PyTorch elsewhere (src/cli/webgpu.test.ts).

import { beforeEach, expect, test, vi } from 'vitest';
import { GpuStream } from './gpuStream.ts';
import { ortDevice } from './ortDevice.ts';

const usages = { MAP_READ: 1, COPY_SRC: 4, COPY_DST: 8, UNIFORM: 64, STORAGE: 128 };
const uniform = usages.UNIFORM | usages.COPY_DST;
const storage = usages.STORAGE | usages.COPY_SRC | usages.COPY_DST;

class WrittenBuffer {
  readonly size: number;
  readonly usage: number;
  readonly name: string;
  readonly #log: string[];
  constructor(name: string, { size, usage }: GPUBufferDescriptor, log: string[]) {
    this.size = size;
    this.usage = usage;
    this.name = name;
    this.#log = log;
  }
  destroy() {
    this.#log.push(`destroy ${this.name}`);
  }
}

vi.stubGlobal('GPUBufferUsage', usages);
vi.stubGlobal('GPUBuffer', WrittenBuffer);

interface WrittenGroup {
  readonly entries: readonly {
    readonly resource: { readonly buffer: WrittenBuffer; readonly offset?: number };
  }[];
}

/** Everything that the device is asked, in order. */
let log: string[] = [];
let device: GPUDevice;

beforeEach(() => {
  log = [];
  let made = 0;
  const pass = {
    setPipeline: () => undefined,
    setBindGroup: (_: number, { entries }: WrittenGroup) =>
      log.push(
        `bind ${entries.map(({ resource: { buffer, offset = 0 } }) => `${buffer.name}+${offset}`).join(' ')}`,
      ),
    dispatchWorkgroups: (x: number) => log.push(`dispatch ${x}`),
    end: () => log.push('end'),
  };
  const encoder = {
    beginComputePass: () => {
      log.push('pass');
      return pass;
    },
    clearBuffer: ({ name }: WrittenBuffer) => log.push(`clear ${name}`),
    copyBufferToBuffer: (from: WrittenBuffer, _: number, into: WrittenBuffer) =>
      log.push(`copy ${from.name} ${into.name}`),
    finish: () => ({}),
  };
  const queue = {
    submit: () => log.push('submit'),
    writeBuffer: ({ name }: WrittenBuffer, at: number, bytes: Uint8Array, from = 0, size?: number) =>
      log.push(`write ${name}+${at} ${[...bytes.subarray(from, size && from + size)].filter(Boolean)}`),
  };
  // Only these members of a device are used.
  device = {
    limits: { minUniformBufferOffsetAlignment: 256 },
    queue,
    createBuffer: (descriptor: GPUBufferDescriptor) =>
      new WrittenBuffer(descriptor.label ?? `made${made++}`, descriptor, log),
    createBindGroup: (descriptor: unknown) => descriptor,
    createCommandEncoder: () => encoder,
  } as unknown as GPUDevice;
});

// What the stand-ins above pass along.
const pipeline = {} as GPUComputePipeline;
const layout = {} as GPUBindGroupLayout;

function open() {
  const stream = new GpuStream(device);
  const ort = ortDevice(stream);
  const buffer = (label: string, usage = storage) => ort.createBuffer({ label, size: 16, usage });
  /** As onnxruntime does it: constants written, bound and dispatched. */
  const dispatch = (encoder: GPUCommandEncoder, count: number, ...bound: readonly GPUBuffer[]) => {
    const entries = bound.map((each, binding) => ({ binding, resource: { buffer: each } }));
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, ort.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(count);
    pass.end();
  };
  return { stream, ort, buffer, dispatch };
}

test('dispatches are one pass over submissions, and buffers that none of them uses are cleared before it', () => {
  const { stream, ort, buffer, dispatch } = open();
  const [a, b, c] = [buffer('a'), buffer('b'), buffer('c')];
  const first = ort.createCommandEncoder();
  first.clearBuffer(a);
  dispatch(first, 1, a);
  first.clearBuffer(b);
  dispatch(first, 2, a, b);
  ort.queue.submit([first.finish()]);
  const second = ort.createCommandEncoder();
  second.clearBuffer(c);
  dispatch(second, 3, b, c);
  ort.queue.submit([second.finish()]);
  expect(log).toEqual([]);
  stream.flush();
  expect(log.filter((line) => !line.startsWith('bind'))).toEqual([
    'clear a',
    'clear b',
    'clear c',
    'pass',
    'dispatch 1',
    'dispatch 2',
    'dispatch 3',
    'end',
    'submit',
  ]);
});

test('a buffer that a dispatch uses is cleared and copied behind it', () => {
  const { stream, ort, buffer, dispatch } = open();
  const [a, b, other, another] = [buffer('a'), buffer('b'), buffer('other'), buffer('another')];
  const encoder = ort.createCommandEncoder();
  dispatch(encoder, 1, a);
  ort.queue.submit([encoder.finish()]);
  stream.push({ kind: 'copy', from: other, start: 0, into: another, at: 0, count: 16 });
  stream.push({ kind: 'copy', from: a, start: 0, into: b, at: 0, count: 16 });
  const next = ort.createCommandEncoder();
  next.clearBuffer(a);
  dispatch(next, 2, a);
  ort.queue.submit([next.finish()]);
  stream.flush();
  expect(log.filter((line) => !line.startsWith('bind'))).toEqual([
    'copy other another',
    'pass',
    'dispatch 1',
    'end',
    'copy a b',
    'clear a',
    'pass',
    'dispatch 2',
    'end',
    'submit',
  ]);
});

test('each dispatch that waits keeps the constants it was given', () => {
  const { stream, ort, buffer, dispatch } = open();
  const [a, constants] = [buffer('a'), buffer('constants', uniform)];
  for (const number of [7, 8]) {
    const encoder = ort.createCommandEncoder();
    ort.queue.writeBuffer(constants, 0, Uint8Array.of(number), 0, 1);
    dispatch(encoder, number, a, constants);
    ort.queue.submit([encoder.finish()]);
  }
  stream.flush();
  expect(log).toEqual([
    'write made0+0 7,8',
    'pass',
    'bind a+0 made0+0',
    'dispatch 7',
    'bind a+0 made0+256',
    'dispatch 8',
    'end',
    'submit',
  ]);
});

test('what is bound while its shader is compiled keeps its constants through submissions of others', () => {
  const { stream, ort, buffer, dispatch } = open();
  const [a, constants, others] = [buffer('a'), buffer('constants', uniform), buffer('others', uniform)];
  const entries = [a, constants].map((each, binding) => ({ binding, resource: { buffer: each } }));
  const encoder = ort.createCommandEncoder();
  const pass = encoder.beginComputePass();
  ort.queue.writeBuffer(constants, 0, Uint8Array.of(7), 0, 1);
  const group = ort.createBindGroup({ layout, entries });
  // Weights arrive meanwhile, and are waited for.
  stream.push({ kind: 'copy', from: buffer('from'), start: 0, into: buffer('into'), at: 0, count: 16 });
  stream.flush();
  expect(log.splice(0)).toEqual(['write made0+0 7', 'copy from into', 'submit']);
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  ort.queue.writeBuffer(others, 0, Uint8Array.of(8), 0, 1);
  dispatch(encoder, 2, a, others);
  ort.queue.submit([encoder.finish()]);
  stream.flush();
  expect(log).toEqual([
    'write made0+256 8',
    'pass',
    'bind a+0 made0+0',
    'dispatch 1',
    'bind a+0 made0+256',
    'dispatch 2',
    'end',
    'submit',
  ]);
});

test('constants that change between binding and dispatch are refused', () => {
  const { ort, buffer } = open();
  const constants = buffer('constants', uniform);
  const entries = [{ binding: 0, resource: { buffer: constants } }];
  const pass = ort.createCommandEncoder().beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, ort.createBindGroup({ layout, entries }));
  ort.queue.writeBuffer(constants, 0, Uint8Array.of(9), 0, 1);
  expect(() => pass.dispatchWorkgroups(1)).toThrow(
    'The runtime changed the constants of a dispatch that it had bound.',
  );
});

test('what is written, mapped or destroyed at once finds the commands before it submitted', () => {
  const { stream, ort, buffer, dispatch } = open();
  const [a, read] = [buffer('a'), buffer('read', usages.MAP_READ | usages.COPY_DST)];
  const encoder = ort.createCommandEncoder();
  dispatch(encoder, 1, a);
  // Not submitted yet, so that this comes before it, as it would on the device itself.
  ort.queue.writeBuffer(a, 0, Uint8Array.of(1), 0, 1);
  expect(log.splice(0)).toEqual(['write a+0 1']);
  ort.queue.submit([encoder.finish()]);
  ort.queue.writeBuffer(a, 0, Uint8Array.of(2), 0, 1);
  expect(log.splice(0).slice(-2)).toEqual(['submit', 'write a+0 2']);
  const next = ort.createCommandEncoder();
  next.copyBufferToBuffer(a, 0, read, 0, 16);
  ort.queue.submit([next.finish()]);
  expect(log.splice(0)).toEqual(['copy a read', 'submit']);
  const last = ort.createCommandEncoder();
  dispatch(last, 1, a);
  ort.queue.submit([last.finish()]);
  a.destroy();
  expect(log.splice(0)).toEqual([]);
  stream.flush();
  expect(log.slice(-2)).toEqual(['submit', 'destroy a']);
});

test('sixty-four dispatches leave without being waited for', () => {
  const { ort, buffer, dispatch } = open();
  const a = buffer('a');
  for (let count = 1; count <= 64; count++) {
    expect(log).toEqual([]);
    const encoder = ort.createCommandEncoder();
    dispatch(encoder, count, a);
    ort.queue.submit([encoder.finish()]);
  }
  expect(log.filter((line) => line === 'submit' || line === 'pass')).toEqual(['pass', 'submit']);
});
