// A tensor as PyTorch stores it: what its dtypes are called, how many bytes they take, and what float32 or whole numbers
// its bytes stand for.

import { listed, quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import { halfValues } from '../storage/half.ts';
import { elementCountOf } from '../storage/storage.ts';

export type TorchDtype =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'bfloat16'
  | 'int64'
  | 'int32'
  | 'int16'
  | 'int8'
  | 'uint8'
  | 'bool';

export interface TorchTensor {
  readonly dtype: TorchDtype;
  /** Outermost dimension first; [] for a scalar. */
  readonly shape: readonly number[];
  /** Row-major and without gaps, least byte first. */
  readonly bytes: Uint8Array;
}

interface DtypeFacts {
  /** The class that names the dtype in a pickle, of the module `torch`. */
  readonly storage: string;
  readonly bytes: number;
  /** Element `index`, exactly; int64 past 2^53 is rounded. */
  readonly at: (view: DataView, index: number) => number;
}

const bfloat = new DataView(new ArrayBuffer(4));

export const torchDtypes: Readonly<Record<TorchDtype, DtypeFacts>> = {
  float32: { storage: 'FloatStorage', bytes: 4, at: (view, index) => view.getFloat32(4 * index, true) },
  float64: { storage: 'DoubleStorage', bytes: 8, at: (view, index) => view.getFloat64(8 * index, true) },
  float16: {
    storage: 'HalfStorage',
    bytes: 2,
    at: (view, index) => halfValues[view.getUint16(2 * index, true)] ?? 0,
  },
  bfloat16: {
    storage: 'BFloat16Storage',
    bytes: 2,
    at: (view, index) => {
      bfloat.setUint16(2, view.getUint16(2 * index, true), true);
      return bfloat.getFloat32(0, true);
    },
  },
  int64: { storage: 'LongStorage', bytes: 8, at: (view, index) => Number(view.getBigInt64(8 * index, true)) },
  int32: { storage: 'IntStorage', bytes: 4, at: (view, index) => view.getInt32(4 * index, true) },
  int16: { storage: 'ShortStorage', bytes: 2, at: (view, index) => view.getInt16(2 * index, true) },
  int8: { storage: 'CharStorage', bytes: 1, at: (view, index) => view.getInt8(index) },
  uint8: { storage: 'ByteStorage', bytes: 1, at: (view, index) => view.getUint8(index) },
  bool: { storage: 'BoolStorage', bytes: 1, at: (view, index) => (view.getUint8(index) === 0 ? 0 : 1) },
};

/** The dtype that a storage class such as `torch.FloatStorage` stands for. */
export const dtypeOfStorage: ReadonlyMap<string, TorchDtype> = new Map(
  dtypeEntries().map(([dtype, { storage }]) => [`torch.${storage}`, dtype]),
);

function dtypeEntries(): readonly [TorchDtype, DtypeFacts][] {
  // Object.entries widens keys to string; the record above has these keys and no others.
  return Object.entries(torchDtypes) as [TorchDtype, DtypeFacts][];
}

/** A float32 tensor. @throws CheckpointError when the data does not fill the shape */
export function floatTensor(data: Float32Array, shape: readonly number[]): TorchTensor {
  const tensor: TorchTensor = { dtype: 'float32', shape, bytes: new Uint8Array(4 * data.length) };
  const view = new DataView(tensor.bytes.buffer);
  for (const [index, value] of data.entries()) view.setFloat32(4 * index, value, true);
  requireFilled('A tensor', tensor);
  return tensor;
}

/** An int64 tensor of whole numbers. @throws CheckpointError when the data does not fill the shape */
export function wholeTensor(data: readonly number[], shape: readonly number[]): TorchTensor {
  const bytes = new Uint8Array(BigInt64Array.from(data, BigInt).buffer);
  const tensor: TorchTensor = { dtype: 'int64', shape, bytes };
  requireFilled('A tensor', tensor);
  return tensor;
}

/** Its elements, row-major; each is exact, but for int64 past 2^53. */
export function torchNumbers(tensor: TorchTensor): readonly number[] {
  return Array.from(elements(tensor));
}

/** Its elements as float32, rounded to the nearest where the dtype is wider. */
export function torchFloats(tensor: TorchTensor): Float32Array {
  if (tensor.dtype !== 'float32') return Float32Array.from(elements(tensor));
  return new Float32Array(tensor.bytes.slice().buffer);
}

function* elements({ dtype, bytes }: TorchTensor): Generator<number> {
  const facts = torchDtypes[dtype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let index = 0; index < bytes.byteLength / facts.bytes; index++) yield facts.at(view, index);
}

/** @throws CheckpointError that begins with `what` when the bytes are not as many as dtype and shape ask for */
export function requireFilled(what: string, { dtype, shape, bytes }: TorchTensor): void {
  const count = elementCountOf(shape);
  if (count === undefined || count * torchDtypes[dtype].bytes !== bytes.byteLength) {
    throw new CheckpointError(
      `${what} has shape [${listed(shape.map(String))}] and dtype ${dtype}, and ${bytes.byteLength} bytes. ` +
        'Give as many elements as the shape has.',
    );
  }
}

/** The name of a tensor of a file, for the start of a sentence. */
export function tensorOf(name: string, label: string): string {
  return `Tensor ${quoted(name)} in ${quoted(label)}`;
}
