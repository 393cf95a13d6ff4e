// What a model reads, as programs hand it over: the ids of a text as a list in the program, and a picture or a sound, of which
// there are too many numbers to read, in a file that lies beside it.

import { type Architecture, firstInput } from '../../architectures/architecture.ts';
import { safetensorsBytes } from '../../checkpoint/safetensors/written.ts';
import type { RowSource } from '../../runtime/plan/plan.ts';
import { type Prompt, startOf } from '../execution/prompt.ts';
import type { Call } from '../execution/runs.ts';

/** One of a model's arguments, as transformers names it. */
export type ProgramInput = { readonly name: string } & (
  | { readonly ids: readonly (readonly number[])[] }
  /** For each prompt its numbers; of one: `shape`. */
  | { readonly data: readonly Float32Array[]; readonly shape: readonly number[] }
);

/** The file that lies beside a program. */
export const inputsFile = 'inputs.safetensors';

/** What a prompt gives each stack: numbers, the ids that an encoder reads, and those of the decoder. */
function readOf(prompt: Prompt): {
  readonly data?: Float32Array;
  readonly source?: readonly number[];
  readonly tokens?: readonly number[];
} {
  const start = startOf(prompt);
  const below = (source: RowSource | undefined): ReturnType<typeof readOf> =>
    !source
      ? {}
      : source.kind === 'input'
        ? { data: source.data }
        : { ...below(source.source), source: source.tokens };
  if (start.kind === 'input') return { data: start.data };
  return start.kind === 'tokens' ? { ...below(start.source), tokens: start.tokens } : {};
}

/** The arguments of the model for the prompts of a run. */
export function programInputs(
  architecture: Architecture,
  prompts: readonly Prompt[],
): readonly ProgramInput[] {
  const { encoder } = architecture;
  const input = firstInput(architecture);
  const read = prompts.map(readOf);
  const data = read.flatMap((each) => each.data ?? []);
  const source = read.flatMap((each) => (each.source ? [each.source] : []));
  const tokens = read.flatMap((each) => (each.tokens ? [each.tokens] : []));
  // A caption is written where other models have their prompt.
  const own = encoder && encoder.input?.kind !== 'image' ? 'decoder_input_ids' : 'input_ids';
  return [
    ...(input && data.length > 0
      ? [{ name: input.kind === 'sound' ? 'input_features' : 'pixel_values', data, shape: input.shape }]
      : []),
    ...(source.length > 0 ? [{ name: 'input_ids', ids: source }] : []),
    ...(tokens.length > 0 ? [{ name: own, ids: tokens }] : []),
  ];
}

/** The runs of a call with their prompts, by the names that they have in the file. */
function runsOf({ base, sources }: Call): readonly (readonly [string, readonly Prompt[]])[] {
  return [
    ['base', base],
    ...sources.flatMap((prompts, index) => (prompts ? [[`source_${index}`, prompts] as const] : [])),
  ];
}

/** The name of a tensor in the file: `base.pixel_values`. */
export const inputTensor = (run: string, name: string): string => `${run}.${name}`;

/** The files that lie beside a program; none for a model of texts. */
export function inputFiles(architecture: Architecture, call: Call): ReadonlyMap<string, Uint8Array> {
  const tensors = runsOf(call).flatMap(([run, prompts]) =>
    programInputs(architecture, prompts).flatMap((input) => {
      if ('ids' in input) return [];
      const all = new Float32Array(input.data.reduce((count, { length }) => count + length, 0));
      let at = 0;
      for (const each of input.data) {
        all.set(each, at);
        at += each.length;
      }
      return [
        [inputTensor(run, input.name), { data: all, shape: [input.data.length, ...input.shape] }] as const,
      ];
    }),
  );
  return tensors.length === 0 ? new Map() : new Map([[inputsFile, safetensorsBytes(new Map(tensors))]]);
}
