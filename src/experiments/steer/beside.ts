// Texts beside the unsteered model: while a row is generated, the unsteered model reads the same tokens after the plain
// prompt, so that at each new token both distributions are at hand and none is kept.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { type EndReason, type GenerateStep, generate } from '../../runtime/generation/generate.ts';
import { newTokenLimit } from '../../runtime/generation/limits.ts';
import type { GenerationEdit, GenerationRow } from '../../runtime/generation/request.ts';
import type { SamplingOptions } from '../../runtime/generation/sampling/sampling.ts';
import type { Model } from '../../runtime/model.ts';
import { logSumExp, topCandidates } from '../predict.ts';

type Prompt = Pick<GenerationRow, 'tokens' | 'source'>;

/** With the row's own prompt. */
export interface BesideRow extends Prompt {
  readonly edits: readonly GenerationEdit[];
  readonly sample: number;
  /** The prompt that the unsteered model reads; absent where the row is itself unsteered. */
  readonly plain?: Prompt;
  readonly towards: readonly number[];
  readonly away: readonly number[];
}

export interface BesideRequest {
  readonly rows: readonly BesideRow[];
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
  readonly eosIds: readonly number[];
  readonly stop: readonly string[];
  readonly tokenizer: Tokenizer | undefined;
  /** Most probable tokens to keep at each new one. */
  readonly candidates: number;
}

export type Candidates = [id: number, logProbability: number][];

export interface BesideText {
  readonly tokens: number[];
  text: string;
  end: EndReason;
  /** Of each token under the unsteered model. */
  readonly logProbabilities: number[];
  readonly divergences: number[];
  score: number | null;
  effect: number | null;
  readonly after: Candidates[];
  readonly before: Candidates[];
}

/** Digits that are kept of a measured number: float32 has no more. */
export const brief = (x: number): number => Number(x.toPrecision(7));

