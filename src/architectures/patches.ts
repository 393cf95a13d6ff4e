// Pictures as sequences: the pixels are cut into patches, each becomes a vector by one matrix, and a learned class token
// stands before them.

import { gemm } from '../onnx/contraction.ts';
import { add, equal, where } from '../onnx/elementwise.ts';
import { gather, reshape, unsqueeze } from '../onnx/layout.ts';
import { int32, type Value } from '../onnx/value.ts';
import { type EmbedScope, type ModelInput, tensor, UnsupportedModelError } from './architecture.ts';
import type { ConfigurationReader } from './configuration.ts';
import type { Weighted } from './module.ts';

export interface PatchShape {
  readonly channels: number;
  /** Height and width, in pixels. */
  readonly image: readonly [number, number];
  readonly patch: readonly [number, number];
}

/** A size in pixels, of a square or as [height, width]. */
function pixels(read: ConfigurationReader, name: string, fallback: number): readonly [number, number] {
  if (!Array.isArray(read.config[name])) {
    const side = read.size(name, fallback);
    return [side, side];
  }
  const [height = 0, width = 0, ...rest] = read.wholeNumbers(name, []);
  if (height > 0 && width > 0 && rest.length === 0) return [height, width];
  throw new UnsupportedModelError(
    `config.json of this ${read.modelType} model needs '${name}' to be a size in pixels, or a height and a width.`,
  );
}

/** @throws UnsupportedModelError when the picture is not made of whole patches */
export function readPatches(
  read: ConfigurationReader,
  defaults: { readonly image: number; readonly patch: number },
): PatchShape {
  const image = pixels(read, 'image_size', defaults.image);
  const patch = pixels(read, 'patch_size', defaults.patch);
  image.forEach((size, axis) => {
    read.divide(size, patch[axis] ?? 1, 'image_size by patch_size');
  });
  return { channels: read.size('num_channels', 3), image, patch };
}

/** The class token at position 0, which has no pixels, then the patches row by row. */
export function imageInput({ channels, image, patch }: PatchShape): ModelInput {
  const [height, width] = image;
  const [patchHeight, patchWidth] = patch;
  const across = width / patchWidth;
  const count = (height / patchHeight) * across;
  const each = channels * patchHeight * patchWidth;
  return {
    kind: 'image',
    shape: [channels, height, width],
    positions: count + 1,
    patches: { across, down: height / patchHeight },
    width: each,
    vectors: (data) => {
      const vectors = new Float32Array((count + 1) * each);
      let at = each;
      for (let patchAt = 0; patchAt < count; patchAt++) {
        const top = Math.floor(patchAt / across) * patchHeight;
        const left = (patchAt % across) * patchWidth;
        for (let channel = 0; channel < channels; channel++) {
          for (let y = top; y < top + patchHeight; y++) {
            const from = (channel * height + y) * width + left;
            vectors.set(data.subarray(from, from + patchWidth), at);
            at += patchWidth;
          }
        }
      }
      return vectors;
    },
  };
}

export interface PatchEmbedding extends Weighted {
  /** [tokens, width] of the class token and the patches, before their positions are added. */
  readonly embed: (scope: EmbedScope) => Value;
  readonly place: (scope: EmbedScope, embedded: Value) => Value;
}

/** @param names of the tensors: `patches` is a convolution's path, as its stride is its width */
export function patchEmbedding(
  names: { readonly patches: string; readonly classToken: string; readonly positions: string },
  shape: PatchShape,
  width: number,
): PatchEmbedding {
  const { channels, patch } = shape;
  const input = imageInput(shape);
  return {
    weights: {
      'patches.weight': tensor(`${names.patches}.weight`, width, channels, ...patch),
      'patches.bias': tensor(`${names.patches}.bias`, width),
      class: tensor(names.classToken, 1, 1, width),
      positions: tensor(names.positions, 1, input.positions, width),
    },
    embed: ({ weight, vectors, positions }) => {
      const matrix = reshape(weight('patches.weight'), [width, input.width]);
      const patches = gemm(vectors, matrix, { transposeB: true, bias: weight('patches.bias') });
      const isClass = unsqueeze(equal(positions, int32(0)), [1]);
      return where(isClass, reshape(weight('class'), [1, width]), patches);
    },
    place: ({ weight, positions }, embedded) =>
      add(embedded, gather(reshape(weight('positions'), [input.positions, width]), positions, 0)),
  };
}
