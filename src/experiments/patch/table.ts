// Pairs of prompts from a table that somebody pastes: comma- or tab-separated values.

import { csvParseRows, tsvParseRows } from 'd3';
import { nearestNames } from '../../messages/nearest.ts';
import { listed, quoted } from '../../messages/wording.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { Pair } from '../pairs.ts';

const columns = ['clean', 'corrupted', 'answer', 'distractor'] as const;
type Column = (typeof columns)[number];

export interface TableOptions {
  /** Whether a corrupted prompt is needed: not for an ablation. Default true. */
  readonly needsCorrupted?: boolean;
}

/** Where each column stands. */
function readHead(
  fields: readonly string[],
  needed: readonly Column[],
): Readonly<Partial<Record<Column, number>>> {
  const names = fields.map((name) => name.trim().toLowerCase());
  const places: Partial<Record<Column, number>> = {};
  for (const column of columns) {
    const place = names.indexOf(column);
    if (place >= 0) places[column] = place;
    if (names.lastIndexOf(column) !== place)
      throw new ExperimentError(`The table has two columns '${column}'; leave one.`);
  }
  const missing = needed.find((column) => places[column] === undefined);
  if (missing !== undefined) {
    throw new ExperimentError(
      `The table has no column '${missing}'. Its first line must name the columns ${columns.join(', ')}; it is ${listed(fields.map(quoted))}.`,
    );
  }
  const absent = columns.filter((column) => places[column] === undefined);
  for (const name of names) {
    const meant = columns.includes(name as Column) ? undefined : nearestNames(name, absent)[0]; // Any text may be looked for.
    if (meant !== undefined)
      throw new ExperimentError(
        `The table has a column ${quoted(name)}. Did you mean '${meant}'? Columns of other names are left alone.`,
      );
  }
  return places;
}

/**
 * Pairs from a table whose first line names its columns: `clean` and `corrupted`, and, where the answers are not the
 * model's own, `answer` and `distractor`. Fields that hold a separator, a quote or a line break stand in double quotes.
 * Spaces count: most tokenizers put them at the beginning of a word, as in ` Paris`. An empty answer or distractor is
 * none. Other columns are left alone.
 * @param text comma-separated values, or tab-separated ones where the first line has a tab
 * @returns one pair for each line under the first, in order
 * @throws ExperimentError that names the column or the row
 */
export function readPairs(text: string, { needsCorrupted = true }: TableOptions = {}): readonly Pair[] {
  const [firstLine = ''] = text.split(/\r?\n/, 1);
  const parse = firstLine.includes('\t') ? tsvParseRows : csvParseRows;
  const [head, ...lines] = parse(text.replace(/^\uFEFF/, '')).filter(
    (fields) => fields.length > 1 || (fields[0] ?? '').trim() !== '',
  );
  if (!head)
    throw new ExperimentError(`The table is empty. Its first line names the columns: ${columns.join(', ')}.`);
  const needed: readonly Column[] = needsCorrupted ? ['clean', 'corrupted'] : ['clean'];
  const places = readHead(head, needed);
  if (lines.length === 0) throw new ExperimentError('The table has a head and no row under it. Add a pair.');
  return lines.map((fields, index): Pair => {
    const row = index + 1;
    if (fields.length > head.length) {
      throw new ExperimentError(
        `Row ${row} of the table has ${fields.length} fields, its head ${head.length}. A text that holds the separator must stand in double quotes.`,
      );
    }
    const field = (column: Column) => {
      const place = places[column];
      const found = place === undefined ? undefined : fields[place];
      return found === '' ? undefined : found;
    };
    const empty = needed.find((column) => field(column) === undefined);
    if (empty !== undefined)
      throw new ExperimentError(`Row ${row} of the table has no '${empty}'. Fill it in.`);
    const [corrupted, answer, distractor] = [field('corrupted'), field('answer'), field('distractor')];
    return {
      clean: field('clean') ?? '',
      ...(corrupted === undefined || !needsCorrupted ? {} : { corrupted }),
      ...(answer === undefined ? {} : { answer }),
      ...(distractor === undefined ? {} : { distractor }),
    };
  });
}
