// Puts the contents of the files that an experiment names into it, so that it can be sent, linked and run again by itself.

import { memorySource } from '../../checkpoint/sources/byteSource.ts';
import { readTensorOf } from '../../imported/exampleFiles.ts';
import { bytesOf, type Tensor } from '../../imported/tensor.ts';
import { fileText } from '../../messages/fileText.ts';
import { quoted } from '../../messages/wording.ts';
import { textOfBytes } from '../bytesText.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { Given, GivenInputs, TensorsExperiment } from './experiment.ts';

export const packedTensor = (tensor: Tensor): Pick<Given, 'base64' | 'dtype' | 'shape'> => ({
  base64: textOfBytes(bytesOf(tensor)),
  dtype: tensor.dtype,
  shape: tensor.shape,
});

/**
 * What a file holds of one input.
 * @param given the rest of what is said of the input
 * @throws ExperimentError for a file of another kind; CheckpointError or MediaError for one that cannot be read
 */
export async function givenOfFile(
  input: string,
  name: string,
  bytes: Uint8Array,
  { file: _, tensor, ...given }: Given = {},
): Promise<Given> {
  const plain = name.replace(/^.*[\\/]/, '');
  if (/\.(png|jpe?g)$/i.test(name)) return { ...given, picture: textOfBytes(bytes), name: plain };
  if (/\.txt$/i.test(name)) return { ...given, text: fileText(bytes), name: plain };
  if (/\.wav$/i.test(name)) {
    const { readWav } = await import('../../media/wav.ts');
    const { samples } = readWav(bytes, plain);
    return {
      ...given,
      ...packedTensor({ dtype: 'float32', shape: [samples.length], data: samples }),
      name: plain,
    };
  }
  if (!/\.(npy|safetensors|json|csv)$/i.test(name))
    throw new ExperimentError(
      `${quoted(name)} is no file that an input is read from here: .npy, .safetensors, .json, .csv, .txt, .png, .jpg, .wav.`,
    );
  const read = await readTensorOf(memorySource(plain, bytes), input, tensor);
  return { ...given, ...packedTensor(read), name: plain };
}

/** @param read the bytes of a file by the path that the experiment has for it */
export async function withFiles(
  experiment: TensorsExperiment,
  read: (path: string) => Promise<Uint8Array>,
): Promise<TensorsExperiment> {
  const filled = async (inputs: GivenInputs): Promise<GivenInputs> =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(inputs).map(async ([input, given]): Promise<readonly [string, Given]> => {
          const { file } = given;
          return [
            input,
            file === undefined ? given : await givenOfFile(input, file, await read(file), given),
          ];
        }),
      ),
    );
  const { clean, corrupted, reference } = experiment;
  return {
    ...experiment,
    clean: await filled(clean),
    ...(corrupted ? { corrupted: await filled(corrupted) } : {}),
    ...(reference ? { reference: await filled(reference) } : {}),
  };
}
