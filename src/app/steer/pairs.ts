// The lines of texts that a vector is made of: which are whole pairs, and in which order the texts of a class are written down.

import type { VectorMethod } from '../../experiments/steer/experiment.ts';
import type { Passage, TextRow } from './document.ts';
import { besideOf, isChatPassage, promptOf } from './passage.ts';

const isBlank = (text = ''): boolean => text.trim() === '';

export function isEmptyPassage(passage: Passage): boolean {
  if (isChatPassage(passage))
    return passage.messages.every(({ content }) => isBlank(content)) && isBlank(passage.reply);
  const { target, image, sound } = besideOf(passage);
  return isBlank(promptOf(passage)) && isBlank(target) && !image && !sound;
}

const sides = ['positive', 'negative'] as const;

export const isOfPairs = (method: VectorMethod): boolean =>
  method === 'pca-centred' || method === 'pca-differences' || method === 'activation-addition';

/** Which side of a line has no text; null of a whole pair and of an empty line. */
export function emptySide(row: TextRow): keyof TextRow | null {
  const [positive, negative] = sides.map((side) => isEmptyPassage(row[side]));
  if (positive === negative) return null;
  return positive ? 'positive' : 'negative';
}

const isPair = (row: TextRow): boolean => sides.every((side) => !isEmptyPassage(row[side]));

/**
 * The texts of one class, those of whole pairs first: a file has two lists, and what stands at the same place in both is a pair
 * when it is opened again.
 */
export const textsOf = (rows: readonly TextRow[], side: keyof TextRow): readonly Passage[] =>
  [...rows.filter(isPair), ...rows.filter((row) => !isPair(row))]
    .map((row) => row[side])
    .filter((passage) => !isEmptyPassage(passage));

export interface TextCounts {
  readonly pairs: number;
  /** Texts without a counterpart in their line. */
  readonly lone: Readonly<Record<keyof TextRow, number>>;
}

export function countTexts(rows: readonly TextRow[]): TextCounts {
  const lone = { positive: 0, negative: 0 };
  for (const row of rows) {
    const empty = emptySide(row);
    if (empty !== null) lone[empty === 'positive' ? 'negative' : 'positive'] += 1;
  }
  return { pairs: rows.filter(isPair).length, lone };
}

/** `4 pairs`, `1 pair and 2 texts alone` */
export function textsWords(rows: readonly TextRow[]): string {
  const { pairs, lone } = countTexts(rows);
  const alone = lone.positive + lone.negative;
  const words = `${pairs} ${pairs === 1 ? 'pair' : 'pairs'}`;
  if (alone === 0) return words;
  return `${pairs === 0 ? '' : `${words} and `}${alone} ${alone === 1 ? 'text' : 'texts'} alone`;
}
