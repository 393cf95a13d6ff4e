// Files of torch.save against what PyTorch says is in them, and what a hostile or damaged one is refused with.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { CheckpointError } from '../checkpoint.ts';
import { concatenated, decoded, seeded } from '../expected/smallFiles.ts';
import { readTorchFile, writeTorchFile } from './torchFile.ts';
import { floatTensor, type TorchTensor, torchFloats, torchNumbers, wholeTensor } from './torchTensor.ts';
import { writeZip } from './zip.ts';

const describedSchema = v.record(
  v.string(),
  v.object({ dtype: v.string(), shape: v.array(v.number()), bytes: v.string() }),
);
const { files, refused } = v.parse(
  v.object({
    files: v.record(v.string(), v.object({ file: v.string(), tensors: describedSchema })),
    refused: v.record(v.string(), v.string()),
  }),
  JSON.parse(readFileSync(new URL('../expected/torch.expected.json', import.meta.url), 'utf8')),
);

const fileOf = (name: string): Uint8Array => decoded(files[name]?.file ?? refused[name] ?? '');

const described = (
  tensors: Iterable<readonly [string, TorchTensor]>,
): v.InferOutput<typeof describedSchema> =>
  Object.fromEntries(
    [...tensors].map(([name, { dtype, shape, bytes }]) => [
      name,
      { dtype, shape: [...shape], bytes: Buffer.from(bytes).toString('base64') },
    ]),
  );

/** The message that a file is refused with; any other error fails the test. */
function refusal(bytes: Uint8Array): string {
  try {
    readTorchFile(bytes, 'weights.bin');
  } catch (cause) {
    if (cause instanceof CheckpointError) return cause.message;
    throw cause;
  }
  throw new Error('The file was read.');
}

test.each(Object.entries(files))(
  '%s: every tensor has the dtype, shape and bytes that PyTorch saved',
  (name, { tensors }) => {
    expect(described(readTorchFile(fileOf(name), name))).toEqual(tensors);
  },
);

test('elements of every dtype become the float32 that PyTorch makes of them', () => {
  const tensors = readTorchFile(fileOf('every_dtype'), 'every_dtype');
  const floats = (name: string): readonly number[] => {
    const tensor = tensors.get(name);
    if (!tensor) throw new Error(`${name} is missing`);
    return [...torchFloats(tensor)];
  };
  const third = Math.fround(1 / 3);
  expect(floats('float64')).toEqual([Math.fround(0.1), -Infinity, 0, Infinity, -Infinity, third]);
  expect(floats('float16')).toEqual([-0, 2 ** -24, 65504, -1.5, Infinity, 0.333251953125]);
  expect(floats('bfloat16')).toEqual([0, 1, 2.5, 100, 3, 7]);
  for (const name of ['int32', 'int16', 'int8', 'uint8']) expect(floats(name)).toEqual([0, 1, 2, 100, 3, 7]);
  expect(floats('bool')).toEqual([1, 0, 1]);
  const wide = tensors.get('int64');
  expect(wide && torchNumbers(wide)).toEqual([-1, 2 ** 40, -(2 ** 53), 0, 5, 2 ** 31]);
});

test.each([
  ['legacy', "has PyTorch's format from before version 1.6"],
  ['runs', "asks for the Python name 'posix.system'"],
  ['runs_protocol_4', "asks for the Python name 'posix.system'"],
  ['module_object', "asks for the Python name 'torch.nn.modules.linear.Linear'"],
  ['bare_tensor', 'holds a tensor, not a dict of tensors'],
  ['training_state', "has a dict under the name 'model'"],
  ['lzma', 'with compression 14'],
  ['pickle_alone', 'has no zip directory at its end'],
])('%s is refused with a sentence', (name, words) => {
  expect(refusal(fileOf(name))).toContain(`'weights.bin' ${words}`.slice(name === 'lzma' ? 14 : 0));
});

const ascii = (text: string): readonly number[] => [...new TextEncoder().encode(text)];

