// Texts, token by token: a decoder, a sampler, and what ends a row. Each step is handed over as it comes; a row that ends
// leaves the batch.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { TextStream } from '../../checkpoint/tokenizer/textStream.ts';
import type { Model } from '../model.ts';
import { PlanError } from '../plan/plan.ts';
import { newTokenLimit } from './limits.ts';
import type { GenerationRow } from './request.ts';
import { checkSampling, drawToken, type SamplingOptions } from './sampling/sampling.ts';

export interface GenerateRow extends GenerationRow {
  /** Rows of one sample draw with the same random numbers at each position; default 0. */
  readonly sample?: number;
}

export interface GenerateRequest {
  readonly rows: readonly GenerateRow[];
  /** Of each row. */
  readonly maxNewTokens: number;
  /** Default: the most probable token. */
  readonly sampling?: SamplingOptions;
  /** Tokens after which a row ends. */
  readonly eosIds?: readonly number[];
  /** Strings before which a row's text ends; needs a tokenizer. */
  readonly stop?: readonly string[];
  /** Without it there are ids and no texts. */
  readonly tokenizer?: Tokenizer;
}

/**
 * - `eos`: a token that ends texts; `stop`: a string that was asked to
 * - `length`: as many new tokens as were asked for; `context`: as many positions as the model has
 * - `notFinite`: the logits became NaN or infinite, as under an edit that is too strong
 * - `noToken`: the sampling options left no token
 */
export type EndReason = 'eos' | 'stop' | 'length' | 'context' | 'notFinite' | 'noToken';

export interface NewToken {
  readonly row: number;
  readonly id: number;
  /** In the row's sequence. */
  readonly position: number;
  /** Natural logarithm of its probability under the row's model, before temperature and filters. */
  readonly logProbability: number;
  /** Text that has become certain with it. */
  readonly text: string;
}

export interface EndedRow {
  readonly row: number;
  readonly reason: EndReason;
  /** Text that was held back. */
  readonly text: string;
}

export interface GenerateStep {
  readonly step: number;
  readonly tokens: readonly NewToken[];
  readonly ended: readonly EndedRow[];
  /** [vocabulary] by row, that the tokens were drawn from. */
  readonly logits: ReadonlyMap<number, Float32Array>;
}

export interface GeneratedText {
  /** Ids after the prompt, one that ended the row included. */
  readonly tokens: readonly number[];
  /** Empty without a tokenizer. */
  readonly text: string;
  readonly reason: EndReason;
}

/** New tokens that each row can have: what was asked for, or what the context has room for. */
export function tokenLimits(
  { architecture }: Pick<Model, 'architecture'>,
  { rows, maxNewTokens }: Pick<GenerateRequest, 'rows' | 'maxNewTokens'>,
): readonly { readonly count: number; readonly reason: 'length' | 'context' }[] {
  return rows.map(({ tokens, promptLength = tokens.length }) => {
    const room = newTokenLimit(architecture, promptLength);
    return room < maxNewTokens
      ? { count: room, reason: 'context' as const }
      : { count: maxNewTokens, reason: 'length' as const };
  });
}

function checkRequest({ rows, maxNewTokens, sampling, stop = [], tokenizer }: GenerateRequest): void {
  if (rows.length === 0) throw new PlanError('There is no prompt to go on from.');
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1)
    throw new PlanError(`The number of new tokens must be a whole number from 1 on; it is ${maxNewTokens}.`);
  if (stop.some((text) => text === ''))
    throw new PlanError('A stop string is empty, and would end every text at once. Leave it out.');
  if (stop.length > 0 && !tokenizer) throw new PlanError('Stop strings need a tokenizer.');
  if (sampling) checkSampling(sampling);
}

function logSumExp(logits: Float32Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > most) most = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return most + Math.log(sum);
}

interface Growing {
  readonly sequence: number[];
  readonly promptLength: number;
  readonly sample: number;
  readonly limit: { readonly count: number; readonly reason: 'length' | 'context' };
  readonly stream?: TextStream;
}