/** Σ p log (p / q) with p the unsteered probabilities, in nats; in float64. */
export function divergenceOf(plain: Float32Array, own: Float32Array): number {
  if (plain === own) return 0;
  const [plainTotal, ownTotal] = [logSumExp(plain), logSumExp(own)];
  let sum = 0;
  for (let id = 0; id < plain.length; id++) {
    const log = (plain[id] ?? Number.NaN) - plainTotal;
    sum += Math.exp(log) * (log - ((own[id] ?? Number.NaN) - ownTotal));
  }
  return Math.max(0, sum);
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/** Mean log-probability of the words towards, less that of the words away; null without words or of logits that are not finite. */
export function scoreOf(
  logits: Float32Array,
  { towards, away }: Pick<BesideRow, 'towards' | 'away'>,
): number | null {
  if (towards.length === 0 || !logits.every(Number.isFinite)) return null;
  const total = logSumExp(logits);
  const of = (ids: readonly number[]) => mean(ids.map((id) => (logits[id] ?? Number.NaN) - total));
  return of(towards) - (away.length > 0 ? of(away) : 0);
}

/** Share of pairs of neighbouring tokens that stood in the text before; null of fewer than two tokens. */
export function repetitionOf(tokens: readonly number[]): number | null {
  const pairs = tokens.slice(1).map((token, at) => `${tokens[at]} ${token}`);
  return pairs.length === 0 ? null : 1 - new Set(pairs).size / pairs.length;
}

const candidatesOf = (logits: Float32Array, count: number): Candidates => {
  if (count === 0) return [];
  const total = logSumExp(logits);
  return topCandidates(logits, Math.min(count, logits.length)).map(({ id, logit }) => [
    id,
    brief(logit - total),
  ]);
};

/** New tokens that every row of a request has room for. */
export function commonRoom(
  architecture: Architecture,
  rows: readonly Pick<BesideRow, 'tokens' | 'plain'>[],
): number {
  const longest = rows.flatMap(({ tokens, plain }) => [tokens.length, plain?.tokens.length ?? 0]);
  return newTokenLimit(architecture, Math.max(...longest));
}

function measureStep(
  step: GenerateStep,
  rows: readonly BesideRow[],
  texts: readonly BesideText[],
  plainOf: (row: number) => Float32Array | undefined,
  candidates: number,
): void {
  if (step.step === 0) {
    for (const [row, own] of step.logits) {
      const [text, words, plain] = [texts[row], rows[row], plainOf(row)];
      if (!text || !words || !plain) continue;
      const [score, plainScore] = [scoreOf(own, words), scoreOf(plain, words)];
      text.score = score === null ? null : brief(score);
      text.effect = score === null || plainScore === null ? null : brief(score - plainScore);
    }
  }
  for (const { row, id, text: piece } of step.tokens) {
    const [text, own, plain] = [texts[row], step.logits.get(row), plainOf(row)];
    if (!text || !own || !plain) continue;
    text.tokens.push(id);
    text.text += piece;
    text.logProbabilities.push(brief((plain[id] ?? Number.NaN) - logSumExp(plain)));
    text.divergences.push(brief(divergenceOf(plain, own)));
    if (candidates > 0) {
      text.after.push(candidatesOf(own, candidates));
      text.before.push(candidatesOf(plain, candidates));
    }
  }
  for (const { row, reason, text: rest } of step.ended) {
    const text = texts[row];
    if (!text) continue;
    text.text += rest;
    text.end = reason;
  }
}

export interface BesideOptions {
  readonly signal?: AbortSignal;
  /** Called after each step with the number of steps made. */
  readonly onStep?: (steps: number) => void;
}

/** @throws PlanError when a row does not fit the model, or the signal's reason */
export async function generateBeside(
  model: Model,
  request: BesideRequest,
  options: BesideOptions,
): Promise<readonly BesideText[]> {
  const steps = besideSteps(model, request, options);
  for (;;) {
    const step = await steps.next();
    if (step.done) return step.value;
  }
}

/**
 * The same step by step: the texts as they grow, which must not be kept, and at the end the texts.
 * @throws PlanError when a row does not fit the model, or the signal's reason
 */
export async function* besideSteps(
  model: Model,
  { rows, maxNewTokens, candidates, tokenizer, stop, ...settings }: BesideRequest,
  { signal, onStep }: BesideOptions,
): AsyncGenerator<readonly BesideText[], readonly BesideText[]> {
  const options = signal ? { signal } : {};
  const room = commonRoom(model.architecture, rows);
  const texts = rows.map((): BesideText => {
    return {
      ...{ tokens: [], text: '', end: 'context', logProbabilities: [], divergences: [] },
      ...{ score: null, effect: null, after: [], before: [] },
    };
  });
  if (room === 0) return texts;
  /** Which row of the unsteered decoder stands beside a row. */
  const shadowed = [...rows.keys()].filter((row) => rows[row]?.plain !== undefined);
  const shadow =
    shadowed.length > 0
      ? await model.decode(
          shadowed.map((row) => rows[row]?.plain ?? { tokens: [] }),
          options,
        )
      : undefined;
  try {
    let plain: ReadonlyMap<number, Float32Array> = new Map(shadow?.logits.map((own, at) => [at, own]));
    const steps = generate(
      model,
      {
        rows: rows.map(({ plain: _, towards: __, away: ___, ...row }) => row),
        maxNewTokens: Math.min(maxNewTokens, room),
        ...settings,
        ...(tokenizer ? { tokenizer, stop } : {}),
      },
      options,
    );
    for await (const step of steps) {
      const plainOf = (row: number) =>
        rows[row]?.plain === undefined ? step.logits.get(row) : plain.get(shadowed.indexOf(row));
      measureStep(step, rows, texts, plainOf, candidates);
      onStep?.(step.step + 1);
      yield texts;
      if (!shadow) continue;
      const ended = new Set(step.ended.map(({ row }) => row));
      for (const row of ended) {
        const at = shadowed.indexOf(row);
        if (at >= 0) shadow.decoder.leave(at);
      }
      const next = step.tokens.flatMap(({ row, id }): (readonly [number, number])[] => {
        const at = shadowed.indexOf(row);
        return at < 0 || ended.has(row) ? [] : [[at, id]];
      });
      plain = next.length > 0 ? await shadow.decoder.step(new Map(next), signal) : new Map();
    }
  } finally {
    shadow?.decoder.dispose();
  }
  if (room < maxNewTokens) for (const text of texts) if (text.end === 'length') text.end = 'context';
  return texts;
}
