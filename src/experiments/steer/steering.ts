// A steering as a file: vectors, where they are put, how strongly, and at which positions and steps.

import * as v from 'valibot';
import { type Immutable, readVersioned, wholeNumber } from '../experimentFile.ts';

const count = v.pipe(wholeNumber, v.minValue(0));
const number = v.pipe(v.number(), v.finite());

const vectorSchema = v.union([
  v.array(number),
  v.strictObject({
    /** A .safetensors file, or a control vector in .gguf; its place is counted from the steering's own. */
    file: v.string(),
    /** Of a safetensors file that holds several. */
    tensor: v.optional(v.string()),
    /** Who wrote a control vector: llama.cpp's cvector-generator names layers one too high. */
    writer: v.optional(v.picklist(['repeng', 'cvector-generator'])),
  }),
]);

const mapSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('add') }),
  v.strictObject({ kind: v.literal('ablate'), keep: v.exactOptional(number) }),
  v.strictObject({ kind: v.literal('set'), to: number }),
  v.strictObject({ kind: v.literal('cap'), at: number }),
  v.strictObject({ kind: v.literal('between'), from: v.array(number) }),
]);

const editSchema = v.strictObject({
  component: v.optional(v.string(), 'block_output'),
  /** Left out for a component that exists once, and for a control vector, which brings its layers. */
  layers: v.optional(v.pipe(v.array(count), v.nonEmpty())),
  heads: v.optional(v.pipe(v.array(count), v.nonEmpty())),
  vector: vectorSchema,
  /** Give the vector unit length before the strength is applied. */
  normalize: v.optional(v.boolean(), false),
  strength: v.optional(number, 1),
  map: v.optional(mapSchema, { kind: 'add' }),
  keepNorm: v.optional(v.boolean(), false),
  whileBelow: v.exactOptional(number),
  /** Positions of the prompt. */
  prompt: v.exactOptional(v.union([v.picklist(['all', 'none']), v.array(wholeNumber)])),
  /** Steps: 0 is the state that makes the first new token. */
  steps: v.exactOptional(
    v.union([
      v.picklist(['all', 'none']),
      v.strictObject({
        from: v.exactOptional(count),
        count: v.exactOptional(count),
        every: v.exactOptional(count),
      }),
    ]),
  ),
  /** Whether `prompt: "all"` means the first position and special tokens too, whose states carry no text. */
  specialTokens: v.optional(v.boolean(), false),
});

const steeringSchema = v.strictObject({
  kind: v.literal('steering'),
  version: v.literal(1),
  /** Shown, and compared with nothing. */
  note: v.optional(v.string()),
  edits: v.pipe(v.array(editSchema), v.nonEmpty()),
});

export type SteeringEdit = Immutable<v.InferOutput<typeof editSchema>>;
export type SteeringFile = Immutable<v.InferOutput<typeof steeringSchema>>;

/** @throws ExperimentError for another kind, a newer version, or the first thing that is wrong */
export const readSteering = (value: unknown): SteeringFile =>
  readVersioned(steeringSchema, value, 'steering', 1);
