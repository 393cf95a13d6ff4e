// The token that a person means by an answer: the one that continues the prompt with that text. A tokenizer may put a space
// in front of every text, or join an answer with the word before it; what an answer becomes by itself is then another
// token than the one that the model says. Where a model fills masks, the answer is what stands in the mask's place.

import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import { quoted } from '../messages/wording.ts';
import { ExperimentError } from './experimentFile.ts';
import { type Notice, severalTokensNotice } from './notice.ts';
import { placedPrompt } from './promptText.ts';
import { type NamedToken, needTokenizer, tokenLabel } from './tokens.ts';

/** A token that is watched, and what a person should know of how it was found. */
export interface AnswerToken extends NamedToken {
  /** Tokens of the text after the first. */
  readonly rest: number;
  readonly notices: readonly Notice[];
}

const plain = { addSpecialTokens: false } as const;

const continues = (ids: readonly number[], before: readonly number[]): boolean =>
  ids.length > before.length && before.every((id, index) => ids[index] === id);

/** The tokens that follow `prompt` when `text` is written behind it; undefined when the prompt's own tokens change then. */
function following(
  prompt: string | readonly number[],
  text: string,
  tokenizer: Tokenizer,
): readonly number[] | undefined {
  const written = typeof prompt === 'string' ? prompt : placedPrompt(prompt, tokenizer).text;
  const before =
    typeof prompt === 'string'
      ? tokenizer.encode(prompt, plain)
      : prompt.filter((id) => !tokenizer.isSpecial(id));
  const joined = tokenizer.encode(written + text, plain);
  return continues(joined, before) ? joined.slice(before.length) : undefined;
}

/** The tokens of a text by itself, without a space that the tokenizer puts in front of every text. */
function alone(text: string, tokenizer: Tokenizer): readonly number[] {
  const [first] = tokenizer.encode('a', plain);
  const addsSpace = first !== undefined && tokenizer.tokenText(first).startsWith(' ');
  return (addsSpace ? following('\n', text, tokenizer) : undefined) ?? tokenizer.encode(text, plain);
}

/** A prompt's tokens without special ones, its mask apart, and the text on both sides of the mask; undefined without one. */
function aroundMask(prompt: string | readonly number[], tokenizer: Tokenizer) {
  const { maskId } = tokenizer;
  if (maskId === undefined) return undefined;
  const isKept = (id: number) => id === maskId || !tokenizer.isSpecial(id);
  const ids = typeof prompt === 'string' ? tokenizer.encode(prompt, plain) : prompt.filter(isKept);
  const at = ids.indexOf(maskId);
  if (at < 0) return undefined;
  const [before = '', behind = ''] =
    typeof prompt === 'string'
      ? prompt.split(tokenizer.tokenText(maskId))
      : [tokenizer.decode(ids.slice(0, at)), tokenizer.decode(ids.slice(at + 1))];
  return { ids, at, before, behind };
}

/** The tokens in the mask's place when `text` is written there; undefined when the tokens around it change then. */
function filling(
  prompt: string | readonly number[],
  text: string,
  tokenizer: Tokenizer,
): readonly number[] | undefined {
  const around = aroundMask(prompt, tokenizer);
  if (!around) return undefined;
  const { ids, at, before, behind } = around;
  // Some tokenizers take the space before a mask into it, as they take the space before a word into the word.
  const written = (/^\s/.test(text) ? before.trimEnd() : before) + text + behind;
  const all = tokenizer.encode(written, plain);
  const end = all.length - (ids.length - at - 1);
  const isSame = ids.every(
    (id, place) => place === at || all[place < at ? place : place - ids.length + all.length] === id,
  );
  return isSame && end > at ? all.slice(at, end) : undefined;
}

/**
 * The tokens that a text is after a prompt.
 * @param prompt   text or token ids
 * @param isCausal false for a model that fills masks: the tokens that the text is in the place of the prompt's
 */
export function continuation(
  text: string,
  tokenizer: Tokenizer,
  prompt: string | readonly number[],
  isCausal = true,
): readonly number[] {
  const found = isCausal ? following : filling;
  return found(prompt, text, tokenizer) ?? alone(text, tokenizer);
}

