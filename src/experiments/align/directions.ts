// Directions along which groups of vectors lie apart: means, the direction that separates them best, and how far they stand
// apart on a line. Plain numbers; nothing here knows models.

/** Vectors in groups. */
export interface Grouped {
  readonly width: number;
  /** [vectors, width] row-major. */
  readonly vectors: Float32Array | Float64Array;
  /** Of each vector, in [0, groupCount). */
  readonly groups: readonly number[];
  readonly groupCount: number;
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
};

/** Of length 1; zeros stay zeros. */
export function normalised(vector: ArrayLike<number>): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return Float64Array.from(vector, (x) => (length > 0 ? x / length : 0));
}

/** NaN where one of the two is zero. */
export const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

/** Entries along some columns. @param columns [width, rank] row-major, orthonormal @returns [vectors, rank] */
export function coordinates(
  { vectors, width }: Pick<Grouped, 'vectors' | 'width'>,
  { columns, rank }: { readonly columns: Float32Array; readonly rank: number },
): Float64Array {
  const count = vectors.length / width;
  const out = new Float64Array(count * rank);
  for (let n = 0; n < count; n++)
    for (let i = 0; i < width; i++) {
      const x = vectors[n * width + i] ?? 0;
      for (let r = 0; r < rank; r++)
        out[n * rank + r] = (out[n * rank + r] ?? 0) + x * (columns[i * rank + r] ?? 0);
    }
  return out;
}

/** The direction that has these coordinates. @returns [width] */
export function fromCoordinates(
  { columns, rank }: { readonly columns: Float32Array; readonly rank: number },
  at: ArrayLike<number>,
): Float64Array {
  return Float64Array.from({ length: columns.length / rank }, (_, i) =>
    dot(columns.subarray(i * rank, (i + 1) * rank), at),
  );
}

/** The vectors in the middle of each group, and of all. */
export function groupMeans({ vectors, width, groups, groupCount }: Grouped) {
  const counts = new Float64Array(groupCount);
  const means = Array.from({ length: groupCount }, () => new Float64Array(width));
  const mean = new Float64Array(width);
  for (const [n, group] of groups.entries()) {
    counts[group] = (counts[group] ?? 0) + 1;
    const own = means[group];
    for (let i = 0; i < width; i++) {
      const x = vectors[n * width + i] ?? 0;
      if (own) own[i] = (own[i] ?? 0) + x;
      mean[i] = (mean[i] ?? 0) + x;
    }
  }
  means.forEach((own, group) => {
    const count = counts[group] ?? 0;
    if (count > 0) for (let i = 0; i < width; i++) own[i] = (own[i] ?? 0) / count;
  });
  for (let i = 0; i < width; i++) mean[i] = (mean[i] ?? 0) / Math.max(1, groups.length);
  return { counts, means, mean };
}

const iterations = 300;

/**
 * The direction of the greatest spread of some vectors about zero, by power iteration.
 * @param without directions that it is orthogonal to
 * @returns of length 1; zeros where nothing is left
 */
function greatestSpread(
  vectors: readonly ArrayLike<number>[],
  weights: ArrayLike<number>,
  width: number,
  without: readonly Float64Array[],
): Float64Array {
  const cleared = (vector: Float64Array): Float64Array => {
    for (const other of without) {
      const share = dot(vector, other);
      for (let i = 0; i < width; i++) vector[i] = (vector[i] ?? 0) - share * (other[i] ?? 0);
    }
    return vector;
  };
  const sizes = vectors.map((vector, n) => {
    const own = cleared(Float64Array.from(vector));
    return (weights[n] ?? 0) * dot(own, own);
  });
  const greatest = Math.max(0, ...sizes);
  if (greatest <= 1e-20) return new Float64Array(width);
  let direction = normalised(cleared(Float64Array.from(vectors[sizes.indexOf(greatest)] ?? [])));
  for (let step = 0; step < iterations; step++) {
    const next = new Float64Array(width);
    vectors.forEach((vector, n) => {
      const share = (weights[n] ?? 0) * dot(vector, direction);
      for (let i = 0; i < width; i++) next[i] = (next[i] ?? 0) + share * (vector[i] ?? 0);
    });
    direction = normalised(cleared(next));
  }
  return direction;
}

const less = (a: ArrayLike<number>, b: ArrayLike<number>): Float64Array =>
  Float64Array.from(a, (x, i) => x - (b[i] ?? 0));

/**
 * The direction along which the means of the groups lie farthest apart, weighted by how many there are: of two groups the
 * difference of their means. Where they do not differ, or there is one group, that along which the vectors spread.
 * @param without directions that it is to be orthogonal to
 * @returns of length 1, turned so that the last group lies farther along it than the first; zeros where nothing spreads
 */
export function separating(grouped: Grouped, without: readonly Float64Array[] = []): Float64Array {
  const { width, vectors, groups } = grouped;
  const { means, mean, counts } = groupMeans(grouped);
  const between = greatestSpread(
    means.map((own) => less(own, mean)),
    counts,
    width,
    without,
  );
  const found = between.some((x) => x !== 0)
    ? between
    : greatestSpread(
        groups.map((_, n) => less(vectors.subarray(n * width, (n + 1) * width), mean)),
        new Float64Array(groups.length).fill(1),
        width,
        without,
      );
  const [first, last] = [means[0], means.at(-1)];
  const isTurned = first && last && dot(found, first) > dot(found, last);
  return isTurned ? found.map((x) => -x) : found;
}

export interface Separation {
  /** The distance of the two nearest means of groups, in pooled standard deviations within groups (d′). */
  readonly distance: number;
  /** Share of the vectors whose nearest mean is that of their own group. */
  readonly nearest: number;
  /** Share of the variance that lies between groups (η²). */
  readonly between: number;
}

/** How far groups of numbers stand apart. @returns null for fewer than two groups, or where a group has no number */
export function separationOf(
  numbers: ArrayLike<number>,
  groups: readonly number[],
  groupCount: number,
): Separation | null {
  const { means, mean, counts } = groupMeans({
    vectors: Float64Array.from(numbers),
    width: 1,
    groups,
    groupCount,
  });
  if (groupCount < 2 || counts.some((count) => count === 0)) return null;
  const centres = means.map((own) => own[0] ?? 0);
  const [middle = 0] = mean;
  let within = 0;
  let total = 0;
  let near = 0;
  for (const [n, group] of groups.entries()) {
    const x = numbers[n] ?? 0;
    within += (x - (centres[group] ?? 0)) ** 2;
    total += (x - middle) ** 2;
    const distances = centres.map((centre) => Math.abs(x - centre));
    if (distances.indexOf(Math.min(...distances)) === group) near += 1;
  }
  const sorted = centres.toSorted((a, b) => a - b);
  const gaps = sorted.slice(1).map((centre, at) => centre - (sorted[at] ?? 0));
  const deviation = Math.sqrt(within / Math.max(1, groups.length - groupCount));
  return {
    distance: Math.min(...gaps) / deviation,
    nearest: near / groups.length,
    between: total > 0 ? 1 - within / total : 0,
  };
}
