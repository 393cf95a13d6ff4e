// What `torch.save(state_dict, path)` makes: a zip archive with one folder of a pickle (`data.pkl`), that names tensors
// and where they lie, and of raw storages (`data/0`, `data/1`, ...). Read as data only; pickle.ts says how.
//
// Here every place, size and stride is found possible before memory is taken for a tensor. A tensor that is not
// contiguous, or shares its storage with another, comes out contiguous and alone.

import { listed, quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import { elementCountOf } from '../storage/storage.ts';
import { isKind, kindOf, type PickleMeaning, type PickleValue, readPickle } from './pickle.ts';
import { PickleText } from './pickleText.ts';
import {
  dtypeOfStorage,
  requireFilled,
  type TorchDtype,
  type TorchTensor,
  tensorOf,
  torchDtypes,
} from './torchTensor.ts';
import { readZip, writeZip, type ZipEntry } from './zip.ts';

/** No state dict's pickle comes near this. */
const largestPickleBytes = 32 * 1024 * 1024;
/** A tied weight lies in a file once and comes out twice; more than this is a stride of zero that fills memory. */
const mostCopies = 16;
const newestFormat = 10;
const mostDimensions = 64;

interface Storage {
  readonly kind: 'storage';
  readonly dtype: TorchDtype;
  readonly key: string;
  readonly elements: number;
}

interface Place {
  readonly kind: 'tensor';
  readonly storage: Storage;
  /** Of the first element, counted in elements; strides as well. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

type Value = PickleValue<Storage | Place>;

/**
 * The tensors of a state dict by name, each in memory of its own.
 * @param label the file's name, for messages
 * @throws CheckpointError that names the file, what is wrong or not done, and the remedy
 */
export function readTorchFile(given: Uint8Array, label: string): ReadonlyMap<string, TorchTensor> {
  // Node's readFile gives a Buffer, whose slice is a view into the whole file, not the copy that is meant below.
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  const refuse = (problem: string, remedy = 'The file is cut off or damaged; fetch it again.'): never => {
    throw new CheckpointError(`${quoted(label)} ${problem}. ${remedy}`);
  };
  if (isLegacy(bytes)) {
    return refuse(
      "has PyTorch's format from before version 1.6, which is not read",
      'Load it in PyTorch and save it again with torch.save.',
    );
  }
  const entries = readZip(bytes, label);
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickleName = ''] = pickles;
  if (pickles.length !== 1) {
    return refuse(
      `holds ${pickles.length} files named 'data.pkl'; torch.save writes one`,
      'It is another kind of zip archive.',
    );
  }
  const folder = pickleName.slice(0, -'data.pkl'.length);
  requireFormat(entries, folder, refuse);
  const pickle = entries.get(pickleName);
  if (pickle === undefined || pickle.sizeBytes > largestPickleBytes) {
    return refuse(`has a pickle of more than ${largestPickleBytes} bytes`, 'It holds more than tensors.');
  }
  const root = readPickle(pickle.read(), quoted(label), torchMeaning);
  return materialise(placesOf(root, refuse), entries, `${folder}data/`, label);
}

type Refuse = (problem: string, remedy?: string) => never;

/** The older format is a pickle that begins with a magic number; the oldest is a tar archive. */
function isLegacy(bytes: Uint8Array): boolean {
  const magic = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9];
  const tar = [0x75, 0x73, 0x74, 0x61, 0x72];
  return magic.every((byte, at) => bytes[at] === byte) || tar.every((byte, at) => bytes[257 + at] === byte);
}

function requireFormat(entries: ReadonlyMap<string, ZipEntry>, folder: string, refuse: Refuse): void {
  const read = (name: string): string | undefined => {
    const entry = entries.get(folder + name);
    if (entry === undefined) return undefined;
    if (entry.sizeBytes > 64) return refuse(`has a record ${quoted(name)} of ${entry.sizeBytes} bytes`);
    return new TextDecoder().decode(entry.read()).trim();
  };
  const order = read('byteorder') ?? 'little';
  if (order !== 'little') {
    refuse(`has the byte order ${quoted(order)}`, 'Save it on a little-endian machine.');
  }
  const version = read('version');
  if (version !== undefined && !(/^\d{1,4}$/.test(version) && Number(version) <= newestFormat)) {
    refuse(`has the format version ${quoted(version)}`, `Known: up to ${newestFormat}.`);
  }
}

