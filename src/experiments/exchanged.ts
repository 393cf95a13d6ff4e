// A picture or a sound with a part of another one in its place: what is patched of pictures, as other words are of a text.

import { ExperimentError } from './experimentFile.ts';
import type { PromptInput } from './wholePrompt.ts';

/**
 * @param positions whose numbers are the other's: patches behind position 0, or stretches of frames
 * @param data      of the shape of the model's input
 * @returns         the same shape
 * @throws ExperimentError when nothing would be another than it was
 */
export function exchanged(
  { kind, length, model }: PromptInput,
  positions: readonly number[],
  data: Float32Array,
  other: Float32Array,
): Float32Array {
  const mixed = data.slice();
  const [channels = 1, ...sizes] = model?.shape ?? [];
  if (kind === 'image' && model?.patches) {
    const [height = 1, width = 1] = sizes;
    const { across, down } = model.patches;
    const [patchHeight, patchWidth] = [height / down, width / across];
    for (const position of positions) {
      const [row, column] = [Math.floor((position - 1) / across), (position - 1) % across];
      for (let line = 0; line < channels * patchHeight; line++) {
        const channel = Math.floor(line / patchHeight);
        const y = row * patchHeight + (line % patchHeight);
        const from = (channel * height + y) * width + column * patchWidth;
        mixed.set(other.subarray(from, from + patchWidth), from);
      }
    }
  } else {
    const [frames = 1] = sizes;
    const each = frames / length;
    for (const position of positions)
      for (let band = 0; band < channels; band++) {
        const from = band * frames + position * each;
        mixed.set(other.subarray(from, from + each), from);
      }
  }
  if (mixed.some((value, at) => value !== data[at])) return mixed;
  throw new ExperimentError(
    'The other picture or sound is the same in that place, so nothing would be corrupted. Choose another one, or another part.',
  );
}
