// How far two tensors lie apart, by the rule that NumPy's allclose uses.

export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/** Float32 arithmetic against PyTorch on the CPU. GPUs reorder sums and approximate functions more. */
export const tolerances = {
  node: { relative: 1e-4, absolute: 1e-5 },
  wasm: { relative: 1e-4, absolute: 1e-5 },
  webgpu: { relative: 1e-3, absolute: 1e-4 },
} as const satisfies Readonly<Record<string, Tolerance>>;

export interface Difference {
  /** |found - expected|, the largest. */
  readonly absolute: number;
  /** |found - expected| / |expected|, the largest where expected is not tiny. */
  readonly relative: number;
  readonly isWithin: boolean;
}

/** Everywhere |found - expected| <= absolute + relative * |expected|. A number that is not finite is never within. */
export function difference(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance,
): Difference {
  if (found.length !== expected.length) {
    return { absolute: Number.POSITIVE_INFINITY, relative: Number.POSITIVE_INFINITY, isWithin: false };
  }
  let absolute = 0;
  let relative = 0;
  let isWithin = true;
  for (let i = 0; i < found.length; i++) {
    const want = expected[i] ?? Number.NaN;
    const gap = Math.abs((found[i] ?? Number.NaN) - want);
    const share = gap / Math.abs(want);
    // A gap that is not a number stays the largest: nothing is greater than it.
    if (!Number.isFinite(gap) || gap > tolerance.absolute + tolerance.relative * Math.abs(want))
      isWithin = false;
    if (Number.isNaN(gap) || gap > absolute) absolute = gap;
    if (Number.isNaN(gap) || (Math.abs(want) > tolerance.absolute && share > relative)) relative = share;
  }
  return { absolute, relative, isWithin };
}

/** The two taken together. */
export function worse(a: Difference, b: Difference): Difference {
  return {
    absolute: Math.max(a.absolute, b.absolute),
    relative: Math.max(a.relative, b.relative),
    isWithin: a.isWithin && b.isWithin,
  };
}

export const identical: Difference = { absolute: 0, relative: 0, isWithin: true };
