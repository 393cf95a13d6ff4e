// Weights on the device, under a memory budget. Where float32 fits they are expanded once and stay; where it does not,
// they stay packed in memory as the checkpoint stores them, or in the checkpoint itself, and each part is expanded for
// the moment it runs.

import type { WeightSource } from '../../architectures/architecture.ts';
import type { Checkpoint, TensorInfo } from '../../checkpoint/checkpoint.ts';
import { type BlockCodes, codesBytes, codesOf } from '../../checkpoint/storage/codes.ts';
import { expand } from '../../checkpoint/storage/expand.ts';
import { isNoFiniteHalf, largestHalf, toHalf } from '../../onnx/half.ts';
import { type Backend, BackendError, type DeviceTensor, elementCount } from '../backends/backend.ts';
import type { WeightResidency } from './residency.ts';

export type BoundWeights = Readonly<Record<string, DeviceTensor>>;

export interface WeightStoreOptions {
  readonly residency: WeightResidency;
  /** Tensors that are wanted in float16; default none. */
  readonly half?: ReadonlySet<string>;
  readonly signal?: AbortSignal;
  /** Called with the checkpoint's bytes as they are read, of `total` in all. */
  readonly onBytes?: (done: number, total: number) => void;
  readonly early?: EarlyUse;
}

/** What is done with some weights while the others arrive. Nothing waits for it. Of streamed weights nothing is done so. */
export interface EarlyUse {
  /** Read before the others. */
  readonly sources: readonly WeightSource[];
  /** Called once, when they are there. */
  readonly begin: (store: WeightStore) => void;
  /** Called after each weight. @throws BackendError or DeviceLostError that it met: what was refused may have been a weight */
  readonly check: () => void;
  /** Called once, when all are there and the device has caught up. @throws as `check` */
  readonly arrived: () => void;
  /** Called where weights could not be read or have no room. @returns when it uses them no more */
  readonly end: () => Promise<void>;
}

/** Of the tensors of these, each once. */
export const tensorNames = (sources: readonly WeightSource[]): readonly string[] => [
  ...new Set(sources.flatMap((source) => (source.kind === 'tensor' ? [source.tensor] : []))),
];

/** Of a weight that graphs are given. */
const bytesOf = ({ dtype, shape }: DeviceTensor): number =>
  (dtype === 'float16' ? 2 : 4) * elementCount(shape);

/** Bytes that a device may have been given, or may still read though they are disposed, before it is waited for. */
const mostBehind = 512 * 2 ** 20;

export class WeightStore {
  readonly residency: WeightResidency;
  /** Tensors that are given to graphs in float16. */
  readonly half: ReadonlySet<string>;
  readonly #backend: Backend;
  readonly #checkpoint: Checkpoint;
  readonly #packed = new Map<string, Uint8Array>();
  /** Packed too, on the device. */
  readonly #onDevice = new Map<string, DeviceTensor>();
  readonly #resident = new Map<string, DeviceTensor>();
  /** Bytes of weights that were brought in for the moment since the device was last waited for. */
  #behind = 0;
  readonly #tables = new Map<string, { readonly tensor: DeviceTensor; readonly rows: number }>();
  /** Sums that each step of a generation asks for. */
  #residentBytes = 0;
  #codesBytes = 0;
  /** Whose weights are lent: those in float32, and packed ones. */
  readonly #lender: WeightStore | undefined;

  private constructor(
    backend: Backend,
    checkpoint: Checkpoint,
    { residency, half = new Set() }: Pick<WeightStoreOptions, 'residency' | 'half'>,
    lender?: WeightStore,
  ) {
    this.#backend = backend;
    this.#checkpoint = checkpoint;
    this.residency = residency;
    this.half = half;
    this.#lender = lender;
  }