const rebuildTensor = 'torch._utils._rebuild_tensor_v2';
const rebuildParameter = 'torch._utils._rebuild_parameter';
const orderedDict = 'collections.OrderedDict';

const torchMeaning: PickleMeaning<Storage | Place> = {
  globals: new Set([orderedDict, rebuildTensor, rebuildParameter, ...dtypeOfStorage.keys()]),
  call(name, args) {
    if (name === orderedDict) return args.length === 0 ? { kind: 'dict', entries: new Map() } : undefined;
    if (name === rebuildTensor) return placeOf(args);
    if (name === rebuildParameter) return tensorIn(args[0]) === undefined ? undefined : args[0];
    return undefined;
  },
  /** ('storage', torch.FloatStorage, key, device, number of elements) */
  persistent(id) {
    if (!isKind(id, 'tuple') || id.items.length !== 5) return undefined;
    const [tag, type, key, , elements] = id.items;
    if (tag !== 'storage' || type === undefined || !isKind(type, 'global') || typeof key !== 'string')
      return undefined;
    const dtype = dtypeOfStorage.get(type.name);
    if (dtype === undefined || !isCount(elements)) return undefined;
    return { kind: 'thing', thing: { kind: 'storage', dtype, key, elements } };
  },
};

const isCount = (value: Value | undefined): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

function countsOf(value: Value | undefined): readonly number[] | undefined {
  if (value === undefined || !isKind(value, 'tuple') || value.items.length > mostDimensions) return undefined;
  return value.items.every(isCount) ? value.items : undefined;
}

function tensorIn(value: Value | undefined): Place | undefined {
  return value !== undefined && isKind(value, 'thing') && value.thing.kind === 'tensor'
    ? value.thing
    : undefined;
}

/** _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks[, metadata]) */
function placeOf([storage, offset, size, stride]: readonly Value[]): Value | undefined {
  const shape = countsOf(size);
  const strides = countsOf(stride);
  if (storage === undefined || !isKind(storage, 'thing') || storage.thing.kind !== 'storage')
    return undefined;
  if (!isCount(offset) || shape === undefined || strides?.length !== shape.length) return undefined;
  return { kind: 'thing', thing: { kind: 'tensor', storage: storage.thing, offset, shape, strides } };
}

/** The tensors that the pickle's outermost dict names. */
function placesOf(root: Value, refuse: Refuse): ReadonlyMap<string, Place> {
  const remedy = 'Save the state dict alone: torch.save(module.state_dict(), path).';
  if (!isKind(root, 'dict')) return refuse(`holds ${nameOf(root)}, not a dict of tensors`, remedy);
  const places = new Map<string, Place>();
  for (const [name, value] of root.entries) {
    if (typeof name !== 'string') return refuse(`has ${kindOf(name)} for a name`, remedy);
    const place = tensorIn(value);
    if (place === undefined) return refuse(`has ${nameOf(value)} under the name ${quoted(name)}`, remedy);
    places.set(name, place);
  }
  return places;
}

const nameOf = (value: Value): string => (isKind(value, 'thing') ? `a ${value.thing.kind}` : kindOf(value));

