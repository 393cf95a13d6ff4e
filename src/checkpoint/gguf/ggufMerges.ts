// Merges of a SentencePiece vocabulary that comes with scores only: every way to cut a token into two other tokens is a
// merge, and the better the score of the whole, the earlier it is done. The order of ties decides tokens, so it is that of
// Hugging Face's conversion: longer left parts first, then longer right parts, then the order of the vocabulary.

interface Merge {
  readonly left: string;
  readonly right: string;
  readonly score: number;
}

/**
 * @param tokens [vocabulary]
 * @param scores [vocabulary], higher is merged earlier
 * @returns pairs of tokens, the first to be merged first
 */
export function mergesFromScores(
  tokens: readonly string[],
  scores: readonly number[],
): readonly (readonly [string, string])[] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: Merge[] = [];
  for (const [id, token] of tokens.entries()) {
    const score = scores[id] ?? 0;
    const found: { readonly merge: Merge; readonly leftId: number; readonly rightId: number }[] = [];
    // Cut between characters, not within a surrogate pair.
    for (let at = 0; at < token.length; ) {
      at += (token.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
      const left = token.slice(0, at);
      const right = token.slice(at);
      const leftId = ids.get(left);
      const rightId = ids.get(right);
      if (right !== '' && leftId !== undefined && rightId !== undefined)
        found.push({ merge: { left, right, score }, leftId, rightId });
    }
    found.sort((a, b) => a.leftId - b.leftId || a.rightId - b.rightId);
    for (const { merge } of found) merges.push(merge);
  }
  const characters = (text: string): number => [...text].length;
  const keyed = merges.map((merge) => ({
    merge,
    left: characters(merge.left),
    right: characters(merge.right),
  }));
  keyed.sort((a, b) => b.merge.score - a.merge.score || b.left - a.left || b.right - a.right);
  return keyed.map(({ merge }) => [merge.left, merge.right]);
}
