// A prompt together with what a model reads beside it or in place of it: the source of an encoder-decoder, a picture, a sound.
// What belongs to which model is known here alone, and said in a sentence where it does not fit.

import {
  type Architecture,
  firstInput,
  type ModelInput,
  type StackName,
} from '../architectures/architecture.ts';
import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import type { RowSource, RowStart } from '../runtime/plan/plan.ts';
import { ExperimentError } from './experimentFile.ts';
import { type GivenFile, nameOf } from './givenFile.ts';
import type { Notice } from './notice.ts';
import { type PlacedPrompt, placedPrompt } from './promptText.ts';
import { needTokenizer, promptNotices, tokensOf } from './tokens.ts';
import { maskOf, readWords, type WatchedModel } from './watched.ts';

type Text = string | readonly number[];

/** What an experiment states of one prompt. */
export interface PromptParts {
  readonly prompt: Text;
  /** What the decoder has written so far, where the prompt is its source. */
  readonly target?: Text | undefined;
  readonly image?: GivenFile | undefined;
  readonly sound?: GivenFile | undefined;
}

/** What a model reads beside the tokens of its prediction, or in place of them. */
export interface PromptInput {
  readonly kind: 'text' | ModelInput['kind'];
  readonly stack: StackName;
  /** Of a source text; empty otherwise. */
  readonly tokens: readonly number[];
  readonly length: number;
  /** Of the file of a picture or a sound. */
  readonly name?: string;
  /** The numbers' own layout; absent for a text. */
  readonly model?: ModelInput;
  /** Of a question: the picture that it is about. */
  readonly picture?: PromptInput;
}

/** The name of the picture or the sound that is read, whichever stack reads it. */
export const nameRead = (input: PromptInput | undefined): string | undefined =>
  input?.name ?? input?.picture?.name;

export interface WholePrompt {
  readonly start: RowStart;
  /** Those that the prediction follows, or stands among; empty where a model reads a picture alone. */
  readonly tokens: readonly number[];
  readonly input?: PromptInput;
  /** The position whose logits are the prediction. */
  readonly watched: number;
  /** What the next token continues. */
  readonly written: Text;
  /** Whose positions the prompt's text has. @throws ExperimentError without a tokenizer */
  readonly placed: () => PlacedPrompt;
  /** The same with other tokens where the prompt's stand, as many. */
  readonly withTokens: (tokens: readonly number[]) => RowStart;
  /** The same with another picture or sound, which in a model that answers is the question's; only where one is read. */
  readonly withData?: (data: Float32Array) => RowStart;
}

/** @throws ExperimentError for a part that the model has no use for, or one that it lacks */
export function checkParts(architecture: Architecture, parts: PromptParts): void {
  const { input, encoder, modelType } = architecture;
  const read = firstInput(architecture);
  for (const kind of ['image', 'sound'] as const) {
    const isGiven = parts[kind] !== undefined;
    if (read?.kind === kind && !isGiven)
      throw new ExperimentError(
        `This ${modelType} model reads ${readWords[kind]}, and the experiment has none. Give it as "${kind}": {"file": "PATH"}.`,
      );
    if (read?.kind !== kind && isGiven)
      throw new ExperimentError(
        `This ${modelType} model reads no ${readWords[kind].slice(2)}. Leave out '${kind}'.`,
      );
  }
  if (parts.target !== undefined && !hasTarget(architecture))
    throw new ExperimentError(
      encoder
        ? `This ${modelType} model reads ${read ? readWords[read.kind] : ''}, so the prompt is already what it has written. Leave out 'target'.`
        : `This ${modelType} model has one stack, and so no target beside its prompt. Leave out 'target'.`,
    );
  if (input && parts.prompt.length > 0)
    throw new ExperimentError(
      `This ${modelType} model reads ${readWords[input.kind]} alone. Leave the prompt empty.`,
    );
}

/** @param where its place in the file @throws ExperimentError as `checkParts` does, that names the place */
export function checkPartsAt(architecture: Architecture, parts: PromptParts, where: string): void {
  try {
    checkParts(architecture, parts);
  } catch (cause) {
    if (cause instanceof ExperimentError)
      throw new ExperimentError(`'${where}': ${cause.message}`, { cause });
    throw cause;
  }
}

/** Whether the prompt is a source, and what the next token continues is the target. */
const hasTarget = ({ encoder }: Architecture): boolean => encoder !== undefined && !encoder.input;

/** What a person should know of a prompt's texts. @param what names it: `The prompt` */
export function wholeNotices(
  architecture: Architecture,
  { prompt, target: written = '' }: PromptParts,
  tokenizer: Tokenizer | undefined,
  what: string,
): readonly Notice[] {
  const notices = promptNotices(prompt, tokenizer, what);
  if (!hasTarget(architecture)) return notices;
  // Nothing is written behind a source, so that a space at its end is part of it.
  const ofSource = notices.filter(({ code }) => code !== 'trailing-space');
  const target = `The target of ${what.slice(0, 1).toLowerCase()}${what.slice(1)}`;
  return [...ofSource, ...promptNotices(written, tokenizer, target)];
}

