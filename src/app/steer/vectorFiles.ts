// Vectors from files: llama.cpp's control vectors, safetensors, JSON, and folders that pyvene saved. What is read are numbers
// and where they are put; whether they fit the model in use is said at once, as long as the file is at hand.

import type { Architecture } from '../../architectures/architecture.ts';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { readSafetensorsHeader } from '../../checkpoint/safetensors/safetensors.ts';
import { blobSource } from '../../checkpoint/sources/blob.ts';
import { readControlVector, safetensorsVector } from '../../checkpoint/vectors/vectorFile.ts';
import { resolveConfiguration } from '../../interventions/configuration/resolve.ts';
import { readPyveneFolder } from '../../interventions/pyvene/pyveneFolder.ts';
import { fromPyveneFolder } from '../../interventions/pyvene/savedFolder.ts';
import { listed, quoted } from '../../messages/wording.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import type { FoundFile } from '../model/modelFiles.ts';
import { pyveneFilesOf } from '../patch/pyveneFiles.ts';

/** Who wrote a control vector: llama.cpp's own tool names layers one too high, and no file says who it was. */
export type ControlVectorWriter = 'repeng' | 'cvector-generator';

export interface FoundVector {
  readonly name: string;
  readonly component: string;
  /** Null where the file does not say: then it is for any one layer. */
  readonly layers: readonly number[] | null;
  /** For each layer. */
  readonly numbers: readonly (readonly number[])[];
}

export interface VectorsOfFile {
  readonly vectors: readonly FoundVector[];
  /** What a person should know of the file: the model that it names. */
  readonly note: string | null;
}

const stem = (name: string): string => name.replace(/\.[^.]+$/, '');
const baseName = (path: string): string => path.split('/').at(-1) ?? path;

/** A layer in a tensor's name: `direction.5`, `layers.5.mlp`. */
const layerIn = (name: string): number | null => {
  const found = /(?:^|[._])(\d+)(?:[._]|$)/.exec(name)?.[1];
  return found === undefined ? null : Number(found);
};

async function controlVector(file: File, writer: ControlVectorWriter): Promise<VectorsOfFile> {
  const source = blobSource(file.name, file);
  const { directions, modelHint } = await readControlVector(source, writer === 'cvector-generator' ? -1 : 0);
  const layers = [...directions.keys()].toSorted((a, b) => a - b);
  return {
    vectors: [
      {
        name: stem(file.name),
        component: 'block_output',
        layers,
        numbers: layers.map((layer) => [...(directions.get(layer) ?? [])]),
      },
    ],
    note: modelHint === undefined ? null : `The file was made for a model of the kind “${modelHint}”.`,
  };
}

const rowsOf = (data: Float32Array, count: number): readonly (readonly number[])[] => {
  const width = data.length / count;
  return Array.from({ length: count }, (_, row) => [...data.subarray(row * width, (row + 1) * width)]);
};

async function safetensorsVectors(file: File): Promise<VectorsOfFile> {
  const source = blobSource(file.name, file);
  const { tensors } = await readSafetensorsHeader(source);
  const placed = [...tensors].map(([name, { info }]) => ({ name, shape: info.shape, layer: layerIn(name) }));
  const long = placed.find(({ shape }) => shape.length > 2);
  if (long)
    throw new CheckpointError(
      `Tensor ${quoted(long.name)} of ${quoted(file.name)} has shape [${long.shape.join(', ')}]. A vector is [width], or [layers, width].`,
    );
  const rows = placed.filter(({ shape }) => shape.length === 1);
  const areLayers =
    rows.length === placed.length &&
    rows.length > 1 &&
    rows.every(({ layer }) => layer !== null) &&
    new Set(rows.map(({ layer }) => layer)).size === rows.length;
  if (areLayers) {
    const ordered = rows.toSorted((a, b) => (a.layer ?? 0) - (b.layer ?? 0));
    const numbers: (readonly number[])[] = [];
    for (const { name } of ordered) numbers.push([...(await safetensorsVector(source, name))]);
    const layers = ordered.map(({ layer }) => layer ?? 0);
    return {
      vectors: [{ name: stem(file.name), component: 'block_output', layers, numbers }],
      note: null,
    };
  }
  const vectors: FoundVector[] = [];
  for (const { name, shape } of placed) {
    const data = await safetensorsVector(source, name);
    const [count = 1] = shape;
    const isMatrix = shape.length === 2 && count > 1;
    const layers = isMatrix ? Array.from({ length: count }, (_, layer) => layer) : null;
    const numbers = rowsOf(data, isMatrix ? count : 1);
    vectors.push({
      name: placed.length === 1 ? stem(file.name) : name,
      component: 'block_output',
      layers,
      numbers,
    });
  }
  if (vectors.length === 0) throw new CheckpointError(`${quoted(file.name)} holds no tensor.`);
  return { vectors, note: null };
}

const isNumbers = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length > 0 && value.every((entry) => Number.isFinite(entry));

