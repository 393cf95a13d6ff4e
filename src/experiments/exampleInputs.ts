// The pictures and sounds of many examples as the numbers that a model reads, each refused by its place in the file. Prompts that
// show the same bytes share their numbers, by which a split knows that they are one prompt.

import { type Architecture, firstInput } from '../architectures/architecture.ts';
import { type GivenPrompt, partsOfGiven } from './givenPrompt.ts';
import type { InputData } from './inputData.ts';
import type { KindResolveOptions } from './kind.ts';
import { sharedInputs } from './sharedInputs.ts';
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
  const inputs = sharedInputs(architecture, preprocessor);
  for (const { given, where } of prompts) {
    signal?.throwIfAborted();
    const parts = partsOfGiven(given);
    checkPartsAt(architecture, parts, where);
    await inputs.read(parts);
    await breathe();
  }
  return inputs.known;
}
