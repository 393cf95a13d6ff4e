// Which places of a tensor are patches of the picture that the model reads: those of a map that lies as the picture does, and the
// positions of a transformer over patches, behind the tokens that stand for none.

import type { NamedTensors } from '../../imported/runtime.ts';

export interface Patches {
  readonly rows: number;
  readonly columns: number;
  /** Places before it are no patches: a class token, registers. */
  readonly first: number;
}

export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

const isColours = (size: number | undefined): boolean => size === 1 || size === 3 || size === 4;

/** The size of the picture that an input is: floating-point numbers along four axes, one of them colours. */
export function pictureSize(inputs: NamedTensors): PictureSize | undefined {
  for (const { dtype, shape } of Object.values(inputs)) {
    const [, first, second = 1, third = 1] = shape;
    if (shape.length !== 4 || !dtype.startsWith('float')) continue;
    if (isColours(first)) return { height: second, width: third };
    if (isColours(third)) return { height: first ?? 1, width: second };
  }
  return undefined;
}

/** As an entry of a result: how many times as wide as high the picture is, where that is not a square. */
export function aspectEntry(inputs: NamedTensors): { readonly aspect?: number } {
  const { height, width } = pictureSize(inputs) ?? { height: 1, width: 1 };
  return height === width ? {} : { aspect: width / height };
}

/** Tokens that transformers over patches have in front: none, a class, a class and a teacher, a class and registers. */
const inFront = [0, 1, 2, 5];

/** The patches that positions along one axis are, where square patches of the picture are as many. */
export function patchesAlong(count: number, picture: PictureSize | undefined): Patches | undefined {
  if (!picture) return undefined;
  const { height, width } = picture;
  for (const first of inFront) {
    const side = Math.sqrt((height * width) / (count - first));
    if (count - first < 4 || !Number.isInteger(side) || height % side !== 0 || width % side !== 0) continue;
    return { rows: height / side, columns: width / side, first };
  }
  return undefined;
}

/**
 * @param counts places along the axes of positions
 * @param sizes  how many there were before neighbours were taken together
 */
export function patchesOf(
  counts: readonly number[],
  sizes: readonly number[],
  picture: PictureSize | undefined,
): Patches | undefined {
  const [down, across] = counts;
  if (!picture || down === undefined) return undefined;
  if (across !== undefined) return { rows: down, columns: across, first: 0 };
  return down === sizes[0] ? patchesAlong(down, picture) : undefined;
}
