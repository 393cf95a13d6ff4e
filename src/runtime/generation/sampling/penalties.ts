// What has been said already, made less likely to be said again.

/** Multiply or divide the scores of all ids that occurred, prompt included, once however often they did. */
export function penalizeRepetition(scores: Float32Array, sequence: readonly number[], penalty: number): void {
  const factor = Math.fround(penalty);
  for (const id of new Set(sequence)) {
    const score = scores[id];
    if (score !== undefined) scores[id] = score < 0 ? score * factor : score / factor;
  }
}

/** s - frequency * count - presence * [count > 0], of the reply alone. */
export function penalizeFrequency(
  scores: Float32Array,
  reply: readonly number[],
  frequency: number,
  presence: number,
): void {
  const counts = new Map<number, number>();
  for (const id of reply) counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const [id, count] of counts) {
    const score = scores[id];
    if (score !== undefined) scores[id] = score - frequency * count - presence;
  }
}

/** Remove ids that would complete a run of `size` ids that occurred before. */
export function forbidRepeats(scores: Float32Array, sequence: readonly number[], size: number): void {
  const begun = sequence.slice(sequence.length - size + 1);
  if (begun.length < size - 1) return;
  for (let at = 0; at + size <= sequence.length; at++) {
    const id = sequence[at + size - 1];
    if (id !== undefined && id < scores.length && begun.every((own, index) => own === sequence[at + index]))
      scores[id] = Number.NEGATIVE_INFINITY;
  }
}
