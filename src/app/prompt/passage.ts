// A part of a prompt that a person marks, kept by its characters: another model splits the same text into other tokens, and
// an edit in front of it moves it.

import {
  charactersOf,
  type PlacedPrompt,
  promptOfTokens,
  type ShownToken,
  type TokenRange,
  tokensAt,
} from '../../experiments/promptText.ts';

/** What a part of a text says, and about where; the occurrence nearest to there is meant. */
export interface Passage {
  readonly text: string;
  /** In UTF-16 units from the beginning. */
  readonly near: number;
}

/** The tokens of the nearest occurrence; undefined where the text does not occur in what a person wrote. */
function nearestIn(prompt: PlacedPrompt, { text, near }: Passage): TokenRange | undefined {
  let best: { readonly at: number; readonly range: TokenRange } | undefined;
  if (text === '') return undefined;
  for (let at = prompt.text.indexOf(text); at >= 0; at = prompt.text.indexOf(text, at + 1)) {
    const range = tokensAt([at, at + text.length], prompt);
    if (range && (best === undefined || Math.abs(at - near) < Math.abs(best.at - near))) best = { at, range };
  }
  return best?.range;
}

/** The tokens that hold a passage; null where it does not occur. */
export function tokensOfPassage(
  text: string,
  tokens: readonly ShownToken[],
  passage: Passage,
): TokenRange | null {
  return nearestIn(promptOfTokens(tokens, text), passage) ?? null;
}

/** What tokens hold, without the white space around it; null where that would be other tokens again. */
export function passageOf(text: string, tokens: readonly ShownToken[], range: TokenRange): Passage | null {
  const prompt = promptOfTokens(tokens, text);
  const characters = charactersOf(range, prompt);
  if (characters === undefined) return null;
  const whole = prompt.text.slice(...characters);
  const trimmed = whole.trim();
  const passage =
    trimmed === ''
      ? { text: whole, near: characters[0] }
      : { text: trimmed, near: characters[0] + whole.length - whole.trimStart().length };
  const back = nearestIn(prompt, passage);
  return back !== undefined && back[0] === range[0] && back[1] === range[1] ? passage : null;
}

/** A passage after its text was edited: moved by what was put in or taken out before it. */
export function movedPassage(passage: Passage, before: string, after: string): Passage {
  let same = 0;
  while (same < before.length && same < after.length && before[same] === after[same]) same += 1;
  if (same > passage.near) return passage;
  return { ...passage, near: Math.max(0, passage.near + after.length - before.length) };
}

/** The range between two positions, both included. */
export const rangeBetween = (a: number, b: number): TokenRange => [Math.min(a, b), Math.max(a, b) + 1];

export const isInRange = (position: number, range: TokenRange | null): boolean =>
  range !== null && position >= range[0] && position < range[1];