/** An archive as torch.save lays it out, with any pickle. */
const withPickle = (
  pickle: readonly number[],
  records: Readonly<Record<string, Uint8Array>> = {},
): Uint8Array => writeZip(new Map([['a/data.pkl', Uint8Array.from(pickle)], ...Object.entries(records)]));

const short = (text: string): readonly number[] => [0x8c, text.length, ...ascii(text)];
const start = [0x80, 4];
const system = ascii('cos\nsystem\n');
const dict = ascii('ccollections\nOrderedDict\n');

test.each<[string, readonly number[], string]>([
  [
    'GLOBAL and REDUCE',
    [...system, ...ascii('('), ...short('id'), ...ascii('tR.')],
    "the Python name 'os.system'",
  ],
  ['STACK_GLOBAL', [...short('os'), ...short('system'), 0x93], "the Python name 'os.system'"],
  [
    'STACK_GLOBAL with a dotted name',
    [...short('torch'), ...short('FloatStorage.__init__'), 0x93],
    'the Python name',
  ],
  ['INST', [0x28, ...short('id'), ...ascii('ios\nsystem\n.')], "the Python name 'os.system'"],
  ['INST of a known name', [0x28, ...ascii('icollections\nOrderedDict\n.')], 'makes an object of a class'],
  ['NEWOBJ of a known name', [...dict, 0x29, 0x81, 0x2e], 'makes an object of a class'],
  ['NEWOBJ_EX', [...dict, 0x29, 0x7d, 0x92, 0x2e], 'makes an object of a class'],
  ['OBJ', [0x28, ...dict, 0x6f, 0x2e], 'pickle instruction 0x6f'],
  ['EXT1', [0x82, 1, 0x2e], 'registry of extensions'],
  ['EXT2', [0x83, 1, 0, 0x2e], 'registry of extensions'],
  ['EXT4', [0x84, 1, 0, 0, 0, 0x2e], 'registry of extensions'],
  ['BUILD of a name', [...dict, 0x7d, 0x62, 0x2e], 'sets attributes of an object'],
  ['BUILD of a list', [0x5d, 0x7d, 0x62, 0x2e], 'sets attributes of an object'],
  ['calling a string', [...short('x'), 0x29, 0x52, 0x2e], 'calls a string'],
  [
    'calling a dtype',
    [...ascii('ctorch\nFloatStorage\n'), 0x29, 0x52, 0x2e],
    "calls 'torch.FloatStorage' with arguments",
  ],
  [
    'OrderedDict of pairs',
    [...dict, 0x5d, 0x85, 0x52, 0x2e],
    "calls 'collections.OrderedDict' with arguments",
  ],
  ['a memo entry that is not there', [0x6a, 255, 255, 255, 255, 0x2e], 'recalls value 4294967295'],
  ['an empty stack', [0x2e], 'empty stack'],
  ['TUPLE without a mark', [0x74, 0x2e], 'a mark that it never set'],
  ['a value below the mark', [0x4e, 0x28, 0x85, 0x2e], 'empty stack'],
  ['a string longer than the file', [0x58, 255, 255, 255, 255, 65], 'ends early'],
  ['a dict with a list for a key', [0x7d, 0x5d, 0x4e, 0x73, 0x2e], 'a list for a key'],
  ['a whole number of 200 bytes', [0x8a, 200, ...Array(200).fill(9), 0x2e], 'a whole number of 200 bytes'],
  ['a persistent id that is a string', [...short('x'), 0x51, 0x2e], 'refers to a storage in a way'],
  ['nesting without end', [...Array(100_000).fill(0x5d), 0x2e], 'nests deeper than 20000'],
  ['marks without end', [...Array(100_000).fill(0x28), 0x2e], 'nests without end'],
])('a pickle with %s is refused', (_, pickle, words) => {
  const message = refusal(withPickle([...start, ...pickle]));
  expect(message).toContain("'weights.bin'");
  expect(message).toContain(words);
});

