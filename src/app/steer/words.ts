// Words that an effect is measured on, as one types them: between commas, a space before each, as most tokenizers have
// it in a sentence. In double quotes a word stands as it is, and `#123` is a token by its id.

import type { WordsField } from './document.ts';

export type Word = string | number;

/** @returns null for a quotation that does not end */
export function wordsIn(text: string): readonly Word[] | null {
  const words: Word[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const quoted = /^"(?:[^"\\\n]|\\["\\/bfnrt]|\\u[0-9a-f]{4})*"/i.exec(rest)?.[0];
    const plain = quoted ?? (rest.startsWith('"') ? null : (/^[^,]*/.exec(rest)?.[0] ?? ''));
    if (plain === null) return null;
    rest = rest.slice(plain.length).trim();
    if (rest !== '' && !rest.startsWith(',')) return null;
    rest = rest.slice(1).trim();
    const id = /^#(\d+)$/.exec(plain.trim());
    if (quoted !== undefined) words.push(JSON.parse(quoted));
    else if (id) words.push(Number(id[1]));
    else if (plain.trim() !== '') words.push(` ${plain.trim()}`);
  }
  return words;
}

function wordText(word: Word): string {
  if (typeof word === 'number') return `#${word}`;
  const isPlain = /^ [^\s,"#](?:[^,"]*[^\s,"])?$/.test(word);
  return isPlain ? word.slice(1) : JSON.stringify(word);
}

export const wordsText = (words: readonly Word[]): string => words.map(wordText).join(', ');

export const wordsField = (words: {
  readonly towards: readonly Word[];
  readonly away: readonly Word[];
}): WordsField => ({ towards: wordsText(words.towards), away: wordsText(words.away) });
