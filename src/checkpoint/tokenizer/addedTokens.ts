// Added tokens are found in a text before anything else is done to it. Which of two that overlap wins, what counts as a
// word of its own and how much white space a token takes along decides tokens, so it is done here as the tokenizers of
// Python do it (huggingface/tokenizers, `AddedVocabulary`). The library for JavaScript finds them by plain comparison:
// it takes a token with `single_word` inside words, and one with `lstrip` or `rstrip` takes away white space that is
// itself a token.

/** A token that stands in the file beside the vocabulary. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Found only where no letter, digit or underscore touches it. */
  readonly single_word: boolean;
  /** Takes the white space before it along. */
  readonly lstrip: boolean;
  /** Takes the white space after it along. */
  readonly rstrip: boolean;
  /** Looked for in the normalised text rather than in what was written. */
  readonly normalized: boolean;
  /** Stands for no text. */
  readonly special: boolean;
}

/** A part of a text: an added token, or what lies between two of them. */
export interface Stretch {
  /** In UTF-16 units of the text. */
  readonly from: number;
  readonly to: number;
  readonly token?: AddedToken;
}

// Python's `\w`: letters, marks, decimal digits, connectors, and what joins letters.
const word = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';
const wordAtStart = new RegExp(`^${word}`, 'u');
const wordAtEnd = new RegExp(`${word}$`, 'u');
const spaceAtStart = /^\p{White_Space}*/u;
const spaceAtEnd = /\p{White_Space}*$/u;

/** How one set of added tokens cuts texts. */
export type Splitter = (text: string) => readonly Stretch[];

/**
 * @param patterns what is looked for, and the token that it stands for; empty ones are passed over
 */
export function addedTokenSplitter(patterns: readonly (readonly [string, AddedToken])[]): Splitter {
  const tokens = new Map(patterns.filter(([pattern]) => pattern !== ''));
  if (tokens.size === 0) return (text) => (text === '' ? [] : [{ from: 0, to: text.length }]);
  // The first of several alternatives wins, and the longest has to.
  const alternatives = [...tokens.keys()]
    .sort((a, b) => b.length - a.length)
    .map((pattern) => pattern.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  const anyToken = new RegExp(alternatives.join('|'), 'gu');
  return (text) => {
    const stretches: Stretch[] = [];
    let done = 0;
    for (const match of text.matchAll(anyToken)) {
      const token = tokens.get(match[0]);
      if (!token) continue;
      const before = text.slice(0, match.index);
      const after = text.slice(match.index + match[0].length);
      if (token.single_word && (wordAtEnd.test(before) || wordAtStart.test(after))) continue;
      const spaceBefore = token.lstrip ? (spaceAtEnd.exec(before)?.[0].length ?? 0) : 0;
      const spaceAfter = token.rstrip ? (spaceAtStart.exec(after)?.[0].length ?? 0) : 0;
      // White space that the token before took along is taken already.
      const from = token.lstrip ? Math.max(match.index - spaceBefore, done) : match.index;
      const to = match.index + match[0].length + spaceAfter;
      if (done < from) stretches.push({ from: done, to: from });
      stretches.push({ from, to, token });
      done = to;
    }
    if (done < text.length) stretches.push({ from: done, to: text.length });
    return stretches;
  };
}