test('a pickle that only wastes time is stopped', () => {
  const waste = new Uint8Array(4_100_000 * 2 + 3);
  waste.set([0x80, 2, 0x5d]);
  for (let at = 3; at < waste.length; at += 2) waste.set([0x4e, 0x61], at);
  expect(refusal(writeZip(new Map([['a/data.pkl', waste]])))).toContain('more than 4000000 instructions');
});

/** A pickle of one tensor `w` of float32, whose place the test chooses. */
const tensorPickle = (place: {
  readonly elements?: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}): readonly number[] => {
  const whole = (value: number): readonly number[] => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
    return [0x8a, 8, ...bytes];
  };
  const tuple = (values: readonly number[]): readonly number[] => [0x28, ...values.flatMap(whole), 0x74];
  return [
    ...[...start, 0x7d, ...short('w'), ...ascii('ctorch._utils\n_rebuild_tensor_v2\n'), 0x28],
    ...[0x28, ...short('storage'), ...ascii('ctorch\nFloatStorage\n'), ...short('0'), ...short('cpu')],
    ...[...whole(place.elements ?? 6), 0x74, 0x51, ...whole(place.offset ?? 0)],
    ...[...tuple(place.shape), ...tuple(place.strides), 0x89, 0x7d, 0x74, 0x52, 0x73, 0x2e],
  ];
};
const six = new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer);

test('a tensor is read from any place within its storage', () => {
  const read = (place: Parameters<typeof tensorPickle>[0]): readonly number[] | undefined => {
    const tensor = readTorchFile(withPickle(tensorPickle(place), { 'a/data/0': six }), 'w').get('w');
    return tensor && [...torchFloats(tensor)];
  };
  expect(read({ shape: [2, 3], strides: [3, 1] })).toEqual([0, 1, 2, 3, 4, 5]);
  expect(read({ shape: [3, 2], strides: [1, 3] })).toEqual([0, 3, 1, 4, 2, 5]);
  expect(read({ offset: 1, shape: [2, 2], strides: [3, 1] })).toEqual([1, 2, 4, 5]);
  expect(read({ offset: 5, shape: [2, 2], strides: [0, 0] })).toEqual([5, 5, 5, 5]);
  expect(read({ offset: 6, shape: [0, 9], strides: [9, 1] })).toEqual([]);
  expect(read({ offset: 4, shape: [], strides: [] })).toEqual([4]);
});

test.each<[string, Parameters<typeof tensorPickle>[0], string]>([
  ['reaches past its storage', { shape: [7], strides: [1] }, 'reaches to element 6 of a storage of 6'],
  ['begins past its storage', { offset: 6, shape: [], strides: [] }, 'reaches to element 6'],
  ['strides past its storage', { shape: [2, 3], strides: [4, 1] }, 'reaches to element 6'],
  [
    'has a negative stride',
    { offset: 5, shape: [6], strides: [-1] },
    'arguments that torch.save does not give',
  ],
  ['has a negative dimension', { shape: [-1], strides: [1] }, 'arguments that torch.save does not give'],
  [
    'has fewer strides than dimensions',
    { shape: [2, 3], strides: [1] },
    'arguments that torch.save does not give',
  ],
  [
    'claims a larger storage than there is',
    { elements: 2 ** 40, shape: [2 ** 40], strides: [1] },
    'its record has 24 bytes',
  ],
  [
    'is one element a million million times',
    { shape: [1e6, 1e6], strides: [0, 0] },
    'would take 4000000000000',
  ],
  [
    'has more elements than can be counted',
    { shape: [2 ** 40, 2 ** 40], strides: [0, 0] },
    'impossible shape',
  ],
])('a tensor that %s is refused before memory is taken for it', (_, place, words) => {
  expect(refusal(withPickle(tensorPickle(place), { 'a/data/0': six }))).toContain(words);
});

