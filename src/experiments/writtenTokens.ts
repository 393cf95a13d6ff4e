// Tokens as a person wrote them: a tokenizer of whole words names its tokens without the spaces between, and one that folds
// cases not as they were typed, so a text is taken from where it stands and not put together again.

interface Named {
  readonly text: string;
}

/** Where each token stands in a text; null for one that the text does not have, such as a special token. */
function placesIn(tokens: readonly Named[], text: string): readonly (readonly [number, number] | null)[] {
  const lower = text.toLowerCase();
  let end = 0;
  return tokens.map(({ text: name }) => {
    const piece = name.trim().toLowerCase();
    const from = piece === '' ? -1 : lower.indexOf(piece, end);
    if (from < 0 || lower.slice(end, from).trim() !== '') return null;
    end = from + piece.length;
    return [from, end];
  });
}

/**
 * A range of a text's tokens as it stands there; the tokens' own texts joined where they cannot be found in it.
 * @param text what was given, text or token ids
 */
export function writtenTokens(
  tokens: readonly Named[],
  [from, to]: readonly [number, number],
  text: string | readonly number[],
): string {
  const joined = () =>
    tokens
      .slice(from, to)
      .map(({ text: name }) => name)
      .join('');
  // Of some letters the small form is longer, and places in one text are not those of the other.
  if (typeof text !== 'string' || text.toLowerCase().length !== text.length) return joined();
  const places = placesIn(tokens, text);
  const isWhole = text.slice(places.findLast((place) => place !== null)?.[1] ?? 0).trim() === '';
  const within = places.slice(from, to);
  const isThere = (place: (typeof within)[number]) => place !== null;
  const [start, end] = [within.findIndex(isThere), within.findLastIndex(isThere)];
  const [first, last] = [within[start], within[end]];
  if (!isWhole || !first || !last) return joined();
  // What stands for none of the text, such as the token that a decoder begins with, keeps its name.
  const named = (some: readonly Named[]) => some.map(({ text: name }) => name);
  const marked = tokens.slice(from, to);
  return [
    ...named(marked.slice(0, start)),
    text.slice(first[0], last[1]),
    ...named(marked.slice(end + 1)),
  ].join(' ');
}

/** All tokens of a text: what was given, where that was text. */
export const writtenText = (tokens: readonly Named[], text: string | readonly number[]): string =>
  typeof text === 'string' ? text : tokens.map(({ text: name }) => name).join('');
