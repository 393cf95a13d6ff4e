// What is wrong with the rows of a document, by the fields of each, as a model reads them.

import { type KnownReads, type PromptPart, promptParts, promptProblems } from '../prompt/beside.ts';
import type { ExampleRow, RowList, RowLists } from './rows.ts';

export const rowParts = [...promptParts, 'continuation'] as const;
export type RowPart = PromptPart | 'continuation';

export const rowField = (list: RowList, id: number, part: RowPart): string => `${list} ${id} ${part}`;

export const listNames: Readonly<Record<RowList, string>> = {
  data: 'Example',
  testData: 'Held-out example',
};

/** How a model reads a row. */
export interface RowReading {
  /** The mask of a model that fills such; null where it goes on behind a prompt, or names a class. */
  readonly mask: string | null;
  readonly reads: KnownReads;
}

/** A run looks at its document with every step, and typing changes one list of the two: what was judged stays judged. */
const judged = new WeakMap<
  readonly ExampleRow[],
  RowReading & { readonly problems: ReadonlyMap<string, string> }
>();

function wantedOf({ mask, reads }: RowReading): string {
  if (mask !== null) return `Write the token that should stand at ${mask}.`;
  return reads?.isAlone
    ? 'Write the class that it should have.'
    : 'Write what should follow, with the space before it.';
}

/** What is wrong with the rows of a list, by `rowField`. */
export function rowProblems(
  rows: readonly ExampleRow[],
  list: RowList,
  reading: RowReading,
): ReadonlyMap<string, string> {
  const known = judged.get(rows);
  if (known !== undefined && known.mask === reading.mask && known.reads === reading.reads)
    return known.problems;
  const wanted = wantedOf(reading);
  const what = reading.reads?.isAlone ? 'class' : 'continuation';
  const problems = new Map<string, string>();
  rows.forEach(({ id, prompt, continuation, ...beside }, at) => {
    const name = `${listNames[list]} ${at + 1}`;
    const own = promptProblems(prompt, beside, reading.reads, { name, made: 'The finetuning' });
    for (const [part, problem] of own) problems.set(rowField(list, id, part), problem);
    if (continuation === '')
      problems.set(rowField(list, id, 'continuation'), `${name} has no ${what}. ${wanted}`);
    if (typeof continuation === 'number' && reading.reads !== undefined && !reading.reads?.isAlone)
      problems.set(
        rowField(list, id, 'continuation'),
        `${name} has the id of a token, ${continuation}, and the page has rows of text. ${wanted}`,
      );
  });
  judged.set(rows, { ...reading, problems });
  return problems;
}

/** Sentences of a list as a whole and of its rows; nothing where the document has no such list. */
export function listProblems(
  lists: RowLists,
  list: RowList,
  reading: RowReading,
): readonly (readonly [field: string, problem: string])[] {
  const rows = lists[list];
  if (rows === null) return [];
  const none =
    list === 'data'
      ? 'There is no example. Add one: a prompt, and what should follow it.'
      : 'There is no held-out example. Add one, or keep a share of the others.';
  return [...(rows.length === 0 ? [[list, none] as const] : []), ...rowProblems(rows, list, reading)];
}