test('a tensor without its record, a foreign byte order and an unknown version are refused', () => {
  const pickle = tensorPickle({ shape: [6], strides: [1] });
  expect(refusal(withPickle(pickle))).toContain("lies in the record 'data/0', which is not there");
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const withRecord = (name: string, value: string): string =>
    refusal(withPickle(pickle, { 'a/data/0': six, [`a/${name}`]: text(value) }));
  expect(withRecord('byteorder', 'big')).toContain("has the byte order 'big'");
  expect(withRecord('version', '11\n')).toContain("has the format version '11'");
  expect(refusal(writeZip(new Map([['data.pkl', text('')]])))).toContain("holds 0 files named 'data.pkl'");
});

test('a zip bomb is refused by what its directory says, and by what it unpacks to', () => {
  const zeros = new Uint8Array(4_000_000);
  const bomb = zipSync({
    'a/data.pkl': [Uint8Array.from(tensorPickle({ shape: [6], strides: [1] })), { level: 0 }],
    'a/data/0': zeros,
  });
  expect(bomb.byteLength).toBeLessThan(10_000);
  const at = (signature: number, from = 0): number => {
    const view = new DataView(bomb.buffer, bomb.byteOffset, bomb.byteLength);
    for (let place = from; place < bomb.byteLength - 4; place++)
      if (view.getUint32(place, true) === signature) return place;
    throw new Error('There is no such record.');
  };
  const second = at(0x02014b50, at(0x02014b50) + 1);
  const claiming = (sizeBytes: number): Uint8Array => {
    const copy = bomb.slice();
    new DataView(copy.buffer).setUint32(second + 24, sizeBytes, true);
    return copy;
  };
  expect(refusal(claiming(0xfffffffe))).toContain('unpack to 4294967294, which they cannot');
  expect(refusal(claiming(24))).toContain(
    "an entry 'a/data/0' that does not unpack to the 24 bytes it should",
  );
  const whole = tensorPickle({ elements: 1_000_000, shape: [1_000_000], strides: [1] });
  const honest = zipSync({ 'a/data.pkl': Uint8Array.from(whole), 'a/data/0': zeros });
  expect(readTorchFile(honest, 'zeros').get('w')?.bytes.byteLength).toBe(4_000_000);
  // Stored entries that lie on top of each other are how small archives claim to be large.
  const stored = withPickle(whole, { 'a/data/0': six, 'a/data/1': six });
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const directory = view.getUint32(stored.byteLength - 6, true);
  const entries = [...stored.keys()].filter(
    (place) =>
      place >= directory && place + 4 <= stored.byteLength && view.getUint32(place, true) === 0x02014b50,
  );
  view.setUint32((entries[2] ?? 0) + 42, view.getUint32((entries[1] ?? 0) + 42, true), true);
  expect(refusal(stored)).toContain('overlaps');
});

test('a flipped bit in a weight, and an entry that claims more than the file holds, are refused', () => {
  const sound = withPickle(tensorPickle({ shape: [6], strides: [1] }), { 'a/data/0': six });
  const flipped = sound.slice();
  const weight = Buffer.from(sound).indexOf(six);
  flipped[weight] = 1;
  expect(refusal(flipped)).toContain("an entry 'a/data/0' whose checksum is wrong");
  const claims = sound.slice();
  const view = new DataView(claims.buffer);
  const record = Buffer.from(sound).lastIndexOf(Uint8Array.of(0x50, 0x4b, 1, 2));
  for (const field of [20, 24]) view.setUint32(record + field, 1000, true);
  expect(refusal(claims)).toContain("has an entry 'a/data/0' that ends at byte");
});

test('a file cut off anywhere is refused', () => {
  for (const name of ['module', 'deflated']) {
    const file = fileOf(name);
    for (let length = 0; length < file.byteLength; length++) {
      expect(refusal(file.subarray(0, length)), `${length} bytes`).toContain("'weights.bin'");
    }
  }
});

