// What a sweep says: mean and spread of each cell over its texts, and the choice, made on one half of the prompts and
// reported on the other.

import type { SteerResult, SweepCell, SweepChoice, SweptText } from './result.ts';

export interface Spread {
  readonly mean: number;
  /** Over n - 1; null of fewer than two values. */
  readonly standardDeviation: number | null;
  readonly count: number;
}

/** Null where there is no value. */
export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  const { length: count } = known;
  if (count === 0) return null;
  const mean = known.reduce((sum, x) => sum + x, 0) / count;
  const squares = known.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, standardDeviation: count > 1 ? Math.sqrt(squares / (count - 1)) : null, count };
}

export interface CellMeasures {
  /** Change of log-probability towards less away, in nats, at the first new token. */
  readonly effect: Spread | null;
  readonly projection: Spread | null;
  /** Of a text's own tokens under the unsteered model, in nats a token: the logarithm of its perplexity. */
  readonly surprise: Spread | null;
  /** KL(unsteered ‖ steered), in nats a token. */
  readonly divergence: Spread | null;
  /** Share of repeated pairs of neighbouring tokens. */
  readonly repetition: Spread | null;
}

export type Half = 'all' | 'first' | 'second';

const isIn = (half: Half, { prompt }: SweptText): boolean =>
  half === 'all' || (prompt % 2 === 0) === (half === 'first');

/**
 * A cell over its prompts and seeds.
 * @param of   the vector, or the random directions of its norm
 * @param half prompts of even places are the first half, the others the second
 */
export function measureCell(
  { texts }: SweepCell,
  of: 'vector' | 'random' = 'vector',
  half: Half = 'all',
): CellMeasures {
  const own = texts.filter((text) => (text.direction === null) === (of === 'vector') && isIn(half, text));
  const over = (value: (text: SweptText) => number | null) => spreadOf(own.map(value));
  return {
    effect: over(({ effect }) => effect),
    projection: over(({ projection }) => projection),
    surprise: over(({ logProbability }) => (logProbability === null ? null : -logProbability)),
    divergence: over(({ divergence }) => divergence),
    repetition: over(({ repetition }) => repetition),
  };
}

type Limits = NonNullable<SteerResult['experiment']['sweep']>['limits'];

function keepsTo({ perplexity, divergence, repetition }: Limits, measured: CellMeasures): boolean {
  const within = (limit: number | undefined, spread: Spread | null, of = (x: number) => x) =>
    limit === undefined || spread === null || of(spread.mean) <= limit;
  return (
    within(perplexity, measured.surprise, Math.exp) &&
    within(divergence, measured.divergence) &&
    within(repetition, measured.repetition)
  );
}

/**
 * The cell with the largest effect on the first half of the prompts among those that keep to the limits there, and its
 * figures on the second half. Null of fewer than two prompts, without words, and until all cells are there.
 */
export function chooseCell({ sweep, experiment, prompts }: SteerResult): SweepChoice | null {
  if (!sweep || prompts.length < 2) return null;
  const limits = experiment.sweep?.limits ?? {};
  let best: { layer: number; strength: number; effect: number; cell: SweepCell } | undefined;
  let hasEffects = false;
  for (const [layer, cells] of sweep.entries()) {
    if (!cells) return null;
    for (const [strength, cell] of cells.entries()) {
      const measured = measureCell(cell, 'vector', 'first');
      const effect = measured.effect?.mean;
      if (effect === undefined) continue;
      hasEffects = true;
      // A cell whose texts broke off is no choice, whatever its first token was.
      const isWhole = cell.texts.every(({ end, direction }) => direction !== null || end !== 'notFinite');
      if (isWhole && keepsTo(limits, measured) && (best === undefined || effect > best.effect))
        best = { layer, strength, effect, cell };
    }
  }
  if (!hasEffects) return null;
  if (!best) {
    const none = { layer: null, strength: null, chosenOn: null, reported: null, random: null };
    return { ...none, surprise: null, divergence: null, repetition: null };
  }
  const own = measureCell(best.cell, 'vector', 'second');
  return {
    layer: best.layer,
    strength: best.strength,
    chosenOn: best.effect,
    reported: own.effect?.mean ?? null,
    random: measureCell(best.cell, 'random', 'second').effect?.mean ?? null,
    surprise: own.surprise?.mean ?? null,
    divergence: own.divergence?.mean ?? null,
    repetition: own.repetition?.mean ?? null,
  };
}
