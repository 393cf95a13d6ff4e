// For tests: what PyTorch was called with (make_patches.py, make_paths.py) as the pairs and inputs of an experiment.

import * as v from 'valibot';
import type { Pair } from '../../pairs.ts';
import type { PairInputs } from '../pairInputs.ts';

const numbers = v.array(v.number());
export const callSchema = v.object({
  input_ids: v.optional(numbers),
  decoder_input_ids: v.optional(numbers),
  pixel_values: v.optional(numbers),
  input_features: v.optional(numbers),
});

export type Call = v.InferOutput<typeof callSchema>;

interface GivenPair {
  readonly clean: Call;
  readonly corrupted?: Call | undefined;
  readonly exchanged?: Pair['exchanged'];
}

const behindStart = (ids: readonly number[] = []): number[] => ids.slice(1);
const named = (name: string, is: boolean) => (is ? { name } : undefined);

/** A call of PyTorch as a person states it: the text of the prompt, and what the decoder has written. */
export function textsOf({ input_ids, decoder_input_ids, pixel_values }: Call) {
  if (input_ids && decoder_input_ids) return { prompt: input_ids, target: behindStart(decoder_input_ids) };
  return pixel_values ? { prompt: behindStart(input_ids) } : { prompt: behindStart(decoder_input_ids) };
}

export function pairOf({ clean, corrupted, exchanged }: GivenPair): Pair {
  const [one, other] = [textsOf(clean), corrupted && textsOf(corrupted)];
  const image = named('clean.png', clean.pixel_values !== undefined);
  const sound = named('clean.wav', clean.input_features !== undefined);
  return {
    clean: one.prompt,
    ...(one.target ? { target: one.target } : {}),
    ...(image ? { image } : {}),
    ...(sound ? { sound } : {}),
    ...(other ? { corrupted: other.prompt } : {}),
    ...(other?.target ? { corruptedTarget: other.target } : {}),
    ...(other && image ? { corruptedImage: { name: 'corrupted.png' } } : {}),
    ...(other && sound ? { corruptedSound: { name: 'corrupted.wav' } } : {}),
    ...(exchanged ? { exchanged } : {}),
  };
}

/** Runs that read the same share its numbers, as where files are read. */
export function inputsOf(pairs: readonly GivenPair[]): readonly PairInputs[] {
  const known = new Map<string, PairInputs['clean']>();
  const dataOf = (call: Call | undefined): PairInputs['clean'] => {
    const data = call?.pixel_values ?? call?.input_features;
    if (!data) return undefined;
    const key = data.join();
    // A position of the sound lasts a second.
    if (!known.has(key)) known.set(key, { data: Float32Array.from(data), seconds: 7, notices: [] });
    return known.get(key);
  };
  return pairs.map((pair) => {
    const [clean, corrupted] = [dataOf(pair.clean), dataOf(pair.corrupted)];
    return { ...(clean ? { clean } : {}), ...(corrupted ? { corrupted } : {}) };
  });
}
