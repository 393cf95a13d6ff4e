// The pictures and sounds of pairs, as the numbers that a model reads. Runs that read the same one share its numbers, by which
// the engine knows that one run of the encoder is enough for them.

import { type Architecture, firstInput } from '../../architectures/architecture.ts';
import type { ModelConfiguration } from '../../checkpoint/checkpoint.ts';
import { exchanged } from '../exchanged.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { InputData } from '../inputData.ts';
import { positionsOfPart } from '../inputParts.ts';
import { cleanParts, corruptedParts, type Pair } from '../pairs.ts';
import { sharedInputs } from '../sharedInputs.ts';
import type { PromptInput } from '../wholePrompt.ts';

export interface PairInputs {
  readonly clean?: InputData;
  readonly corrupted?: InputData;
}

/**
 * @param preprocessor what the model's files say of pictures and sounds
 * @returns one entry a pair, in order; empty ones for a model of tokens
 * @throws ExperimentError for what the model does not read, MediaError for a file that cannot be read
 */
export async function readPairInputs(
  architecture: Architecture,
  pairs: readonly Pair[],
  preprocessor: () => Promise<ModelConfiguration | undefined>,
): Promise<readonly PairInputs[]> {
  if (!firstInput(architecture)) return pairs.map(() => ({}));
  const inputs = sharedInputs(architecture, preprocessor);
  const found: PairInputs[] = [];
  for (const pair of pairs) {
    const clean = await inputs.read(cleanParts(pair));
    const other = corruptedParts(pair);
    const corrupted = other && (await inputs.read(other));
    found.push({ ...(clean ? { clean } : {}), ...(corrupted ? { corrupted } : {}) });
  }
  return found;
}

export interface CorruptedInput {
  readonly data?: Float32Array;
  /** Positions in which it differs from the clean one, where a part was named. */
  readonly positions?: readonly number[];
}

/**
 * What the corrupted run of a pair reads: another picture or sound, or the clean one with a part of the other.
 * @param input what the clean run reads
 * @param place of the pair in the file: `pairs.0`
 * @throws ExperimentError for a part that the input does not have, or that is the same in both
 */
export function corruptedInput(
  { exchanged: part }: Pair,
  { clean, corrupted }: PairInputs,
  input: PromptInput | undefined,
  place: string,
): CorruptedInput {
  if (!part) return corrupted ? { data: corrupted.data } : {};
  const instead = 'Leave it out, or give the part of what it reads.';
  const positions = positionsOfPart(part, input, clean?.seconds, `'${place}.exchanged'`, instead);
  if (!input || !clean || !corrupted || clean === corrupted)
    throw new ExperimentError(
      `'${place}.exchanged' names a part, and the pair has no other picture or sound to take it from. Give 'corruptedImage' or 'corruptedSound', or leave the part out.`,
    );
  return { data: exchanged(input.picture ?? input, positions, clean.data, corrupted.data), positions };
}
