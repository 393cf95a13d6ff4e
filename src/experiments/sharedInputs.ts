// The pictures and sounds of one experiment as the numbers that a model reads. Each file is read once, and what shows the same
// bytes shares one array of numbers, whatever the files are called and whatever hash is stated of them: by the array the engine
// knows that one run of an encoder is enough.

import type { Architecture } from '../architectures/architecture.ts';
import type { ModelConfiguration } from '../checkpoint/checkpoint.ts';
import { contentOfGiven, type GivenFile, keyOfGiven } from './givenFile.ts';
import { type InputData, readInput } from './inputData.ts';
import { checkParts, type PromptParts } from './wholePrompt.ts';

export interface SharedInputs {
  /**
   * @returns undefined for a model that reads tokens alone
   * @throws ExperimentError for what the model does not read, MediaError for a file that cannot be read
   */
  read(parts: PromptParts): Promise<InputData | undefined>;
  /** What was read of the picture or the sound before; undefined where it was not. */
  known(parts: Pick<PromptParts, 'image' | 'sound'>): InputData | undefined;
}

const keyOf = (file: GivenFile): string => JSON.stringify(keyOfGiven(file));

/**
 * Whatever has room to be kept longer, what is read here is kept as long as this.
 * @param preprocessor what the model's files say of pictures and sounds
 */
export function sharedInputs(
  architecture: Architecture,
  preprocessor: () => Promise<ModelConfiguration | undefined>,
): SharedInputs {
  // What is said of a file names it, so that files of the same bytes share no more than their numbers.
  const inputs = new Map<string, InputData>();
  const numbers = new Map<string, Float32Array>();
  const known: SharedInputs['known'] = ({ image, sound }) => {
    const file = image ?? sound;
    return file && inputs.get(keyOf(file));
  };
  return {
    known,
    async read(parts) {
      checkParts(architecture, parts);
      const file = parts.image ?? parts.sound;
      const there = known(parts);
      if (file === undefined || there) return there;
      const own = await readInput(architecture, parts, preprocessor);
      if (!own) return undefined;
      const content = JSON.stringify(contentOfGiven(file));
      const data = numbers.get(content) ?? own.data;
      numbers.set(content, data);
      const input = { ...own, data };
      inputs.set(keyOf(file), input);
      return input;
    },
  };
}
