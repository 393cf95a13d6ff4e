// Makes pairs definite for one model: tokens instead of text, as many on both sides, and single tokens to watch.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { RowSource, RowStart } from '../../runtime/plan/plan.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { Notice } from '../notice.ts';
import { cleanParts, corruptedParts, type Pair } from '../pairs.ts';
import { promptReader } from '../promptReader.ts';
import { type NamedToken, tokenLabel } from '../tokens.ts';
import type { WholePrompt } from '../wholePrompt.ts';
import type { PatchRun, PromptPair } from './outline.ts';
import { corruptedInput, type PairInputs } from './pairInputs.ts';

export interface ResolvedPair extends PromptPair {
  /** Positions of the input in which the corrupted run differs, where the pair names a part of it. */
  readonly exchanged?: readonly number[];
  /** Absent where the model's own prediction is to be watched. */
  readonly answer?: NamedToken;
  readonly distractor?: NamedToken;
}

export interface ResolvedPairs {
  readonly pairs: readonly ResolvedPair[];
  readonly notices: readonly Notice[];
}

/** The first position at which two sequences differ; their length when they do not. */
export function firstDifference(a: readonly number[], b: readonly number[]): number {
  const found = a.findIndex((token, position) => token !== b[position]);
  return found < 0 ? a.length : found;
}

/** What stands between the beginning and the end that two sequences share, as their tokens' texts. */
function differingTexts(
  a: readonly number[],
  b: readonly number[],
  tokenizer: Tokenizer | undefined,
): readonly [string, string] {
  const start = firstDifference(a, b);
  const most = Math.min(a.length, b.length) - start;
  let shared = 0;
  while (shared < most && a[a.length - 1 - shared] === b[b.length - 1 - shared]) shared += 1;
  const texts = (tokens: readonly number[]) =>
    tokens
      .slice(start, tokens.length - shared)
      .map((id) => JSON.stringify(tokenLabel(id, tokenizer)))
      .join(' ') || 'nothing';
  return [texts(a), texts(b)];
}

/**
 * @param what names both in messages: `prompt`, `source`
 * @throws ExperimentError that names the pair and both counts
 */
function checkLengths(
  clean: readonly number[],
  corrupted: readonly number[],
  pair: number,
  what: string,
  tokenizer: Tokenizer | undefined,
): void {
  if (clean.length === corrupted.length) return;
  const [here, there] = differingTexts(clean, corrupted, tokenizer);
  throw new ExperimentError(
    `Pair ${pair}: the clean ${what} has ${clean.length} tokens, the corrupted one ${corrupted.length} (${here} against ${there}); they must be as many. Choose words of as many tokens, or give token ids.`,
  );
}

/** The numbers of a picture or a sound that a run reads; undefined for a text. */
function dataOf({ start }: PatchRun): Float32Array | undefined {
  let read: RowStart | RowSource | undefined = start;
  while (read?.kind === 'tokens') read = read.source;
  return read?.kind === 'input' ? read.data : undefined;
}

/** Whether two runs read the same picture or sound, or none. */
export function seeTheSame(a: PatchRun, b: PatchRun): boolean {
  const [data, others] = [dataOf(a), dataOf(b)];
  return data === others || data?.some((value, at) => value !== others?.[at]) === false;
}

/** Whether two runs read the same beside their tokens, or in place of them. */
export function readTheSame(a: PatchRun, b: PatchRun): boolean {
  const [one, other] = [a.input?.tokens ?? [], b.input?.tokens ?? []];
  return seeTheSame(a, b) && one.length === other.length && firstDifference(one, other) === one.length;
}

/** @throws ExperimentError unless the two runs are of one shape and differ */
function checkRuns(
  clean: PatchRun,
  corrupted: PatchRun,
  pair: number,
  tokenizer: Tokenizer | undefined,
): void {
  const ofSource = clean.input?.kind === 'text';
  if (ofSource) checkLengths(clean.input.tokens, corrupted.input?.tokens ?? [], pair, 'source', tokenizer);
  checkLengths(clean.tokens, corrupted.tokens, pair, ofSource ? 'target' : 'prompt', tokenizer);
  if (!readTheSame(clean, corrupted)) return;
  if (firstDifference(clean.tokens, corrupted.tokens) < clean.tokens.length) return;
  throw new ExperimentError(
    `Pair ${pair}: the clean prompt and the corrupted one are the same, so there is nothing to patch. Change what the answer hangs on.`,
  );
}