/** Writing that puts no spaces between words. */
const spaceless =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/** The answer with a space before it, where the answer as it stands would go on with the prompt's last word. */
function spacedAnswer(
  answer: string,
  tokenizer: Tokenizer,
  prompt: string | readonly number[],
): string | undefined {
  const written = typeof prompt === 'string' ? prompt : placedPrompt(prompt, tokenizer).text;
  const touching = written.slice(-1) + answer.slice(0, 1);
  // A number may well go on: 14 and then 97.
  if (!/^[\p{L}\p{N}]\p{L}$/u.test(touching) || spaceless.test(touching)) return undefined;
  return following(prompt, ` ${answer}`, tokenizer) ? ` ${answer}` : undefined;
}

export interface AnswerContext {
  readonly tokenizer: Tokenizer | undefined;
  readonly vocabularySize: number;
  /** The prompt that it follows, text or token ids. */
  readonly after: string | readonly number[];
  /** Where it stands, for errors: ' of pair 2'. */
  readonly of?: string;
  /** False for a model that fills masks; default true. */
  readonly isCausal?: boolean;
}

/**
 * One token that a person names by id or text. Of a text of several tokens it is the first.
 * @param what names it in messages: 'the answer'
 * @throws ExperimentError for an id that the vocabulary does not have, or a text without tokens
 */
export function answerToken(
  name: string | number,
  what: string,
  { tokenizer, vocabularySize, after, of = '', isCausal = true }: AnswerContext,
): AnswerToken {
  const ids =
    typeof name === 'number'
      ? [name]
      : continuation(name, needTokenizer(tokenizer, what + of), after, isCausal);
  const [id] = ids;
  const capital = `${what[0]?.toUpperCase()}${what.slice(1)}`;
  if (id === undefined) throw new ExperimentError(`${capital}${of} has no tokens. Give at least one word.`);
  if (id >= vocabularySize) {
    throw new ExperimentError(
      `Token ${id}, ${what}${of}, does not exist: the vocabulary has ids 0 to ${vocabularySize - 1}.`,
    );
  }
  const text = tokenLabel(id, tokenizer);
  const rest = ids.length - 1;
  const notices: Notice[] = [];
  if (rest > 0) notices.push(severalTokensNotice(name, text, rest, what));
  else if (typeof name === 'string' && text.trim() !== name.trim()) {
    notices.push({
      code: 'answer-taken-as',
      text: `${capital} ${JSON.stringify(name)} is taken as the token ${JSON.stringify(text)}.`,
    });
  }
  const spaced =
    typeof name === 'string' && tokenizer && isCausal ? spacedAnswer(name, tokenizer, after) : undefined;
  if (spaced !== undefined) {
    notices.push({
      code: 'answer-without-space',
      text: `${capital} ${JSON.stringify(name)} goes on with the last word of the prompt. As the next word it is ${JSON.stringify(spaced)}, with the space before it.`,
    });
  }
  return { id, text, rest, notices };
}

/** The tokens of a whole answer, and the text that they are. */
export interface AnswerTokens {
  readonly ids: readonly number[];
  readonly text: string;
}

export const isSameAnswer = (a: AnswerTokens, b: AnswerTokens): boolean =>
  a.ids.length === b.ids.length && a.ids.every((id, at) => id === b.ids[at]);

/**
 * All tokens that a person names by text, an id or several.
 * @param what names it in messages: 'the label'
 * @throws ExperimentError for an id that the vocabulary does not have, a text without tokens, and one of several where a model
 *                         fills masks
 */
export function answerTokens(
  name: string | number | readonly number[],
  what: string,
  context: AnswerContext,
): AnswerTokens {
  const { tokenizer, after, of = '', isCausal } = context;
  const found = (): AnswerTokens => {
    if (typeof name === 'string') {
      const { id } = answerToken(name, what, context);
      const [, ...others] = continuation(name, needTokenizer(tokenizer, what + of), after, isCausal);
      const ids = [id, ...others];
      return { ids, text: ids.map((each) => tokenLabel(each, tokenizer)).join('') };
    }
    const ids = typeof name === 'number' ? [name] : name;
    const labels = ids.map((id) => answerToken(id, what, context).text);
    return { ids, text: labels.join(tokenizer ? '' : ' ') };
  };
  const answer = found();
  if (isCausal === false && answer.ids.length > 1)
    throw new ExperimentError(
      `${what[0]?.toUpperCase()}${what.slice(1)}${of} is ${answer.ids.length} tokens (${answer.ids.map((id) => quoted(tokenLabel(id, tokenizer))).join(', ')}), and this model says one at its mask. Give one of a single token.`,
    );
  return answer;
}
