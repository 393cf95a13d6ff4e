// How values of a sweep are written in its fields, both ways: a window, heads, positions, heads of layers, prompts by line.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import type { Sweep } from '../../experiments/patch/experiment.ts';
import type { HeadName } from '../../experiments/patch/outline.ts';
import { quoted } from '../../messages/wording.ts';
import { rangesText, wholeIn, wholeNumbersIn } from '../steer/numberFields.ts';

export interface Notation<Value> {
  /** @throws ExperimentError that says what would be right */
  readonly read: (text: string) => Value;
  readonly write: (value: Value) => string;
}

/** @param what begins the sentence: `A window` @param example of it: `layers, such as 3` */
export const wholeNotation = (what: string, example: string): Notation<number> => ({
  read: (text) => {
    const value = wholeIn(text);
    if (Number.isNaN(value)) throw new ExperimentError(`${what} is a whole number of ${example}.`);
    return value;
  },
  write: String,
});

const emptyAs = /^\s*(?:all)?\s*$/i;

function unitsIn(text: string, what: string): readonly number[] {
  const units = wholeNumbersIn(text);
  if (units === null)
    throw new ExperimentError(
      `${what} are written as numbers and ranges, such as 0, 3-5; ${quoted(text)} is not.`,
    );
  return units;
}

/** Nothing, or `all`, is all of them. */
export const headsNotation: Notation<readonly number[] | undefined> = {
  read: (text) => (emptyAs.test(text) ? undefined : unitsIn(text, 'Heads')),
  write: (heads) => (heads === undefined ? '' : rangesText([...heads].toSorted((a, b) => a - b))),
};

export const positionsNotation: Notation<Sweep['positions']> = {
  read: (text) => {
    if (emptyAs.test(text)) return 'all';
    return /^\s*last\s*$/i.test(text) ? 'last' : unitsIn(text, 'Positions');
  },
  write: (positions) => {
    if (typeof positions === 'string') return positions === 'all' ? '' : positions;
    return rangesText([...positions].toSorted((a, b) => a - b));
  },
};

/** `9.6, 9.9`: head 6 and head 9 of layer 9. */
export function headNamesIn(text: string): readonly HeadName[] {
  const parts = text.split(/[,;\s]+/).filter((part) => part !== '');
  return parts.map((part): HeadName => {
    const [, layer, head] = /^(\d+)\.(\d+)$/.exec(part) ?? [];
    if (layer === undefined || head === undefined)
      throw new ExperimentError(
        `A head is written layer.head, such as 7.0 for head 0 of layer 7; ${quoted(part)} is not.`,
      );
    return [Number(layer), Number(head)];
  });
}

export const headNamesText = (heads: readonly HeadName[]): string =>
  heads.map(([layer, head]) => `${layer}.${head}`).join(', ');

export const sendersNotation: Notation<'all' | readonly HeadName[]> = {
  read: (text) => (emptyAs.test(text) ? 'all' : headNamesIn(text)),
  write: (senders) => (senders === 'all' ? '' : headNamesText(senders)),
};

export const receiversNotation: Notation<readonly HeadName[]> = {
  read: (text) => {
    const heads = headNamesIn(text);
    if (heads.length === 0)
      throw new ExperimentError('Name the heads that receive, such as 7.0 or 9.6, 9.9.');
    return heads;
  },
  write: headNamesText,
};

/** A stretch of a sound: `0.5-1.2`. Nothing, or `all`, is all of it. */
export const secondsNotation: Notation<readonly [number, number] | undefined> = {
  read: (text) => {
    if (emptyAs.test(text)) return undefined;
    const [, from, to] = /^\s*(\d+(?:\.\d+)?)\s*[-–:]\s*(\d+(?:\.\d+)?)\s*$/.exec(text) ?? [];
    if (from === undefined || to === undefined)
      throw new ExperimentError(
        `A stretch is written by its first and last second, such as 0.5-1.2; ${quoted(text)} is not.`,
      );
    return [Number(from), Number(to)];
  },
  write: (stretch) => stretch?.join('-') ?? '',
};

/** A number of parts; nothing is the default. */
export const partsNotation: Notation<number | undefined> = {
  read: (text) => {
    if (text.trim() === '') return undefined;
    const value = wholeIn(text);
    if (Number.isNaN(value)) throw new ExperimentError('Parts are a whole number, such as 4.');
    return value;
  },
  write: (parts) => (parts === undefined ? '' : String(parts)),
};

/** Prompts, one a line; empty lines are none. */
export const promptsNotation: Notation<readonly string[]> = {
  read: (text) => text.split(/\r?\n/).filter((line) => line.trim() !== ''),
  write: (prompts) => prompts.join('\n'),
};

/** Whether prompts can be written one a line: not token ids, nor texts of several lines. */
export const isByLine = (prompts: readonly unknown[]): prompts is readonly string[] =>
  prompts.every((prompt) => typeof prompt === 'string' && prompt.trim() !== '' && !/[\r\n]/.test(prompt));