test.each(['module', 'views', 'deflated', 'protocol_4'])(
  'ten thousand damaged copies of %s are read or refused with a sentence',
  (name) => {
    const file = fileOf(name);
    const next = seeded(29);
    let read = 0;
    let stopped = 0;
    for (let round = 0; round < 10_000; round++) {
      let bytes: Uint8Array = file.slice();
      for (let injury = next(3); injury >= 0; injury--) {
        const place = next(bytes.byteLength);
        if (next(4) > 0) bytes[place] = next(256);
        else if (next(2) > 0) bytes.fill(0xff, place, place + 1 + next(8));
        else bytes = concatenated([bytes.subarray(0, place), bytes.subarray(place + next(4))]);
      }
      try {
        readTorchFile(bytes, 'damaged');
        read++;
      } catch (cause) {
        if (!(cause instanceof CheckpointError))
          throw new Error(`Round ${round} threw ${String(cause)}`, { cause });
        if (cause.message.length > 1200)
          throw new Error(`Round ${round}: ${cause.message.length} characters`);
        stopped++;
      }
    }
    expect(read + stopped).toBe(10_000);
    expect(stopped).toBeGreaterThan(3000);
  },
);

/** The pickle's bytes alone are damaged, so the checksum lets them through to the machine. */
test('ten thousand damaged pickles are read or refused with a sentence', () => {
  const pickle = tensorPickle({ shape: [2, 3], strides: [3, 1] });
  const next = seeded(31);
  let stopped = 0;
  for (let round = 0; round < 10_000; round++) {
    const damaged = [...pickle];
    for (let injury = next(4); injury >= 0; injury--) damaged[2 + next(pickle.length - 2)] = next(256);
    try {
      readTorchFile(withPickle(damaged, { 'a/data/0': six }), 'damaged');
    } catch (cause) {
      if (!(cause instanceof CheckpointError))
        throw new Error(`Round ${round} threw ${String(cause)}`, { cause });
      stopped++;
    }
  }
  expect(stopped).toBeGreaterThan(5000);
});

const written: Readonly<Record<string, TorchTensor>> = {
  'layer.weight': floatTensor(Float32Array.of(1, -0, 3.5, 1e-45, Infinity, 6), [2, 3]),
  embed_dim: wholeTensor([24], []),
  whole: wholeTensor([-1, 2 ** 40], [2]),
  empty: floatTensor(new Float32Array(0), [0, 2 ** 33]),
  'é🦜': { dtype: 'bfloat16', shape: [2], bytes: Uint8Array.of(0x80, 0x3f, 0, 0xc0) },
  mask: { dtype: 'bool', shape: [3], bytes: Uint8Array.of(1, 0, 1) },
  half: { dtype: 'float16', shape: [1, 1], bytes: Uint8Array.of(0, 0x3c) },
  double: { dtype: 'float64', shape: [1], bytes: new Uint8Array(Float64Array.of(0.1).buffer) },
};

test('what is written is read again, and the same tensors give the same bytes', () => {
  const file = writeTorchFile(written);
  expect(described(readTorchFile(file, 'written'))).toEqual(described(Object.entries(written)));
  expect(writeTorchFile(written)).toEqual(file);
  expect(() => writeTorchFile({ w: { dtype: 'float32', shape: [3], bytes: six } })).toThrow(
    "Tensor 'w' has shape [3] and dtype float32, and 24 bytes",
  );
});

const python = process.env.PATCHBAY_PYTHON;

test.skipIf(python === undefined)(
  'PyTorch loads what is written, under weights_only (needs PATCHBAY_PYTHON, a Python with torch)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'patchbay-torch-'));
    try {
      writeFileSync(join(folder, 'written.bin'), writeTorchFile(written));
      writeFileSync(
        join(folder, 'again.bin'),
        writeTorchFile(Object.fromEntries(readTorchFile(fileOf('views'), 'views'))),
      );
      const script = fileURLToPath(new URL('../expected/make_torch.py', import.meta.url));
      const loaded: unknown = JSON.parse(execFileSync(python ?? '', [script, folder], { encoding: 'utf8' }));
      expect(loaded).toEqual({
        'written.bin': described(Object.entries(written)),
        'again.bin': files.views?.tensors,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