interface Advance {
  readonly token?: NewToken;
  readonly ended?: EndedRow;
}

/** Give a row the token that follows from its logits, or say why none does. */
function advance(
  row: number,
  state: Growing,
  logits: Float32Array,
  sampling: SamplingOptions,
  eos: ReadonlySet<number>,
): Advance {
  const { sequence, stream, limit, promptLength } = state;
  const end = (reason: EndReason): EndedRow => {
    const rest = stream?.end();
    return { row, reason: rest?.stopped === undefined ? reason : 'stop', text: rest?.text ?? '' };
  };
  // A text that was broken off may have all its tokens already.
  if (sequence.length - promptLength >= limit.count) return { ended: end(limit.reason) };
  if (!logits.every(Number.isFinite)) return { ended: end('notFinite') };
  const id = drawToken(logits, sampling, state);
  if (id === undefined) return { ended: end('noToken') };
  const streamed = eos.has(id) ? undefined : stream?.push(id);
  const token: NewToken = {
    row,
    id,
    position: sequence.length,
    logProbability: (logits[id] ?? 0) - logSumExp(logits),
    text: streamed?.text ?? '',
  };
  sequence.push(id);
  if (eos.has(id)) return { token, ended: end('eos') };
  if (streamed?.stopped !== undefined) return { token, ended: end('stop') };
  return sequence.length - promptLength < limit.count ? { token } : { token, ended: end(limit.reason) };
}

/**
 * @yields what each step has brought
 * @returns each row's text when all have ended
 * @throws PlanError when the request does not fit the model, before anything runs; the signal's reason
 */
export async function* generate(
  model: Model,
  request: GenerateRequest,
  { signal }: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<GenerateStep, readonly GeneratedText[]> {
  checkRequest(request);
  const { rows, sampling = {}, stop = [], tokenizer } = request;
  const eos = new Set(request.eosIds);
  const limits = tokenLimits(model, request);
  const growing = rows.map(({ tokens, promptLength = tokens.length, sample = 0 }, row): Growing => {
    const stream = tokenizer && new TextStream(tokenizer, tokens.slice(0, promptLength), stop);
    // What was said before was shown before.
    for (const id of tokens.slice(promptLength)) stream?.push(id);
    return {
      sequence: [...tokens],
      promptLength,
      sample,
      limit: limits[row] ?? { count: 0, reason: 'context' },
      ...(stream ? { stream } : {}),
    };
  });
  const reasons = new Map<number, EndReason>();
  const { decoder, logits: first } = await model.decode(rows, signal ? { signal } : {});
  try {
    let logits: ReadonlyMap<number, Float32Array> = new Map(first.map((own, row) => [row, own]));
    for (let step = 0; logits.size > 0; step++) {
      const tokens: NewToken[] = [];
      const ended: EndedRow[] = [];
      const next = new Map<number, number>();
      for (const [row, own] of logits) {
        const state = growing[row];
        if (!state) continue;
        const found = advance(row, state, own, sampling, eos);
        if (found.token) tokens.push(found.token);
        if (found.ended) {
          ended.push(found.ended);
          reasons.set(row, found.ended.reason);
          decoder.leave(row);
        } else if (found.token) next.set(row, found.token.id);
      }
      yield { step, tokens, ended, logits };
      signal?.throwIfAborted();
      logits = next.size > 0 ? await decoder.step(next, signal) : new Map();
    }
    return growing.map(({ sequence, promptLength, stream }, row) => ({
      tokens: sequence.slice(promptLength),
      text: stream?.text ?? '',
      reason: reasons.get(row) ?? 'length',
    }));
  } finally {
    decoder.dispose();
  }
}

/** Run to the end. @throws as `generate` does */
export async function generateTexts(
  model: Model,
  request: GenerateRequest,
  options: { readonly signal?: AbortSignal; readonly onStep?: (step: GenerateStep) => void } = {},
): Promise<readonly GeneratedText[]> {
  const steps = generate(model, request, options);
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return value;
    options.onStep?.(value);
  }
}