/** Tokens of what a decoder has written, behind the one that it begins with. */
export function writtenTokens(
  text: Text,
  tokenizer: Tokenizer | undefined,
  what: string,
  startToken: number,
): readonly number[] {
  if (text.length === 0) return [startToken];
  return [startToken, ...tokensOf(text, tokenizer, what, { addSpecialTokens: false })];
}

/** What the decoder of a model that reads a picture or a sound makes of a text: its tokens, and where each stands. */
export function writtenPrompt(
  text: string,
  tokenizer: Tokenizer,
  startToken: number,
): { readonly ids: readonly number[]; readonly places: PlacedPrompt['places'] } {
  const own = text === '' ? [] : tokenizer.encode(text, { addSpecialTokens: false });
  const ids = [startToken, ...own];
  return { ids, places: placedBehindStart(text, ids, tokenizer).places };
}

/** The places of a text whose tokens stand behind the decoder's first, without what a template would put around it. */
function placedBehindStart(text: Text, tokens: readonly number[], tokenizer: Tokenizer): PlacedPrompt {
  const own = tokens.slice(1);
  if (typeof text !== 'string') {
    const placed = placedPrompt(own, tokenizer);
    return { ...placed, places: [null, ...placed.places] };
  }
  const all = tokenizer.encode(text);
  const from = all.findIndex((_, at) => own.every((id, index) => all[at + index] === id));
  const places = tokenizer.places(text).slice(from, from + own.length);
  return { text, places: [null, ...places] };
}

/**
 * @param data what the model reads in place of tokens, where it reads such
 * @param what names the prompt in messages: `the clean prompt of pair 2`
 * @throws ExperimentError for parts that the model does not read, and a text without tokens
 */
export function wholePrompt(
  architecture: Architecture & WatchedModel,
  tokenizer: Tokenizer | undefined,
  parts: PromptParts,
  data?: Float32Array,
  what = 'the prompt',
): WholePrompt {
  checkParts(architecture, parts);
  const { input, encoder } = architecture;
  const { prompt, target = '' } = parts;
  const file = parts.image ?? parts.sound;
  const named = file ? { name: nameOf(file) } : {};
  const numbers = (): Float32Array => {
    if (data) return data;
    throw new ExperimentError('What the model reads beside the prompt was not made into numbers.');
  };
  if (input) {
    const start = { kind: 'input', data: numbers() } as const;
    return {
      start,
      tokens: [],
      input: { kind: input.kind, stack: 'main', tokens: [], length: input.positions, ...named, model: input },
      watched: architecture.components.find(({ name }) => name === 'logits')?.positions?.[0] ?? 0,
      written: '',
      placed: () => ({ text: '', places: [] }),
      withTokens: () => start,
      withData: (others) => ({ kind: 'input', data: others }),
    };
  }
  if (!encoder) {
    const tokens = tokensOf(prompt, tokenizer, what);
    return {
      start: { kind: 'tokens', tokens },
      tokens,
      watched: maskOf(architecture, tokens, tokenizer, what),
      written: prompt,
      placed: () => placedPrompt(prompt, needTokenizer(tokenizer, 'the subject')),
      withTokens: (others) => ({ kind: 'tokens', tokens: others }),
    };
  }
  const { startToken, input: read } = encoder;
  if (read) {
    const source = { kind: 'input', data: numbers() } as const;
    const tokens = writtenTokens(prompt, tokenizer, what, startToken);
    return {
      start: { kind: 'tokens', tokens, source },
      tokens,
      input: { kind: read.kind, stack: 'encoder', tokens: [], length: read.positions, ...named, model: read },
      watched: tokens.length - 1,
      written: prompt,
      placed: () => placedBehindStart(prompt, tokens, needTokenizer(tokenizer, 'the subject')),
      withTokens: (others) => ({ kind: 'tokens', tokens: others, source }),
      withData: (others) => ({ kind: 'tokens', tokens, source: { kind: 'input', data: others } }),
    };
  }
  const sourceTokens = tokensOf(prompt, tokenizer, what);
  const tokens = writtenTokens(target, tokenizer, `the target of ${what}`, startToken);
  // What the source is about: the picture of a question.
  const about = encoder.encoder?.input;
  const seen = about && numbers();
  const startOf = (source: readonly number[], pixels = seen): RowStart => {
    const picture: RowSource | undefined = pixels && { kind: 'input', data: pixels };
    return {
      kind: 'tokens',
      tokens,
      source: { kind: 'tokens', tokens: source, ...(picture ? { source: picture } : {}) },
    };
  };
  const picture: PromptInput | undefined = about && {
    kind: about.kind,
    stack: 'first',
    tokens: [],
    length: about.positions,
    ...named,
    model: about,
  };
  return {
    start: startOf(sourceTokens),
    tokens,
    input: {
      kind: 'text',
      stack: 'encoder',
      tokens: sourceTokens,
      length: sourceTokens.length,
      ...(picture ? { picture } : {}),
    },
    watched: tokens.length - 1,
    written: target,
    placed: () => placedPrompt(prompt, needTokenizer(tokenizer, 'the subject')),
    withTokens: (others) => startOf(others),
    ...(about ? { withData: (others: Float32Array) => startOf(sourceTokens, others) } : {}),
  };
}