  /** Read all that stays in memory. On failure or abort nothing is left behind. */
  static async open(
    backend: Backend,
    checkpoint: Checkpoint,
    sources: readonly WeightSource[],
    options: WeightStoreOptions,
  ): Promise<WeightStore> {
    const store = new WeightStore(backend, checkpoint, options);
    if (options.residency === 'streamed') return store;
    const { early } = options;
    const first = tensorNames(early?.sources ?? []);
    const names = [...new Set([...first, ...tensorNames(sources)])];
    const sizes = names.map((name) => checkpoint.tensors.get(name)?.sizeBytes ?? 0);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    let done = 0;
    options.onBytes?.(0, total);
    try {
      for (const [index, name] of names.entries()) {
        options.signal?.throwIfAborted();
        const bytes = await checkpoint.read(name, options.signal);
        if (options.residency === 'packed') store.#pack(name, bytes);
        else store.#hold(name, bytes);
        done += sizes[index] ?? 0;
        store.#behind += sizes[index] ?? 0;
        await store.#waitFor(mostBehind);
        options.onBytes?.(done, total);
        early?.check();
        if (index === first.length - 1) early?.begin(store);
      }
      // Whoever used them early may have waited, and heard what the device refused of them.
      await backend.caughtUp?.();
      early?.arrived();
    } catch (error) {
      await early?.end();
      store.close();
      throw error;
    }
    return store;
  }

  /** What is on its way to a device, or was disposed while it is behind, takes memory until it has caught up. */
  async #waitFor(most: number): Promise<void> {
    if (this.#behind <= most) return;
    this.#behind = 0;
    await this.#backend.caughtUp?.();
  }

