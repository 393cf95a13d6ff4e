// Which tokens may follow: scores of those that may not become -Infinity. Each filter works on the scores as those before
// it have left them, in the order and by the rules of transformers 5 (`generation/logits_process.py`).

const removed = Number.NEGATIVE_INFINITY;

/** exp(s - log sum exp), in float64; 0 for what is removed. */
export function probabilities(scores: Float32Array): Float64Array {
  let most = removed;
  for (const score of scores) if (score > most) most = score;
  const found = new Float64Array(scores.length);
  let sum = 0;
  for (let id = 0; id < scores.length; id++) {
    const share = Math.exp((scores[id] ?? removed) - most);
    found[id] = share;
    sum += share;
  }
  for (let id = 0; id < found.length; id++) found[id] = (found[id] ?? 0) / sum;
  return found;
}

/** Ids that are left. */
function remaining(scores: Float32Array): number[] {
  const ids: number[] = [];
  for (let id = 0; id < scores.length; id++) if ((scores[id] ?? removed) > removed) ids.push(id);
  return ids;
}

/** s / T, in float32 as PyTorch divides. @param temperature above 0 */
export function scale(scores: Float32Array, temperature: number): void {
  const divisor = Math.fround(temperature);
  for (let id = 0; id < scores.length; id++) scores[id] = (scores[id] ?? removed) / divisor;
}

/** The k-th largest score, by quickselect: sorting a whole vocabulary takes as long as a step of a small model. */
function kthLargest(scores: Float32Array, k: number): number {
  const left = scores.slice();
  const at = (index: number) => left[index] ?? removed;
  let [from, to] = [0, left.length - 1];
  while (from < to) {
    const pivot = at((from + to) >> 1);
    let [low, high] = [from, to];
    while (low <= high) {
      while (at(low) > pivot) low += 1;
      while (at(high) < pivot) high -= 1;
      if (low > high) break;
      [left[low], left[high]] = [at(high), at(low)];
      low += 1;
      high -= 1;
    }
    // The k-th is among the larger ones, among the smaller ones, or between them and equal to the pivot.
    if (k - 1 <= high) to = high;
    else if (k - 1 >= low) from = low;
    else return pivot;
  }
  return at(k - 1);
}

/** Keep the k largest; those that equal the k-th all stay. */
export function keepTopK(scores: Float32Array, k: number): void {
  if (k >= scores.length) return;
  const least = kthLargest(scores, k);
  for (let id = 0; id < scores.length; id++) if ((scores[id] ?? removed) < least) scores[id] = removed;
}

/**
 * Drop the least probable ids that together have a mass of at most 1 - p; the most probable stays.
 * @see Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration"
 */
export function keepTopP(scores: Float32Array, p: number): void {
  if (p >= 1) return;
  const shares = probabilities(scores);
  // Ids of less than their part of 1 - p come first and cannot exceed it together: only the others need an order.
  const certain = (1 - p) / scores.length;
  let mass = 0;
  const left: number[] = [];
  for (let id = 0; id < scores.length; id++) {
    const share = shares[id] ?? 0;
    if (share < certain) {
      mass += share;
      scores[id] = removed;
    } else left.push(id);
  }
  // Of equal ones the higher id goes first, so that the one that would follow without a temperature stays longest.
  const ascending = left.sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || b - a);
  ascending.pop();
  for (const id of ascending) {
    mass += shares[id] ?? 0;
    if (mass > 1 - p) return;
    scores[id] = removed;
  }
}

/** Drop ids less probable than m times the most probable. */
export function keepMinP(scores: Float32Array, m: number): void {
  const shares = probabilities(scores);
  let most = 0;
  for (const share of shares) if (share > most) most = share;
  for (let id = 0; id < scores.length; id++) if ((shares[id] ?? 0) < m * most) scores[id] = removed;
}

/**
 * Keep the ids whose surprise is nearest to the entropy, until their mass reaches the bound; those as far off as the last
 * of them all stay.
 * @see Meister et al. 2023, "Locally Typical Sampling"
 */
export function keepTypical(scores: Float32Array, mass: number): void {
  const shares = probabilities(scores);
  const ids = remaining(scores);
  let entropy = 0;
  for (const id of ids) entropy -= (shares[id] ?? 0) * Math.log(shares[id] ?? 1);
  // In float32, as the reference computes it: what is equally far off there is equally far off here.
  const distance = new Map(
    ids.map((id) => [id, Math.fround(Math.abs(-Math.log(shares[id] ?? 0) - entropy))]),
  );
  const of = (id: number): number => distance.get(id) ?? Number.POSITIVE_INFINITY;
  const nearest = [...ids].sort((a, b) => of(a) - of(b) || b - a);
  let sum = 0;
  let bound = Number.POSITIVE_INFINITY;
  for (const id of nearest) {
    bound = of(id);
    sum += shares[id] ?? 0;
    if (sum >= mass) break;
  }
  for (const id of ids) if (of(id) > bound) scores[id] = removed;
}
