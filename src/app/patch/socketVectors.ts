// Vectors for a socket from files: arrays of NumPy, safetensors, control vectors, numbers in JSON, and what an alignment has
// trained, whose rotation has a direction in each column.

import type { Architecture } from '../../architectures/architecture.ts';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { readSafetensorsHeader } from '../../checkpoint/safetensors/safetensors.ts';
import { blobSource } from '../../checkpoint/sources/blob.ts';
import { parseJson } from '../../checkpoint/sources/byteSource.ts';
import { expand } from '../../checkpoint/storage/expand.ts';
import { readControlVector, safetensorsVector } from '../../checkpoint/vectors/vectorFile.ts';
import { kindOf, readResult } from '../../experiments/registry.ts';
import { bytesOf, sizeOf, type Tensor } from '../../imported/tensor.ts';
import { readNumpyFile, tensorOfLists } from '../../imported/tensorFiles.ts';
import { type PyveneFiles, readPyveneFolder } from '../../interventions/pyvene/pyveneFolder.ts';
import { fromPyveneFolder } from '../../interventions/pyvene/savedFolder.ts';
import { quoted } from '../../messages/wording.ts';

export interface SocketVector {
  readonly name: string;
  readonly numbers: readonly number[];
}

interface Numbers {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * The vectors of one width that an array holds: itself, its rows, or its columns.
 * @param way which of them where it is as wide as it is long
 */
export function vectorsOf(
  { name, shape, data }: Numbers,
  width: number,
  way: 'rows' | 'columns',
): readonly SocketVector[] {
  const axes = shape.filter((size) => size !== 1);
  const at = (from: number, step: number) =>
    Array.from({ length: width }, (_, index) => data[from + index * step] ?? Number.NaN);
  if (axes.length <= 1) return data.length === width ? [{ name, numbers: at(0, 1) }] : [];
  const [rows = 0, columns = 0] = axes;
  if (axes.length > 2) return [];
  const ways = way === 'rows' ? (['rows', 'columns'] as const) : (['columns', 'rows'] as const);
  const found = ways.find((each) => (each === 'rows' ? columns : rows) === width);
  if (found === undefined) return [];
  return Array.from({ length: found === 'rows' ? rows : columns }, (_, index) => ({
    name: `${name}, ${found === 'rows' ? 'row' : 'column'} ${index}`,
    numbers: found === 'rows' ? at(index * columns, 1) : at(index, columns),
  }));
}

/** Of the folders for pyvene that come with a result: directions by site. */
async function trainedVectors(value: unknown, architecture: Architecture, width: number) {
  const result = await readResult(value);
  const files = (await kindOf(result.experiment.kind)).show(result).files();
  const folders = new Set(Object.keys(files).map((path) => path.split('/').slice(0, -1).join('/')));
  const vectors: SocketVector[] = [];
  for (const folder of folders) {
    const own = Object.entries(files).filter(([path]) => path.startsWith(`${folder}/`));
    const byName = new Map(own.map(([path, bytes]) => [path.slice(folder.length + 1), bytes]));
    const label = folder.split('/').at(-1) ?? folder;
    const pyvene: PyveneFiles = {
      label,
      names: () => [...byName.keys()],
      read: async (name) => byName.get(name) ?? new Uint8Array(),
    };
    const { parameters } = fromPyveneFolder(await readPyveneFolder(pyvene), architecture);
    for (const trained of Object.values(parameters)) {
      for (const [name, { shape, data }] of Object.entries(trained))
        vectors.push(...vectorsOf({ name: `${label}, ${name}`, shape, data }, width, 'columns'));
    }
  }
  return vectors;
}

/** Half precision is held as its bits, whole numbers of 64 bits as such. */
const numbersOf = (tensor: Tensor): ArrayLike<number> =>
  tensor.dtype === 'float16'
    ? expand('F16', bytesOf(tensor), sizeOf(tensor.shape))
    : Array.from<number | bigint, number>(tensor.data, Number);

async function arraysIn(file: File): Promise<readonly Numbers[]> {
  const source = blobSource(file.name, file);
  if (/\.npy$/i.test(file.name)) {
    const tensor = await readNumpyFile(source);
    return [{ name: file.name, shape: tensor.shape, data: numbersOf(tensor) }];
  }
  if (/\.safetensors$/i.test(file.name)) {
    const { tensors } = await readSafetensorsHeader(source);
    const arrays: Numbers[] = [];
    for (const [name, { info }] of tensors)
      arrays.push({ name, shape: info.shape, data: await safetensorsVector(source, name) });
    return arrays;
  }
  if (/\.gguf$/i.test(file.name)) {
    const { directions } = await readControlVector(source);
    return [...directions].map(([layer, data]) => ({ name: `layer ${layer}`, shape: [data.length], data }));
  }
  throw new CheckpointError(
    `${quoted(file.name)} is no file of vectors that is read here: .npy, .safetensors, .gguf, or .json.`,
  );
}

/**
 * @param width of the socket
 * @throws CheckpointError, ExperimentError or InterventionError in a sentence, also where nothing in the file is as wide
 */
export async function socketVectors(
  file: File,
  architecture: Architecture,
  width: number,
): Promise<readonly SocketVector[]> {
  const value = /\.json$/i.test(file.name)
    ? parseJson(quoted(file.name), new Uint8Array(await file.arrayBuffer()))
    : undefined;
  const isResult = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isResult) {
    const trained = await trainedVectors(value, architecture, width);
    if (trained.length > 0) return trained;
    throw new CheckpointError(
      `${quoted(file.name)} is a result in which nothing of width ${width} was trained. Open one of an alignment at a component of this width.`,
    );
  }
  const tensor = value === undefined ? null : tensorOfLists(file.name, value, 'float64');
  const arrays = tensor
    ? [{ name: file.name, shape: tensor.shape, data: numbersOf(tensor) }]
    : await arraysIn(file);
  const vectors = arrays.flatMap((array) => vectorsOf(array, width, 'rows'));
  if (vectors.length > 0) return vectors;
  const shapes = arrays.map(({ name, shape }) => `${quoted(name)} [${shape.join(', ')}]`);
  throw new CheckpointError(
    `${quoted(file.name)} holds no vector of ${width} numbers, which this socket takes: it has ${shapes.slice(0, 6).join(', ')}.`,
  );
}
