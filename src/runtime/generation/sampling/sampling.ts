// Chooses the token that follows. The random number of a draw belongs to (seed, sample, position), so that a steered and
// an unsteered text share it, and the batch that a row is in makes no difference.

import { uniformAt } from '../../../random/philox.ts';
import { PlanError } from '../../plan/plan.ts';
import { keepMinP, keepTopK, keepTopP, keepTypical, probabilities, scale } from './filters.ts';
import { forbidRepeats, penalizeFrequency, penalizeRepetition } from './penalties.ts';

export interface SamplingOptions {
  /** 0 or absent: the most probable token, of equal ones the lowest id. */
  readonly temperature?: number;
  /** Keep the k most probable; 0 or absent: all. */
  readonly topK?: number;
  /** Keep the smallest set of the most probable with at least this mass, in (0, 1]. */
  readonly topP?: number;
  /** Keep those at least this share of the most probable, in [0, 1]. */
  readonly minP?: number;
  /** Keep those whose surprise is nearest to the entropy, up to this mass, in (0, 1]. */
  readonly typicalP?: number;
  /** Scores of ids in the sequence, prompt included, are divided by it (multiplied where negative); 1 is none. */
  readonly repetitionPenalty?: number;
  /** Taken off the score of an id for each time that the reply has it. */
  readonly frequencyPenalty?: number;
  /** Taken off once. */
  readonly presencePenalty?: number;
  /** No run of so many ids occurs twice; 0 or absent: they may. */
  readonly noRepeatNgramSize?: number;
  /** Of the random numbers: whole, 0 to 2^32 - 1; default 0. */
  readonly seed?: number;
}

/** Options that choose among tokens by their probability, with the values at which they keep all. */
const filters = { topK: 0, topP: 1, minP: 0, typicalP: 1 } as const satisfies Partial<
  Record<keyof SamplingOptions, number>
>;
/** What counts only where tokens are drawn. */
export const isFilter = (name: string): boolean => Object.hasOwn(filters, name);

/** @throws PlanError that names the option, its value and what would be right */
export function checkRanges(options: SamplingOptions): void {
  const require = (name: keyof SamplingOptions, isRight: (value: number) => boolean, what: string) => {
    const value = options[name];
    if (value !== undefined && !(Number.isFinite(value) && isRight(value)))
      throw new PlanError(`Sampling: '${name}' is ${value}; it must be ${what}.`);
  };
  const isWhole = (least: number) => (value: number) => Number.isInteger(value) && value >= least;
  require('temperature', (value) => value >= 0, 'a number from 0 on, 0 for the most probable token');
  require('topK', isWhole(0), 'a whole number, 0 for all tokens');
  require('topP', (value) => value > 0 && value <= 1, 'above 0 and at most 1');
  require('minP', (value) => value >= 0 && value <= 1, 'from 0 to 1');
  require('typicalP', (value) => value > 0 && value <= 1, 'above 0 and at most 1');
  require('repetitionPenalty', (value) => value > 0, 'a number above 0');
  require('frequencyPenalty', () => true, 'a number');
  require('presencePenalty', () => true, 'a number');
  require('noRepeatNgramSize', isWhole(0), 'a whole number, 0 for none');
  require('seed', (value) => isWhole(0)(value) && value <= 0xffffffff, 'a whole number from 0 to 4294967295');
}

/**
 * Ranges, and that no filter is asked for where the most probable token is taken anyway: it would do nothing.
 * @throws PlanError that names the option, its value and what would be right
 */
export function checkSampling(options: SamplingOptions): void {
  checkRanges(options);
  if (options.temperature) return;
  for (const [name, none] of Object.entries(filters)) {
    const value = options[name as keyof typeof filters]; // The keys of the filters.
    if (value !== undefined && value !== none)
      throw new PlanError(
        `Sampling: '${name}' is ${value}, and changes nothing at temperature 0, where the most probable token is taken. Give a temperature above 0, or leave '${name}' out.`,
      );
  }
}

export interface DrawPlace {
  /** Prompt and reply so far. */
  readonly sequence: readonly number[];
  readonly promptLength: number;
  /** Rows of one sample share their random numbers. */
  readonly sample: number;
}

/** Scores after all that the options ask for; what may not follow is -Infinity. */
export function filteredScores(
  logits: Float32Array,
  options: SamplingOptions,
  { sequence, promptLength }: Omit<DrawPlace, 'sample'>,
): Float32Array {
  const scores = logits.slice();
  const { repetitionPenalty = 1, frequencyPenalty = 0, presencePenalty = 0, noRepeatNgramSize = 0 } = options;
  if (repetitionPenalty !== 1) penalizeRepetition(scores, sequence, repetitionPenalty);
  if (frequencyPenalty !== 0 || presencePenalty !== 0)
    penalizeFrequency(scores, sequence.slice(promptLength), frequencyPenalty, presencePenalty);
  if (noRepeatNgramSize > 0) forbidRepeats(scores, sequence, noRepeatNgramSize);
  const { temperature = 0, topK = 0, topP = 1, minP = 0, typicalP = 1 } = options;
  if (temperature === 0) return scores;
  scale(scores, temperature);
  if (topK > 0) keepTopK(scores, topK);
  if (topP < 1) keepTopP(scores, topP);
  if (minP > 0) keepMinP(scores, minP);
  if (typicalP < 1) keepTypical(scores, typicalP);
  return scores;
}

function mostProbable(scores: Float32Array): number | undefined {
  let best: number | undefined;
  let most = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id] ?? most;
    if (score > most) {
      most = score;
      best = id;
    }
  }
  return best;
}

/** The first id, in the order of ids, at which the sum of probabilities exceeds `share`, in [0, 1). */
function idAt(scores: Float32Array, share: number): number | undefined {
  const shares = probabilities(scores);
  let total = 0;
  for (const own of shares) total += own;
  let sum = 0;
  let last: number | undefined;
  for (let id = 0; id < shares.length; id++) {
    const own = shares[id] ?? 0;
    if (own === 0) continue;
    sum += own;
    last = id;
    if (sum > share * total) return id;
  }
  return last;
}

/**
 * @param logits [vocabulary], finite
 * @returns the id that follows; undefined when the options leave none
 */
export function drawToken(
  logits: Float32Array,
  options: SamplingOptions,
  place: DrawPlace,
): number | undefined {
  const scores = filteredScores(logits, options, place);
  const best = mostProbable(scores);
  if (best === undefined || !options.temperature) return best;
  return idAt(scores, uniformAt(options.seed ?? 0, place.sample, place.sequence.length));
}