  #info(name: string): TensorInfo {
    const info = this.#checkpoint.tensors.get(name);
    if (!info) throw new BackendError(`The checkpoint has no tensor '${name}'.`);
    return info;
  }

  /** Where a device expands weights itself they wait there, and nothing is uploaded for a layer. */
  #pack(name: string, bytes: Uint8Array): void {
    const { dtype, shape } = this.#info(name);
    const { packing } = this.#backend;
    if (packing?.takes(dtype)) this.#onDevice.set(name, packing.upload(dtype, bytes, shape));
    // It is as large there as it is stored.
    else if (packing && dtype === 'F32') this.#hold(name, bytes);
    else {
      this.#packed.set(name, bytes);
      this.#codesBytes += this.codesBytesOf(name);
    }
  }

  #hold(name: string, bytes: Uint8Array): void {
    const tensor = this.#expanded(name, bytes);
    this.#resident.set(name, tensor);
    this.#residentBytes += bytesOf(tensor);
  }

  /** @throws BackendError for a number that float16 cannot say, where it is wanted so */
  #expanded(name: string, bytes: Uint8Array): DeviceTensor {
    const info = this.#info(name);
    if (this.half.has(name)) return this.#expandedHalf(name, bytes, info);
    return this.#backend.upload(expand(info.dtype, bytes, elementCount(info.shape)), info.shape);
  }

  #expandedHalf(name: string, bytes: Uint8Array, { dtype, shape }: TensorInfo): DeviceTensor {
    const { half } = this.#backend;
    if (!half) throw new BackendError(`The backend ${this.#backend.kind} computes in float32 alone.`);
    const numbers = expand(dtype, bytes, elementCount(shape));
    const halves = toHalf(numbers);
    const at = halves.findIndex((bits, index) => isNoFiniteHalf(bits) && Number.isFinite(numbers[index]));
    if (at >= 0)
      throw new BackendError(
        `The tensor '${name}' holds ${numbers[at]}, and float16 ends at ${largestHalf}. Choose float32 for this model.`,
      );
    return half.upload(halves, shape);
  }

  /**
   * The same weights in float32, each brought in when it is used: nothing is held but what is lent by this one, and only what
   * waits here in float16, or nowhere, is read from the checkpoint. Of no use after this one is closed.
   */
  inFull(): WeightStore {
    return new WeightStore(this.#backend, this.#checkpoint, { residency: 'streamed' }, this);
  }

  #table(source: WeightSource & { kind: 'positions' }, positions: number): DeviceTensor {
    const known = this.#tables.get(source.key);
    if (known && known.rows >= positions) return known.tensor;
    // Doubling keeps the number of tables made for growing prompts small.
    const rows = Math.max(64, 2 ** Math.ceil(Math.log2(positions)));
    const tensor = this.#backend.upload(source.rows(rows), [rows, source.width]);
    // Only now: an upload that fails leaves the table that was there.
    if (known) this.#backend.dispose(known.tensor);
    this.#tables.set(source.key, { tensor, rows });
    return tensor;
  }

  /** A weight that is brought in for the moment. */
  async #forNow(name: string, signal: AbortSignal | undefined): Promise<DeviceTensor> {
    const lender = this.#lender ?? this;
    const onDevice = this.#onDevice.get(name) ?? lender.#onDevice.get(name);
    if (onDevice && this.#backend.packing)
      return this.#backend.packing.expand(onDevice, this.half.has(name) ? 'float16' : 'float32');
    const packed = this.#packed.get(name) ?? lender.#packed.get(name);
    return this.#expanded(name, packed ?? (await this.#checkpoint.read(name, signal)));
  }

  /**
   * The weights of one part, by the names of its inputs, while `use` runs.
   * @param positions rows that tables must have
   */
  async with<T>(
    weights: Readonly<Record<string, WeightSource>>,
    positions: number,
    signal: AbortSignal | undefined,
    use: (bound: BoundWeights) => Promise<T>,
  ): Promise<T> {
    const passing: DeviceTensor[] = [];
    await this.#waitFor(mostBehind);
    try {
      const bound: Record<string, DeviceTensor> = {};
      for (const [name, source] of Object.entries(weights)) {
        if (source.kind === 'positions') {
          bound[`weight.${name}`] = this.#table(source, positions);
          continue;
        }
        const resident = this.#resident.get(source.tensor) ?? this.#lent(source.tensor);
        if (resident) {
          bound[`weight.${name}`] = resident;
          continue;
        }
        const tensor = await this.#forNow(source.tensor, signal);
        passing.push(tensor);
        this.#behind += bytesOf(tensor);
        bound[`weight.${name}`] = tensor;
      }
      return await use(bound);
    } finally {
      for (const tensor of passing) this.#backend.dispose(tensor);
    }
  }

  #lent(tensor: string): DeviceTensor | undefined {
    return this.#lender?.half.has(tensor) ? undefined : this.#lender?.resident(tensor);
  }

  /** A weight that stays on the device. */
  resident(tensor: string): DeviceTensor | undefined {
    return this.#resident.get(tensor);
  }

  /** Bytes of all weights that do. */
  get residentBytes(): number {
    return this.#residentBytes;
  }

  /** A matrix that waits packed in memory, as codes; undefined for what does not, or has none. */
  codes(tensor: string): (BlockCodes & Pick<TensorInfo, 'shape'>) | undefined {
    const bytes = this.#packed.get(tensor);
    if (!bytes || this.codesBytesOf(tensor) === 0) return undefined;
    const { dtype, shape } = this.#info(tensor);
    const [rows = 0, inputs = 0] = shape;
    return { ...codesOf(dtype, bytes, { rows, inputs }), shape };
  }

  /** Bytes that it takes as such. */
  codesBytesOf(tensor: string): number {
    if (!this.#packed.has(tensor)) return 0;
    const { dtype, shape } = this.#info(tensor);
    return shape.length === 2 ? codesBytes(dtype, elementCount(shape)) : 0;
  }

  /** Bytes that all of them take. */
  get codesBytes(): number {
    return this.#codesBytes;
  }

  /** `with` for several parts at once. @param use is given one entry for each part */
  async withAll<T>(
    parts: readonly Readonly<Record<string, WeightSource>>[],
    positions: number,
    signal: AbortSignal | undefined,
    use: (bound: readonly BoundWeights[]) => Promise<T>,
  ): Promise<T> {
    const next = (bound: readonly BoundWeights[]): Promise<T> => {
      const weights = parts[bound.length];
      if (!weights) return use(bound);
      return this.with(weights, positions, signal, (own) => next([...bound, own]));
    };
    return next([]);
  }

  close(): void {
    for (const tensor of this.#resident.values()) this.#backend.dispose(tensor);
    for (const { tensor } of this.#tables.values()) this.#backend.dispose(tensor);
    for (const tensor of this.#onDevice.values()) this.#backend.dispose(tensor);
    this.#onDevice.clear();
    this.#resident.clear();
    this.#tables.clear();
    this.#packed.clear();
    this.#residentBytes = 0;
    this.#codesBytes = 0;
  }
}