function materialise(
  places: ReadonlyMap<string, Place>,
  entries: ReadonlyMap<string, ZipEntry>,
  folder: string,
  label: string,
): ReadonlyMap<string, TorchTensor> {
  const storedBytes = new Map<string, number>();
  let totalBytes = 0;
  for (const [name, { storage, offset, shape, strides }] of places) {
    const refuse = (problem: string): never => {
      throw new CheckpointError(
        `${tensorOf(name, label)} ${problem}. The file is cut off or damaged; fetch it again.`,
      );
    };
    const size = torchDtypes[storage.dtype].bytes;
    const entry = entries.get(folder + storage.key);
    if (entry === undefined)
      return refuse(`lies in the record ${quoted(`data/${storage.key}`)}, which is not there`);
    if (entry.sizeBytes !== storage.elements * size) {
      return refuse(
        `lies in a storage of ${storage.elements} × ${storage.dtype}; its record has ${entry.sizeBytes} bytes`,
      );
    }
    const count = elementCountOf(shape);
    if (count === undefined) return refuse(`has the impossible shape [${listed(shape.map(String))}]`);
    const last = shape.reduce((sum, length, axis) => sum + (length - 1) * (strides[axis] ?? 0), offset);
    if (count > 0 ? !(last < storage.elements) : offset > storage.elements) {
      return refuse(`reaches to element ${last} of a storage of ${storage.elements}`);
    }
    storedBytes.set(storage.key, entry.sizeBytes);
    totalBytes += count * size;
  }
  const stored = [...storedBytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  if (totalBytes > mostCopies * stored) {
    throw new CheckpointError(
      `${quoted(label)} holds ${stored} bytes of storage and its tensors would take ${totalBytes}. ` +
        'Make expanded tensors contiguous before they are saved.',
    );
  }
  const storages = new Map<string, Uint8Array>();
  const tensors = new Map<string, TorchTensor>();
  for (const [name, place] of places) {
    const { key, dtype } = place.storage;
    const storage = storages.get(key) ?? entries.get(folder + key)?.read() ?? new Uint8Array(0);
    storages.set(key, storage);
    tensors.set(name, { dtype, shape: place.shape, bytes: gathered(storage, place) });
  }
  return tensors;
}

/** The elements of a tensor in row-major order; its place has been checked. */
function gathered(storage: Uint8Array, { storage: { dtype }, offset, shape, strides }: Place): Uint8Array {
  const size = torchDtypes[dtype].bytes;
  const count = shape.reduce((product, length) => product * length, 1);
  const dense = shape.map((_, axis) =>
    shape.slice(axis + 1).reduce((product, length) => product * length, 1),
  );
  const isContiguous = shape.every((length, axis) => length <= 1 || strides[axis] === dense[axis]);
  if (isContiguous) return storage.slice(offset * size, (offset + count) * size);
  const bytes = new Uint8Array(count * size);
  const position = shape.map(() => 0);
  let from = offset;
  for (let index = 0; index < count; index++) {
    for (let byte = 0; byte < size; byte++) bytes[index * size + byte] = storage[from * size + byte] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] ?? 0;
      const next = (position[axis] ?? 0) + 1;
      position[axis] = next % (shape[axis] ?? 1);
      from += stride;
      if (next < (shape[axis] ?? 1)) break;
      from -= next * stride;
    }
  }
  return bytes;
}

/**
 * A file that `torch.load(path, weights_only=True)` reads as a dict, every tensor on the CPU and in a storage of its own.
 * The same tensors give the same bytes.
 * @throws CheckpointError when a tensor's bytes do not fill its shape
 */
export function writeTorchFile(tensors: Readonly<Record<string, TorchTensor>>): Uint8Array {
  const pickle = new PickleText();
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const files = new Map<string, Uint8Array>();
  const storages = new Map<string, Uint8Array>();
  pickle.dict(() => {
    for (const [index, [name, tensor]] of Object.entries(tensors).entries()) {
      requireFilled(`Tensor ${quoted(name)}`, tensor);
      const { dtype, shape, bytes } = tensor;
      const strides = shape.map((_, axis) =>
        shape.slice(axis + 1).reduce((product, length) => product * length, 1),
      );
      const key = String(index);
      pickle.text(name);
      pickle.call(rebuildTensor, () => {
        pickle.persistent(() => {
          pickle.text('storage');
          pickle.global(`torch.${torchDtypes[dtype].storage}`);
          pickle.text(key);
          pickle.text('cpu');
          pickle.whole(bytes.byteLength / torchDtypes[dtype].bytes);
        });
        pickle.whole(0);
        pickle.tuple(() => shape.forEach(pickle.whole));
        pickle.tuple(() => strides.forEach(pickle.whole));
        pickle.no();
        pickle.call(orderedDict, () => {});
      });
      storages.set(`archive/data/${key}`, bytes);
    }
  });
  files.set('archive/data.pkl', pickle.finish());
  files.set('archive/byteorder', encode('little'));
  for (const [name, bytes] of storages) files.set(name, bytes);
  files.set('archive/version', encode('3\n'));
  return writeZip(files);
}
