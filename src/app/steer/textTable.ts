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

function labelled(lines: readonly (readonly string[])[], text: number, label: number): readonly TextRow[] {
  const found = { true: [] as string[], false: [] as string[] };
  lines.forEach((fields, index) => {
    const own = fields[label] ?? '';
    const side = isPositive(own);
    if (side === null)
      throw new ExperimentError(
        `Row ${index + 1} of the table has the label ${quoted(own)}. Labels are 1 and 0, true and false, or positive and negative.`,
      );
    found[side ? 'true' : 'false'].push(fields[text] ?? '');
  });
  return classes(found.true, found.false);
}

/**
 * @param given comma-separated values, or tab-separated ones where the first line has a tab. A first line that names the
 *              columns `positive` and `negative`, or `text` and `label`, says which is which; without one, two columns are pairs
 * @throws ExperimentError that names the row or the columns
 */
export function textRowsIn(given: string): readonly TextRow[] {
  const text = given.replace(/^\uFEFF/, '');
  const [firstLine = ''] = text.split(/\r?\n/, 1);
  const parse = firstLine.includes('\t') ? tsvParseRows : csvParseRows;
  const rows = parse(text).filter((fields) => fields.some((field) => field.trim() !== ''));
  const [head, ...lines] = rows;
  if (!head)
    throw new ExperimentError('The table is empty. Paste two columns: texts towards, and texts away.');
  const names = head.map((name) => name.trim().toLowerCase());
  const at = (known: readonly string[]) => names.findIndex((name) => known.includes(name));
  const [positive, negative, textAt, label] = [sides.positive, sides.negative, textNames, labelNames].map(at);
  if (positive !== undefined && negative !== undefined && positive >= 0 && negative >= 0) {
    if (lines.length === 0)
      throw new ExperimentError('The table has a head and no row under it. Add a pair.');
    return lines.map((fields) => ({ positive: fields[positive] ?? '', negative: fields[negative] ?? '' }));
  }
  if (textAt !== undefined && label !== undefined && textAt >= 0 && label >= 0)
    return labelled(lines, textAt, label);
  const odd = rows.findIndex((fields) => fields.length !== 2);
  if (odd >= 0)
    throw new ExperimentError(
      `Row ${odd + 1} of the table has ${rows[odd]?.length} ${rows[odd]?.length === 1 ? 'field' : 'fields'}, and pairs are two: a text towards, a text away. Name the columns positive and negative, or text and label, in the first line (it is ${listed(head.map(quoted))}); a text that holds a comma stands in double quotes.`,
    );
  return rows.map(([one = '', other = '']) => ({ positive: one, negative: other }));
}
