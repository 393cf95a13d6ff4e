// What a person should know about a figure, beside its numbers.

/** Something a person should know about a figure; never an error. */
export interface Notice {
  readonly code:
    | 'answer-of-several-tokens'
    | 'answer-taken-as'
    | 'answer-without-space'
    | 'tokens-differ-by-version'
    | 'answer-not-predicted'
    | 'trailing-space'
    | 'sender-without-receiver'
    | 'subject-is-last'
    | 'input-not-traced'
    | 'picture-changed'
    | 'sound-cut-short'
    | 'weak-corruption'
    | 'mean-over-all-positions'
    | 'no-factual-labels'
    | 'labels-never-change'
    | 'labels-of-several-tokens'
    | 'repeated-examples'
    | 'one-continuation'
    | 'positions-cut-short'
    | 'training-stopped'
    | 'not-all-kept'
    | 'few-texts'
    | 'not-done-here'
    | 'context-is-full'
    | 'less-memory';
  readonly text: string;
}

/** Of an answer whose text has more than one token. @param rest tokens after the first */
export function severalTokensNotice(
  name: string | number,
  first: string,
  rest: number,
  what: string,
): Notice {
  return {
    code: 'answer-of-several-tokens',
    text: `${JSON.stringify(name)} has ${rest + 1} tokens; its first, ${JSON.stringify(first)}, is ${what}.`,
  };
}

/** Of a prompt that ends with a space. @param what names it: 'The prompt' */
export function trailingSpaceNotice(what: string): Notice {
  return {
    code: 'trailing-space',
    text: `${what} ends with a space. Most tokenizers put the space at the beginning of the next word, so predictions suffer; take it away.`,
  };
}

/** Of an answer that is not the model's own. */
export function notPredictedNotice(answer: string, predicted: string): Notice {
  return {
    code: 'answer-not-predicted',
    text: `The answer ${JSON.stringify(answer)} is not what the model predicts; that is ${JSON.stringify(predicted)}.`,
  };
}
