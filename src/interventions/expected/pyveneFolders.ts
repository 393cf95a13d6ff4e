// What the tests of pyvene's folders share: the folders that make_pyvene.py wrote with the tensors in them, and the
// comparison of tensors.
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { expect } from 'vitest';
import type { PyveneFiles, PyveneFolder } from '../pyvene/pyveneFolder.ts';
import type { PyveneTensor } from '../pyvene/pyveneState.ts';

const dimensionSchema = v.nullable(v.union([v.number(), v.array(v.number())]));
export const folderSchema = v.object({
  mode: v.string(),
  interventions: v.array(
    v.object({
      key: v.string(),
      type: v.string(),
      dimension: dimensionSchema,
      is_source_constant: v.boolean(),
      tensors: v.record(v.string(), v.object({ shape: v.array(v.number()), data: v.string() })),
    }),
  ),
});
export type Reported = v.InferOutput<typeof folderSchema>;

export const { folders } = v.parse(
  v.object({
    folders: v.record(
      v.string(),
      v.object({ ...folderSchema.entries, files: v.record(v.string(), v.string()) }),
    ),
  }),
  JSON.parse(readFileSync(new URL('pyvene.expected.json', import.meta.url), 'utf8')),
);

export const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

export const filesOf = (files: ReadonlyMap<string, Uint8Array>): PyveneFiles => ({
  label: 'a folder',
  names: () => [...files.keys()],
  read: async (name) => files.get(name) ?? new Uint8Array(0),
});

export const savedFiles = (name: string): Map<string, Uint8Array> =>
  new Map(Object.entries(folders[name]?.files ?? {}).map(([file, base64]) => [file, bytesOf(base64)]));

/** Numbers are compared to 1e-6 where they went through a rotation's parametrisation, and exactly elsewhere. */
export function expectSame(folder: PyveneFolder, reported: Reported): void {
  expect(folder.mode).toBe(reported.mode);
  expect(folder.interventions.map(({ key, type }) => [key, type])).toEqual(
    reported.interventions.map(({ key, type }) => [key, type]),
  );
  for (const [index, { parameters, sourceRepresentation, key }] of folder.interventions.entries()) {
    const tensors: Readonly<Record<string, PyveneTensor>> = {
      ...parameters,
      ...(sourceRepresentation && { source_representation: sourceRepresentation }),
    };
    const expected = reported.interventions[index]?.tensors ?? {};
    expect(Object.keys(tensors).sort(), key).toEqual(Object.keys(expected).sort());
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      const values = new Float32Array(bytesOf(expected[name]?.data ?? '').buffer);
      expect([key, name, ...shape]).toEqual([key, name, ...(expected[name]?.shape ?? [])]);
      if (name !== 'rotation') expect(data, `${key} ${name}`).toEqual(values);
      else expect(largestDifference(data, values), `${key} ${name}`).toBeLessThan(1e-6);
    }
  }
}

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.length === b.length
    ? a.reduce((most, value, at) => Math.max(most, Math.abs(value - (b[at] ?? 0))), 0)
    : Infinity;

/** Numbers that are the same for the same shape. */
export function ones(...shape: number[]): PyveneTensor {
  const count = shape.reduce((product, length) => product * length, 1);
  return { data: Float32Array.from({ length: count }, (_, at) => Math.sin(1 + at * 1.7)), shape };
}
