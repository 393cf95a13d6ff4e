// The commands of one GPU device in the order in which they were asked for, ours and onnxruntime's, sent in few submissions and
// few passes. Dispatches of one pass run one after another, each seeing what those before it wrote, so dispatches that
// follow each other are one pass. A copy or a clearing cannot stand in a pass; where it shares no buffer with the dispatches
// before it, it may as well come before them all.

/** Submitted when so many dispatches wait: enough for a layer or two, few enough that the device does not wait for work. */
const mostDispatches = 64;

export interface Dispatch {
  readonly kind: 'dispatch';
  readonly pipeline: GPUComputePipeline;
  readonly groups: readonly (readonly [index: number, group: GPUBindGroup])[];
  /** Workgroups. */
  readonly count: readonly [x: number, y: number, z: number];
  /** All that it reads or writes, but constants. */
  readonly buffers: readonly GPUBuffer[];
}

export interface Copy {
  readonly kind: 'copy';
  readonly from: GPUBuffer;
  readonly start: number;
  readonly into: GPUBuffer;
  readonly at: number;
  /** Bytes. */
  readonly count: number;
}

export interface Clear {
  readonly kind: 'clear';
  readonly buffer: GPUBuffer;
  readonly at: number;
  /** Bytes; default all that follow. */
  readonly count?: number | undefined;
}

export type GpuCommand = Dispatch | Copy | Clear;

/** Told of each submission. */
export interface SubmissionWatcher {
  readonly before?: () => void;
  readonly after?: () => void;
}

export class GpuStream {
  readonly device: GPUDevice;
  readonly #watchers: SubmissionWatcher[] = [];
  /** Holds what comes before `#ahead`. */
  #encoder: GPUCommandEncoder | undefined;
  /** Before the dispatches of the pass. */
  #ahead: (Copy | Clear)[] = [];
  #pass: Dispatch[] = [];
  readonly #inPass = new Set<GPUBuffer>();
  /** Buffers of all that waits. */
  readonly #waiting = new Set<GPUBuffer>();
  #dispatches = 0;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  watch(watcher: SubmissionWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Whether a command that was not submitted reads or writes the buffer. */
  waitsFor(buffer: GPUBuffer): boolean {
    return this.#waiting.has(buffer);
  }

  push(command: GpuCommand): void {
    if (command.kind === 'dispatch') {
      this.#pass.push(command);
      for (const buffer of command.buffers) {
        this.#inPass.add(buffer);
        this.#waiting.add(buffer);
      }
      this.#dispatches += 1;
      return;
    }
    const buffers = command.kind === 'copy' ? [command.from, command.into] : [command.buffer];
    if (buffers.some((buffer) => this.#inPass.has(buffer))) this.#endPass();
    for (const buffer of buffers) this.#waiting.add(buffer);
    this.#ahead.push(command);
  }

  /** What was asked for together is all there: submit it, if enough has come together. */
  settle(): void {
    if (this.#dispatches >= mostDispatches) this.flush();
  }

  /** Write at once, behind all commands that were asked for. */
  write(buffer: GPUBuffer, at: number, bytes: Uint8Array<ArrayBuffer>): void {
    if (this.waitsFor(buffer)) this.flush();
    this.device.queue.writeBuffer(buffer, at, bytes);
  }

  /** Send all commands on their way: whatever is asked of the device next comes after them. */
  flush(): void {
    if (this.#waiting.size === 0) return;
    for (const { before } of this.#watchers) before?.();
    this.#endPass();
    if (this.#encoder) this.device.queue.submit([this.#encoder.finish()]);
    this.#encoder = undefined;
    this.#waiting.clear();
    this.#dispatches = 0;
    for (const { after } of this.#watchers) after?.();
  }

  /** Nothing that waits is sent any more. */
  drop(): void {
    this.#encoder = undefined;
    this.#ahead = [];
    this.#pass = [];
    this.#inPass.clear();
    this.#waiting.clear();
    this.#dispatches = 0;
  }

  #endPass(): void {
    this.#encoder ??= this.device.createCommandEncoder();
    const encoder = this.#encoder;
    for (const command of this.#ahead.splice(0)) {
      if (command.kind === 'clear') encoder.clearBuffer(command.buffer, command.at, command.count);
      else {
        const { from, start, into, at, count } = command;
        encoder.copyBufferToBuffer(from, start, into, at, count);
      }
    }
    this.#inPass.clear();
    if (this.#pass.length === 0) return;
    const pass = encoder.beginComputePass();
    let last: GPUComputePipeline | undefined;
    for (const { pipeline, groups, count } of this.#pass.splice(0)) {
      if (pipeline !== last) pass.setPipeline(pipeline);
      last = pipeline;
      for (const [index, group] of groups) pass.setBindGroup(index, group);
      pass.dispatchWorkgroups(...count);
    }
    pass.end();
  }
}
