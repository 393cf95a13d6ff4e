// Reference folders: results that other programs computed, in the format of their README. Only what is compared is read.

import * as v from 'valibot';
import { CheckpointError } from '../../checkpoint/checkpoint.ts';
import { readSafetensorsHeader } from '../../checkpoint/safetensors/safetensors.ts';
import type { ByteSource } from '../../checkpoint/sources/byteSource.ts';

export interface ReferenceTensor {
  readonly shape: readonly number[];
  /** Token ids of int64 tensors are whole numbers all the same. */
  readonly data: Float32Array | Int32Array;
}

const caseSchema = v.looseObject({ kind: v.string() });
const casesSchema = v.looseObject({ cases: v.array(caseSchema), family: v.optional(v.string()) });

export type ReferenceCase = v.InferOutput<typeof caseSchema>;

export interface Reference {
  readonly label: string;
  readonly family: string | undefined;
  readonly cases: readonly ReferenceCase[];
  has(name: string): boolean;
  /** @throws CheckpointError when there is no such tensor */
  tensor(name: string): Promise<ReferenceTensor>;
}

const headerSchema = v.record(v.string(), v.unknown());
const placeSchema = v.looseObject({
  dtype: v.string(),
  shape: v.array(v.number()),
  data_offsets: v.tuple([v.number(), v.number()]),
});

/** @throws CheckpointError when the text is not that of a cases.json */
function readCases(label: string, casesText: string): v.InferOutput<typeof casesSchema> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(casesText);
  } catch (error) {
    throw new CheckpointError(
      `cases.json of ${label} is not JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
  const cases = v.safeParse(casesSchema, parsed);
  if (!cases.success) throw new CheckpointError(`cases.json of ${label} lists no cases with a kind each.`);
  return cases.output;
}

/** The family that a cases.json names, where it names one. */
export const familyOf = (label: string, casesText: string): string | undefined =>
  readCases(label, casesText).family;

/**
 * @param casesText the text of cases.json
 * @param source    tensors.safetensors
 * @throws CheckpointError when either is not what it should be
 */
export async function openReference(
  label: string,
  casesText: string,
  source: ByteSource,
): Promise<Reference> {
  const { cases, family } = readCases(label, casesText);
  // The reader checks every place in the file; tensors of ids are then found in the very same header.
  await readSafetensorsHeader(source);
  const length = Number(new DataView((await source.read(0, 8)).buffer).getBigUint64(0, true));
  const header = v.parse(headerSchema, JSON.parse(new TextDecoder().decode(await source.read(8, length))));
  return {
    label,
    family,
    cases,
    has: (name) => name in header,
    async tensor(name) {
      const place = v.safeParse(placeSchema, header[name]);
      if (!place.success)
        throw new CheckpointError(`tensors.safetensors of ${label} has no tensor '${name}'.`);
      const { dtype, shape, data_offsets: offsets } = place.output;
      const { buffer } = await source.read(8 + length + offsets[0], offsets[1] - offsets[0]);
      if (dtype === 'F32') return { shape, data: new Float32Array(buffer) };
      if (dtype === 'I64') return { shape, data: Int32Array.from(new BigInt64Array(buffer), Number) };
      throw new CheckpointError(
        `Tensor '${name}' of ${label} has dtype ${dtype}; references hold F32 and I64.`,
      );
    },
  };
}