/** Notices of several pairs: each kind once, from the first pair that has it. */
export function gatherNotices(found: readonly (readonly Notice[])[]): readonly Notice[] {
  const gathered = new Map<Notice['code'], { readonly text: string; count: number }>();
  found.forEach((notices, index) => {
    for (const code of new Set(notices.map((notice) => notice.code))) {
      const texts = notices.filter((notice) => notice.code === code).map(({ text }) => text);
      const known = gathered.get(code);
      if (known) known.count += 1;
      else
        gathered.set(code, {
          text: `${found.length > 1 ? `Pair ${index + 1}: ` : ''}${texts.join(' ')}`,
          count: 1,
        });
    }
  });
  return [...gathered].map(([code, { text, count }]) => ({
    code,
    text: count === 1 ? text : `${text} (So it is with ${count} of ${found.length} pairs.)`,
  }));
}

/** @throws ExperimentError when some pairs have a distractor and others none */
function checkDistractors(pairs: readonly ResolvedPair[]): void {
  const without = pairs.findIndex(({ distractor }) => !distractor);
  if (without < 0 || pairs.every(({ distractor }) => !distractor)) return;
  throw new ExperimentError(
    `Pair ${without + 1} has no distractor, and others have one. Give every pair one, or none.`,
  );
}

const runOf = ({ start, tokens, input }: WholePrompt): PatchRun => ({
  start,
  tokens,
  ...(input ? { input } : {}),
});

/**
 * @param tokenizer may be absent when the pairs give token ids
 * @param needsCorrupted false for an ablation
 * @param inputs of each pair, for a model that reads pictures or sounds
 * @throws ExperimentError or PlanError in one sentence: which pair, what does not fit, and what would
 */
export function resolvePairs(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  given: readonly Pair[],
  needsCorrupted: boolean,
  inputs: readonly PairInputs[] = [],
): ResolvedPairs {
  const found: Notice[][] = given.map(() => []);
  const pairs = given.map((pair, index): ResolvedPair => {
    const of = given.length > 1 ? ` of pair ${index + 1}` : '';
    const notices = found[index] ?? [];
    const read = inputs[index] ?? {};
    notices.push(...(read.clean?.notices ?? []));
    if (read.corrupted !== read.clean) notices.push(...(read.corrupted?.notices ?? []));
    const { whole, named } = promptReader({ architecture, tokenizer }, notices, of);
    const others = corruptedParts(pair);
    if (needsCorrupted && others === undefined) {
      throw new ExperimentError(
        `'pairs.${index}.corrupted' is missing: a patch takes its activations from there. Give a corrupted prompt, or an ablation.`,
      );
    }
    const clean = whole(cleanParts(pair), 'clean prompt', read.clean?.data);
    const other = corruptedInput(pair, read, clean.input, `pairs.${index}`);
    const corrupted = others && whole(others, 'corrupted prompt', other.data);
    if (corrupted) checkRuns(clean, corrupted, index + 1, tokenizer);
    const { watched } = clean;
    if (corrupted && corrupted.watched !== watched) {
      throw new ExperimentError(
        `Pair ${index + 1}: the mask stands at position ${watched} of the clean prompt and at ${corrupted.watched} of the corrupted one; one position is watched in both. Let the words before it have as many tokens.`,
      );
    }
    const answer = named(pair.answer, 'answer', clean.written);
    const distractor = named(pair.distractor, 'distractor', clean.written);
    if (answer && answer.id === distractor?.id) {
      throw new ExperimentError(
        `Pair ${index + 1}: answer and distractor are both ${JSON.stringify(answer.text)}, so their logits never differ. Name another distractor.`,
      );
    }
    return {
      clean: runOf(clean),
      watched,
      ...(corrupted ? { corrupted: runOf(corrupted) } : {}),
      ...(other.positions ? { exchanged: other.positions } : {}),
      ...(answer ? { answer } : {}),
      ...(distractor ? { distractor } : {}),
    };
  });
  checkDistractors(pairs);
  return { pairs, notices: gatherNotices(found) };
}
