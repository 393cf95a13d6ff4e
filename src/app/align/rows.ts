// Examples of an alignment as rows that are typed: a base and a source with what the model reads beside each, the label of their
// interchange, and the names of positions. What a table of text cannot carry has a place here.

import type { AlignExample, AlignExampleFile } from '../../experiments/align/example.ts';
import type { AlignExperiment } from '../../experiments/align/experiment.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import type { GivenFile } from '../../experiments/givenFile.ts';
import { type GivenPrompt, partsOfGiven } from '../../experiments/givenPrompt.ts';
import { nextId } from '../experiment/nextId.ts';
import {
  type Beside,
  type BesideChange,
  besideOf,
  changedBeside,
  fileWords,
  givenWith,
  hasIds,
  type KnownReads,
  noIds,
  type PromptPart,
  promptParts,
  promptProblems,
} from '../prompt/beside.ts';

export interface RowPrompt extends Beside {
  readonly prompt: string;
}

export type PromptChange = BesideChange & { readonly prompt?: string };

/** A number is a file's, of a class; what is typed is text. */
export type RowLabel = string | number;

export interface AlignRow {
  /** Stays with a row while others come and go. */
  readonly id: number;
  readonly base: RowPrompt;
  readonly source: RowPrompt;
  readonly label: RowLabel;
  /** Empty where they are not known. */
  readonly baseLabel: RowLabel;
  readonly sourceLabel: RowLabel;
  /** `name 3, verb 4/6`: of both prompts, or of the base and of the source. */
  readonly positions: string;
}

export const rowSides = ['base', 'source'] as const;
export type RowSide = (typeof rowSides)[number];

/** Fields of a row that are a line of text each. */
export const rowTexts = ['label', 'baseLabel', 'sourceLabel', 'positions'] as const;
export type RowText = (typeof rowTexts)[number];

/** By which the sentences of a row are known. */
export const rowField = (id: number, part: RowText | `${RowSide} ${PromptPart}`): string =>
  `row ${id} ${part}`;

const emptyPrompt: RowPrompt = { prompt: '' };
const emptyRow: Omit<AlignRow, 'id'> = {
  base: emptyPrompt,
  source: emptyPrompt,
  label: '',
  baseLabel: '',
  sourceLabel: '',
  positions: '',
};

/** @param fields that something is wrong with: of them some may be of no row. @returns the place of the first row among them */
export function firstWrong(rows: readonly AlignRow[], fields: Iterable<string>): number | null {
  const ids = new Set(Array.from(fields, (field) => /^row (\d+) /.exec(field)?.[1]));
  const at = rows.findIndex(({ id }) => ids.has(String(id)));
  return at < 0 ? null : at;
}

export const blankRows: readonly AlignRow[] = [{ id: 1, ...emptyRow }];

/** With one more row; its positions are those of the last. */
export function withRow(rows: readonly AlignRow[]): readonly AlignRow[] {
  const { positions = '' } = rows.at(-1) ?? {};
  return [...rows, { id: nextId(rows), ...emptyRow, positions }];
}

export const changedRow = (
  rows: readonly AlignRow[],
  id: number,
  change: (row: AlignRow) => AlignRow,
): readonly AlignRow[] => rows.map((row) => (row.id === id ? change(row) : row));

export const withPrompt = (row: AlignRow, side: RowSide, { prompt, ...beside }: PromptChange): AlignRow => ({
  ...row,
  [side]: { prompt: prompt ?? row[side].prompt, ...changedBeside(row[side], beside) },
});

/**
 * Files in the sides that have none, the base first.
 * @throws ExperimentError for more than there is place for, so that none goes or takes the place of another
 */
export function filledRow(row: AlignRow, kind: 'image' | 'sound', files: readonly GivenFile[]): AlignRow {
  const empty = rowSides.filter((side) => row[side][kind] === undefined);
  if (files.length > empty.length) {
    const thing = fileWords[kind];
    throw new ExperimentError(
      `${files.length} ${files.length === 1 ? `${thing} was` : `${thing}s were`} dropped, and this example has ${empty.length === 0 ? `its two ${thing}s` : `place for ${empty.length}`}. Drop each on the field of the side that it is for, or add an example.`,
    );
  }
  return files.reduce((made, file, at) => {
    const side = empty[at];
    return side === undefined ? made : withPrompt(made, side, { [kind]: file });
  }, row);
}

type Positions = NonNullable<AlignExample['positions']>;

/** @throws ExperimentError for what is no name with a number, and a name that is there twice */
export function positionsIn(text: string): Positions {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const positions = new Map<string, Positions[string]>();
  for (const part of parts) {
    const [, name, base, source] = /^(\S+)\s+(\d+)(?:\s*\/\s*(\d+))?$/.exec(part) ?? [];
    if (name === undefined || base === undefined)
      throw new ExperimentError(
        `“${part}” is no name with a position. Write such as name 3, or name 3/5: of the base and of the source.`,
      );
    if (positions.has(name))
      throw new ExperimentError(
        `The position '${name}' is there twice. Leave one of them, or write ${name} 3/5: of the base and of the source.`,
      );
    positions.set(name, source === undefined ? Number(base) : [Number(base), Number(source)]);
  }
  return Object.fromEntries(positions);
}

