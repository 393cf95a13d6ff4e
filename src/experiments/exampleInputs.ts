// The pictures and sounds of many examples as the numbers that a model reads. Each file is read once, and prompts that show the
// same bytes share their numbers, whatever the files are called and whatever hash is stated of them: by the array the engine
// knows that one run of an encoder is enough for them, and a split that they are one prompt.

import { type Architecture, firstInput } from '../architectures/architecture.ts';
import { dataOf, type GivenFile } from './givenFile.ts';
import { type GivenPrompt, partsOfGiven } from './givenPrompt.ts';
import { type InputData, readInput } from './inputData.ts';
import { KeptInputs } from './keptInputs.ts';
import type { KindResolveOptions } from './kind.ts';
import { checkPartsAt, type PromptParts } from './wholePrompt.ts';

/** A prompt, and its place in the file. */
export interface PlacedGiven {
  readonly given: GivenPrompt;
  readonly where: string;
}

/** What the pictures or sounds of prompts are to the model; undefined for one that reads tokens alone. */
export type ExampleInputs = (parts: PromptParts) => Pick<InputData, 'data' | 'notices'> | undefined;

export const noInputs: ExampleInputs = () => undefined;

/**
 * @param breathe awaited after each prompt
 * @throws ExperimentError that names the place of what the model does not read, or lacks; MediaError for a file that cannot be
 *         read; the signal's reason
 */
export async function readExampleInputs(
  architecture: Architecture,
  prompts: Iterable<PlacedGiven>,
  { preprocessor = async () => undefined, signal }: Pick<KindResolveOptions, 'preprocessor' | 'signal'>,
  breathe: () => Promise<void>,
): Promise<ExampleInputs> {
  if (!firstInput(architecture)) return noInputs;
  // Whatever has room to be kept longer, examples of one file share their numbers.
  const known = new KeptInputs<InputData | undefined>(Number.POSITIVE_INFINITY, () => 0);
  const found = new Map<GivenFile, InputData>();
  const numbers = new Map<string, Float32Array>();
  for (const { given, where } of prompts) {
    signal?.throwIfAborted();
    const parts = partsOfGiven(given);
    checkPartsAt(architecture, parts, where);
    const file = parts.image ?? parts.sound;
    const read = file && (await known.get(file, '', () => readInput(architecture, parts, preprocessor)));
    if (file && read) {
      // What is said of a file names it, so that files of the same bytes share no more than their numbers.
      const bytes = dataOf(file);
      const data = (bytes === undefined ? undefined : numbers.get(bytes)) ?? read.data;
      if (bytes !== undefined) numbers.set(bytes, data);
      found.set(file, { ...read, data });
    }
    await breathe();
  }
  return ({ image, sound }) => {
    const file = image ?? sound;
    return file && found.get(file);
  };
}
