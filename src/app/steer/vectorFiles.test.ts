import { expect, test } from 'vitest';
import { architectureOf } from '../../architectures/registry.ts';
import { writeControlVector } from '../../checkpoint/vectors/writeControlVector.ts';
import { readConfiguration } from '../../interventions/configuration/configuration.ts';
import { resolveConfiguration } from '../../interventions/configuration/resolve.ts';
import { writePyveneFolder } from '../../interventions/pyvene/pyveneFolder.ts';
import { toPyveneFolder } from '../../interventions/pyvene/savedFolder.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import type { FoundFile } from '../model/modelFiles.ts';
import { readVectorFiles } from './vectorFiles.ts';

const architecture = architectureOf(tinyCheckpoint(tinyConfigurations.gpt2));
const { width } = architecture;
const row = (first: number) => Array.from({ length: width }, (_, at) => first + at);

const file = (name: string, content: BlobPart): FoundFile => ({
  path: name,
  file: new File([content], name.split('/').at(-1) ?? name),
});
const read = (files: readonly FoundFile[], writer: 'repeng' | 'cvector-generator' = 'repeng') =>
  readVectorFiles(files, architecture, writer);

/** As the format has it: the header's length, the header, float32 numbers. */
function safetensors(tensors: Readonly<Record<string, readonly (readonly number[])[]>>): FoundFile {
  let offset = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, rows]) => {
      const bytes = 4 * width * rows.length;
      const shape = rows.length === 1 ? [width] : [rows.length, width];
      const entry = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes] };
      offset += bytes;
      return [name, entry];
    }),
  );
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(new BigUint64Array([BigInt(json.length)]).buffer);
  return file('v.safetensors', new Blob([length, json, Float32Array.from(Object.values(tensors).flat(2))]));
}

test('a control vector is read at its layers, and a layer lower where cvector-generator wrote it', async () => {
  const bytes = writeControlVector(new Map([[1, Float32Array.from(row(3))]]), 'gpt2').slice();
  const found = await read([file('happy.gguf', bytes)]);
  expect(found.vectors).toEqual([
    { name: 'happy', component: 'block_output', layers: [1], numbers: [row(3)] },
  ]);
  expect(found.note).toContain('gpt2');
  const shifted = await read([file('happy.gguf', bytes)], 'cvector-generator');
  expect(shifted.vectors[0]?.layers).toEqual([0]);
});

test('tensors are layers where their names say so, rows of one are layers, and one alone is for any', async () => {
  const named = await read([safetensors({ 'layers.1': [row(1)], 'layers.0': [row(0)] })]);
  expect(named.vectors).toEqual([
    { name: 'v', component: 'block_output', layers: [0, 1], numbers: [row(0), row(1)] },
  ]);
  const matrix = await read([safetensors({ all: [row(5), row(6)] })]);
  expect(matrix.vectors[0]).toMatchObject({ layers: [0, 1], numbers: [row(5), row(6)] });
  const one = await read([safetensors({ happy: [row(7)] })]);
  expect(one.vectors[0]).toMatchObject({ name: 'v', layers: null, numbers: [row(7)] });
});

test('JSON is a list, a list for each layer, or lists by layer', async () => {
  const json = (value: unknown) => read([file('v.json', JSON.stringify(value))]);
  expect((await json(row(1))).vectors[0]).toMatchObject({ layers: null, numbers: [row(1)] });
  expect((await json([row(1), row(2)])).vectors[0]).toMatchObject({ layers: [0, 1] });
  expect((await json({ 1: row(2) })).vectors[0]).toMatchObject({ layers: [1], numbers: [row(2)] });
  await expect(json({ a: row(1) })).rejects.toThrow('is no vector in JSON');
  await expect(read([file('v.json', '[1, 2')])).rejects.toThrow('is no vector in JSON');
});

test('a folder that pyvene saved gives what it adds, and the other way round what it subtracts', async () => {
  const configuration = readConfiguration({
    representations: [
      {
        layer: 1,
        component: 'block_output',
        intervention_type: 'AdditionIntervention',
        source_representation: row(1),
      },
      {
        layer: 0,
        component: 'block_output',
        intervention_type: 'SubtractionIntervention',
        source_representation: row(2),
      },
    ],
  });
  const resolved = resolveConfiguration(architecture, configuration, {});
  const files = [...writePyveneFolder(toPyveneFolder(resolved))].map(([name, bytes]) =>
    file(`happy/${name}`, bytes.slice()),
  );
  const { vectors } = await read(files);
  expect(vectors).toEqual([
    {
      name: 'happy',
      component: 'block_output',
      layers: [0, 1],
      numbers: [row(2).map((entry) => -entry), row(1)],
    },
  ]);
});

test('a vector of another width, or for a layer that the model does not have, is of another model', async () => {
  await expect(read([file('v.json', '[1, 2, 3]')])).rejects.toThrow(
    `“v” has 3 numbers, and block_output of the model in use has ${width}: it was made for another model.`,
  );
  await expect(read([file('v.json', JSON.stringify({ 99: row(0) }))])).rejects.toThrow('for layer 99');
  await expect(read([file('v.txt', 'x')])).rejects.toThrow('is no file of vectors');
});
