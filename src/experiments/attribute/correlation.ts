// How well attributions agree with what patching does.

/**
 * How well attributions predict what patching does: Pearson's correlation over cells.
 * @param attributions estimates, row-major
 * @param patched      the metric under each patch, minus that of the corrupted run, in the same order
 * @returns NaN where either is the same everywhere
 * @throws RangeError when they are not as many
 */
export function correlationWith(attributions: ArrayLike<number>, patched: ArrayLike<number>): number {
  const count = attributions.length;
  if (patched.length !== count)
    throw new RangeError(
      `There are ${count} attributions and ${patched.length} patches; they must be as many.`,
    );
  const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, x) => sum + x, 0) / count;
  const [a, b] = [mean(attributions), mean(patched)];
  let [both, left, right] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    const x = (attributions[i] ?? Number.NaN) - a;
    const y = (patched[i] ?? Number.NaN) - b;
    both += x * y;
    left += x * x;
    right += y * y;
  }
  return both / Math.sqrt(left * right);
}