const positionsText = (positions: Positions): string =>
  Object.entries(positions)
    .map(([name, at]) => `${name} ${typeof at === 'number' ? at : at.join('/')}`)
    .join(', ');

const givenOfSide = ({ prompt, ...beside }: RowPrompt): GivenPrompt => givenWith(prompt, beside);

/** @throws ExperimentError for positions that cannot be read */
export function exampleOf({ base, source, positions, ...row }: AlignRow): AlignExampleFile {
  const named = positionsIn(positions);
  return {
    base: givenOfSide(base),
    source: givenOfSide(source),
    label: row.label,
    ...(row.baseLabel === '' ? {} : { baseLabel: row.baseLabel }),
    ...(row.sourceLabel === '' ? {} : { sourceLabel: row.sourceLabel }),
    ...(Object.keys(named).length === 0 ? {} : { positions: named }),
  };
}

type Examples = Extract<AlignExperiment['data'], readonly unknown[]>;

/** Whether a table of text can carry them. */
export const fitTable = (examples: Examples): boolean =>
  examples.every(({ base, source }) => [base, source].every((given) => typeof given === 'string'));

/** @throws ExperimentError for token ids, with the way on */
export function rowsIn(examples: Examples): readonly AlignRow[] {
  const promptIn = (given: GivenPrompt): RowPrompt => {
    const { prompt } = partsOfGiven(given);
    if (typeof prompt === 'string' && !hasIds(given)) return { prompt, ...besideOf(given) };
    throw new ExperimentError(noIds);
  };
  return examples.map(({ base, source, label, baseLabel, sourceLabel, positions = {} }, at) => {
    // Of pictures a number may be a class, which the model in use decides.
    const isOfPictures = [base, source].every((given) => partsOfGiven(given).image !== undefined);
    const labelIn = (given: AlignExample['label'] | undefined): RowLabel => {
      if (given === undefined || typeof given === 'string') return given ?? '';
      if (typeof given === 'number' && isOfPictures) return given;
      throw new ExperimentError(noIds);
    };
    return {
      id: at + 1,
      base: promptIn(base),
      source: promptIn(source),
      label: labelIn(label),
      baseLabel: labelIn(baseLabel),
      sourceLabel: labelIn(sourceLabel),
      positions: positionsText(positions),
    };
  });
}

/** The field of a row that a sentence of the engine is about; null for one that is about none. */
export function rowFieldOf(message: string, rows: readonly AlignRow[]): string | null {
  const [, place, path = ''] = /'data\.(\d+)\.?([\w.]*)'/.exec(message) ?? [];
  const row = place === undefined ? undefined : rows[Number(place)];
  if (row === undefined) return null;
  const [field = '', ...rest] = path.split('.');
  const side = rowSides.find((each) => each === field);
  if (side === undefined) return rowField(row.id, rowTexts.find((each) => each === field) ?? 'label');
  const named = promptParts.find((part) => rest.includes(part)) ?? 'prompt';
  const part = named === 'prompt' && /\bthe target of\b/i.test(message) ? 'target' : named;
  return rowField(row.id, `${side} ${part}`);
}

const sideNames: Readonly<Record<RowSide, string>> = { base: 'the base', source: 'the source' };

/** What is wrong with rows, by `rowField`. */
export function rowProblems(rows: readonly AlignRow[], reads: KnownReads): ReadonlyMap<string, string> {
  const problems = new Map<string, string>();
  rows.forEach((row, at) => {
    for (const side of rowSides) {
      const { prompt, ...beside } = row[side];
      const name = `Example ${at + 1}, ${sideNames[side]},`;
      for (const [part, problem] of promptProblems(prompt, beside, reads, { name, made: 'The alignment' }))
        problems.set(rowField(row.id, `${side} ${part}`), problem);
    }
    if (row.label === '')
      problems.set(
        rowField(row.id, 'label'),
        `Example ${at + 1} has no label. Write the ${reads?.isAlone ? 'class' : 'token'} that the interchange should give.`,
      );
    for (const part of ['label', 'baseLabel', 'sourceLabel'] as const)
      if (typeof row[part] === 'number' && reads !== undefined && !reads?.isAlone)
        problems.set(
          rowField(row.id, part),
          `${row[part]} is the id of a token here, and the page has rows of text. Write the token.`,
        );
    try {
      positionsIn(row.positions);
    } catch (cause) {
      if (!(cause instanceof ExperimentError)) throw cause;
      problems.set(rowField(row.id, 'positions'), cause.message);
    }
  });
  return problems;
}