/** A list of numbers, a list of such lists, one for each layer, or an object of them by layer. */
function jsonVectors(text: string, name: string): VectorsOfFile {
  const refuse = () =>
    new CheckpointError(
      `${quoted(name)} is no vector in JSON. It is a list of numbers, a list of such lists, one for each layer, or an object with a list for each layer: { "12": [0.1, ...] }.`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    throw refuse();
  }
  const found = (
    layers: readonly number[] | null,
    numbers: readonly (readonly number[])[],
  ): VectorsOfFile => ({
    vectors: [{ name: stem(name), component: 'block_output', layers, numbers }],
    note: null,
  });
  if (isNumbers(value)) return found(null, [value]);
  if (Array.isArray(value) && value.length > 0 && value.every(isNumbers))
    return found(value.length === 1 ? null : [...value.keys()], value);
  if (typeof value !== 'object' || value === null) throw refuse();
  const entries = Object.entries(value).map(([key, numbers]) => [Number(key), numbers] as const);
  const rows = entries.flatMap(([layer, numbers]) =>
    Number.isInteger(layer) && layer >= 0 && isNumbers(numbers) ? [{ layer, numbers }] : [],
  );
  if (rows.length === 0 || rows.length < entries.length) throw refuse();
  return found(
    rows.map(({ layer }) => layer),
    rows.map(({ numbers }) => numbers),
  );
}

const signs: Readonly<Record<string, 1 | -1>> = { AdditionIntervention: 1, SubtractionIntervention: -1 };

/** Constant vectors that a folder adds, a vector for each component. */
async function pyveneVectors(
  files: readonly FoundFile[],
  architecture: Architecture,
): Promise<VectorsOfFile> {
  const folder = pyveneFilesOf(files);
  const { configuration, parameters } = fromPyveneFolder(await readPyveneFolder(folder), architecture);
  const { interventions } = resolveConfiguration(architecture, configuration, { parameters });
  const rows = interventions.map(({ label, site, intervention, constant }) => {
    const sign = signs[intervention.type.name];
    if (sign === undefined || !constant)
      throw new CheckpointError(
        `${label} is of the type ${intervention.type.name}${constant ? '' : ' and takes its values from another prompt'}. A steering adds a constant vector; open such a folder on the Patch page.`,
      );
    return { site, numbers: Array.from(constant.data, (entry) => sign * entry) };
  });
  const components = [...new Set(rows.map(({ site }) => site.component))];
  return {
    vectors: components.map((component): FoundVector => {
      const own = rows
        .filter(({ site }) => site.component === component)
        .toSorted((a, b) => (a.site.layer ?? 0) - (b.site.layer ?? 0));
      const layers = own.flatMap(({ site }) => (site.layer === null ? [] : [site.layer]));
      if (new Set(layers).size < layers.length)
        throw new CheckpointError(
          `The folder adds several vectors at ${component} of one layer. Save each in a folder of its own.`,
        );
      return {
        name: components.length === 1 ? folder.label : component,
        component,
        layers: layers.length === 0 ? null : layers,
        numbers: own.map(({ numbers }) => numbers),
      };
    }),
    note: null,
  };
}

/** Why a vector cannot be put into a model; null where it can. */
export function misfit(
  { name, component, layers, numbers }: FoundVector,
  architecture: Architecture,
): string | null {
  const known = architecture.components.find((each) => each.name === component);
  if (!known) return `${architecture.modelType} has no component '${component}'.`;
  const { width, heads = 1 } = describeComponent(architecture, component);
  const wrong = numbers.find(({ length }) => length !== width * heads);
  if (wrong)
    return `“${name}” has ${wrong.length} numbers, and ${component} of the model in use has ${width * heads}: it was made for another model.`;
  const beyond = layers?.find((layer) => layer >= architecture.layerCount);
  if (beyond !== undefined)
    return `“${name}” has a vector for layer ${beyond}, and the model in use has layers 0 to ${architecture.layerCount - 1}: it was made for another model.`;
  return null;
}

/**
 * @param files one file, or all of a folder that pyvene saved
 * @throws CheckpointError, InterventionError or UnknownComponentError in a sentence
 */
export async function readVectorFiles(
  files: readonly FoundFile[],
  architecture: Architecture,
  writer: ControlVectorWriter,
): Promise<VectorsOfFile> {
  const names = files.map(({ path }) => baseName(path));
  const read = await (async () => {
    const [first] = files;
    if (!first) throw new CheckpointError('The folder is empty.');
    if (names.includes('intkey_config.json') || names.includes('config.json'))
      return pyveneVectors(files, architecture);
    if (files.length > 1)
      throw new CheckpointError(
        `There are ${files.length} files (${listed(names, 4)}), and no config.json that pyvene saved. Choose one file, or such a folder.`,
      );
    if (/\.gguf$/i.test(first.path)) return controlVector(first.file, writer);
    if (/\.safetensors$/i.test(first.path)) return safetensorsVectors(first.file);
    if (/\.json$/i.test(first.path)) return jsonVectors(await first.file.text(), first.file.name);
    throw new CheckpointError(
      `${quoted(first.file.name)} is no file of vectors that is read here: .gguf, .safetensors, .json, or a folder that pyvene saved.`,
    );
  })();
  for (const vector of read.vectors) {
    const problem = misfit(vector, architecture);
    if (problem !== null) throw new CheckpointError(problem);
  }
  return read;
}
