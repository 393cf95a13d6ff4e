// The examples of a finetuning as rows that are typed: what is in a row, and what becomes of the lists when one is changed.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import type { FinetuneExample } from '../../experiments/finetune/experiment.ts';
import { partsOfGiven } from '../../experiments/givenPrompt.ts';
import { nextId } from '../experiment/nextId.ts';
import {
  type Beside,
  type BesideChange,
  besideOf,
  changedBeside,
  givenWith,
  hasIds,
  noIds,
} from '../prompt/beside.ts';

/** A prompt with what the model reads beside it, and what should follow. */
export interface ExampleRow extends Beside {
  /** Stays with a row while others come and go. */
  readonly id: number;
  readonly prompt: string;
  /** With the space before it; a number is a file's, of a class, and what is typed is text. */
  readonly continuation: string | number;
}

export interface RowLists {
  readonly data: readonly ExampleRow[];
  /** Examples to test by themselves; null where a share of `data` is kept for it. */
  readonly testData: readonly ExampleRow[] | null;
}

/** Which of the two lists a row is in. */
export type RowList = 'data' | 'testData';

export const rowsOf = (document: RowLists, list: RowList): readonly ExampleRow[] => document[list] ?? [];

/** Rows with ids after those that are there. */
export function numbered(
  examples: readonly Omit<ExampleRow, 'id'>[],
  after: readonly ExampleRow[] = [],
): readonly ExampleRow[] {
  const first = nextId(after);
  return examples.map((example, at) => ({ ...example, id: first + at }));
}

/** What of a row is changed; undefined takes a file away. */
export type RowChange = BesideChange & { readonly prompt?: string; readonly continuation?: string };

export const changedRow = <T extends RowLists>(
  document: T,
  list: RowList,
  id: number,
  { prompt, continuation, ...beside }: RowChange,
): T => ({
  ...document,
  [list]: rowsOf(document, list).map((row) =>
    row.id === id
      ? {
          id,
          prompt: prompt ?? row.prompt,
          continuation: continuation ?? row.continuation,
          ...changedBeside(row, beside),
        }
      : row,
  ),
});

/** Pictures or sounds, the first in a row that is there, and each of the others in a row like it behind it. */
export function withFilesFrom<T extends RowLists>(
  document: T,
  list: RowList,
  id: number,
  files: readonly Pick<Beside, 'image' | 'sound'>[],
): T {
  const [first, ...others] = files;
  if (first === undefined) return document;
  const changed = changedRow(document, list, id, first);
  const rows = rowsOf(changed, list);
  const at = rows.findIndex((row) => row.id === id);
  const [row] = rows.slice(at, at + 1);
  if (row === undefined) return document;
  const added = numbered(
    others.map((file) => ({ ...row, ...file })),
    rows,
  );
  return withRows(changed, list, [...rows.slice(0, at + 1), ...added, ...rows.slice(at + 1)]);
}

/** Whether nobody has put anything into a row. */
export const isEmptyRow = ({ prompt, continuation, ...beside }: ExampleRow): boolean =>
  prompt === '' && continuation === '' && Object.keys(changedBeside(beside, {})).length === 0;

/** A row as an experiment states it. */
export const exampleOf = ({ prompt, continuation, ...beside }: ExampleRow): FinetuneExample => ({
  prompt: givenWith(prompt, beside),
  continuation,
});

export const withRows = <T extends RowLists>(document: T, list: RowList, rows: readonly ExampleRow[]): T => ({
  ...document,
  [list]: rows,
});

/** @throws ExperimentError for token ids, with the way on */
export function rowsIn(examples: readonly FinetuneExample[]): readonly ExampleRow[] {
  return numbered(
    examples.map(({ prompt, continuation }) => {
      const { prompt: text, image } = partsOfGiven(prompt);
      // Of a picture a number may be a class, which the model in use decides.
      const isKnown =
        typeof continuation === 'string' || (typeof continuation === 'number' && image !== undefined);
      if (typeof text === 'string' && isKnown && !hasIds(prompt))
        return { prompt: text, continuation, ...besideOf(prompt) };
      throw new ExperimentError(noIds);
    }),
  );
}
