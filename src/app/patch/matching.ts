// Which position of a source stands for which position of the base. Prompts of a pair may differ in length; what they
// share lies in the same order, and a person corrects what the computer cannot know.

/** For each position of the base the position of the source, or null where the source has nothing of its kind. */
export type Matching = readonly (number | null)[];

/** What a person set: for a position of the base another of the source, or none. */
export type Corrections = Readonly<Record<number, number | null>>;

/**
 * Lengths of longest common subsequences of what lies behind two places.
 * @returns [a.length + 1][b.length + 1], row-major
 */
function commonLengths(a: readonly number[], b: readonly number[]): Uint32Array {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? (lengths[(i + 1) * width + j + 1] ?? 0) + 1
          : Math.max(lengths[(i + 1) * width + j] ?? 0, lengths[i * width + j + 1] ?? 0);
    }
  }
  return lengths;
}

/** Pairs of places of one longest common subsequence, in order. */
function commonPlaces(a: readonly number[], b: readonly number[]): readonly (readonly [number, number])[] {
  const lengths = commonLengths(a, b);
  const at = (i: number, j: number) => lengths[i * (b.length + 1) + j] ?? 0;
  const places: (readonly [number, number])[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) places.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return places;
}

/**
 * Match positions by the longest common subsequence of the tokens. What lies between two shared tokens is matched from
 * its end: the last token of a name, which has seen all of it, stands for the last token of another.
 * @param base   token ids
 * @param source token ids
 */
export function matchPositions(base: readonly number[], source: readonly number[]): Matching {
  const matching = new Array<number | null>(base.length).fill(null);
  let [baseFrom, sourceFrom] = [0, 0];
  // Prompts of one length differ by exchanged tokens far more often than by a token moved.
  const anchors =
    base.length === source.length
      ? base.flatMap((id, place) => (id === source[place] ? [[place, place] as const] : []))
      : commonPlaces(base, source);
  for (const [baseTo, sourceTo] of [...anchors, [base.length, source.length] as const]) {
    const gap = Math.min(baseTo - baseFrom, sourceTo - sourceFrom);
    for (let back = 1; back <= gap; back++) matching[baseTo - back] = sourceTo - back;
    if (baseTo < base.length) matching[baseTo] = sourceTo;
    [baseFrom, sourceFrom] = [baseTo + 1, sourceTo + 1];
  }
  return matching;
}

/** A matching with a person's corrections; those past either prompt are left aside. */
export function correctedMatching(
  matching: Matching,
  corrections: Corrections,
  sourceLength: number,
): Matching {
  return matching.map((place, position) => {
    const own = corrections[position];
    return own === undefined || (own !== null && own >= sourceLength) ? place : own;
  });
}

/** Positions of the base at which it has another token than what the source has for it, or the source has none. */
export function differingPositions(
  base: readonly number[],
  source: readonly number[],
  matching: Matching,
): readonly number[] {
  return base.flatMap((id, position) => {
    const place = matching[position] ?? null;
    return place === null || source[place] !== id ? [position] : [];
  });
}

/** Positions of a source that differ from what they stand for in the base, or stand for nothing. */
export function differingSources(
  base: readonly number[],
  source: readonly number[],
  matching: Matching,
): readonly number[] {
  const same = new Set(
    matching.flatMap((place, position) =>
      place !== null && source[place] === base[position] ? [place] : [],
    ),
  );
  return source.flatMap((_, position) => (same.has(position) ? [] : [position]));
}
