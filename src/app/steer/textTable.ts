// The texts of a vector from a table that somebody pastes or opens: pairs in two columns, or a text and its class in each line.

import { csvParseRows, tsvParseRows } from 'd3';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { listed, quoted } from '../../messages/wording.ts';
import type { TextRow } from './document.ts';

const sides = {
  positive: ['positive', 'towards', 'pos', 'with', 'true', 'matching'],
  negative: ['negative', 'away', 'neg', 'without', 'false', 'not_matching'],
} as const;
const textNames = ['text', 'sentence', 'statement', 'prompt'];
const labelNames = ['label', 'class', 'target'];

const isPositive = (label: string): boolean | null => {
  const plain = label.trim().toLowerCase();
  if (['1', 'true', 'yes', '+', 'positive', 'towards'].includes(plain)) return true;
  return ['0', '-1', 'false', 'no', '-', 'negative', 'away'].includes(plain) ? false : null;
};

/** The texts of both classes beside each other, in their order. */
function classes(positive: readonly string[], negative: readonly string[]): readonly TextRow[] {
  return Array.from({ length: Math.max(positive.length, negative.length) }, (_, at) => ({
    positive: positive[at] ?? '',
    negative: negative[at] ?? '',
  }));
}

/** A record of the table with its number, as one counts them: names of columns and empty ones included. */
interface Line {
  readonly number: number;
  readonly fields: readonly string[];
}

function labelled(lines: readonly Line[], text: number, label: number): readonly TextRow[] {
  const found = { true: [] as string[], false: [] as string[] };
  for (const { number, fields } of lines) {
    const own = fields[label] ?? '';
    const side = isPositive(own);
    if (side === null)
      throw new ExperimentError(
        `Row ${number} of the table has the label ${quoted(own)}. Labels are 1 and 0, true and false, or positive and negative.`,
      );
    const said = fields[text] ?? '';
    if (said.trim() === '')
      throw new ExperimentError(
        `Row ${number} of the table has a label and no text. Write it, or take the row out.`,
      );
    found[side ? 'true' : 'false'].push(said);
  }
  return classes(found.true, found.false);
}

/** @throws ExperimentError for a row with more fields than columns: part of a text would be lost */
function refuseLonger(lines: readonly Line[], columns: number): void {
  const long = lines.find(({ fields }) => fields.slice(columns).some((field) => field.trim() !== ''));
  if (long !== undefined)
    throw new ExperimentError(
      `Row ${long.number} of the table has ${long.fields.length} fields, and its first line names ${columns} columns. A text that holds a comma stands in double quotes.`,
    );
}

/**
 * @param given comma-separated values, or tab-separated ones where the first line has a tab. A first line that names the
 *              columns `positive` and `negative`, or `text` and `label`, says which is which; without one, two columns are pairs
 * @throws ExperimentError that names the row or the columns
 */
export function textRowsIn(given: string): readonly TextRow[] {
  const text = given.replace(/^\uFEFF/, '');
  const firstLine = text.split(/\r?\n/).find((line) => line.trim() !== '') ?? '';
  const parse = firstLine.includes('\t') ? tsvParseRows : csvParseRows;
  const rows = parse(text)
    .map((fields, at): Line => ({ number: at + 1, fields }))
    .filter(({ fields }) => fields.some((field) => field.trim() !== ''));
  const [head, ...lines] = rows;
  if (!head)
    throw new ExperimentError('The table is empty. Paste two columns: texts towards, and texts away.');
  const names = head.fields.map((name) => name.trim().toLowerCase());
  const at = (known: readonly string[]) => names.findIndex((name) => known.includes(name));
  const [positive = -1, negative = -1] = [sides.positive, sides.negative].map(at);
  if (positive >= 0 && negative >= 0) {
    if (lines.length === 0)
      throw new ExperimentError('The table has a head and no row under it. Add a pair.');
    refuseLonger(lines, names.length);
    return lines.map(({ fields }) => ({
      positive: fields[positive] ?? '',
      negative: fields[negative] ?? '',
    }));
  }
  const [textAt = -1, label = -1] = [textNames, labelNames].map(at);
  if (textAt >= 0 && label >= 0) {
    refuseLonger(lines, names.length);
    return labelled(lines, textAt, label);
  }
  const odd = rows.find(({ fields }) => fields.length !== 2);
  if (odd !== undefined)
    throw new ExperimentError(
      `Row ${odd.number} of the table has ${odd.fields.length} ${odd.fields.length === 1 ? 'field' : 'fields'}, and pairs are two: a text towards, a text away. Name the columns positive and negative, or text and label, in the first line (it is ${listed(head.fields.map(quoted))}); a text that holds a comma stands in double quotes.`,
    );
  return rows.map(({ fields: [one = '', other = ''] }) => ({ positive: one, negative: other }));
}
