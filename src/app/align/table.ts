// Examples as a table: a line each, with the columns base, source, label, and if they are known baseLabel, sourceLabel and
// the positions by their names. What was pasted is read, and what a file lists is written, so that both are one text.

import { csvParseRows, tsvFormatRows, tsvParseRows } from 'd3';
import type { AlignExampleFile } from '../../experiments/align/example.ts';
import type { AlignExperiment } from '../../experiments/align/experiment.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';

type Examples = Extract<AlignExperiment['data'], readonly unknown[]>;

const needed = ['base', 'source', 'label'] as const;
const known = ['base', 'source', 'label', 'baseLabel', 'sourceLabel'] as const;

const isKnown = (name: string): name is (typeof known)[number] => known.some((each) => each === name);

/** `3` for both prompts, `3/5` for the base's and the source's. */
function placeOf(cell: string, column: string, line: number): number | [number, number] | undefined {
  if (cell.trim() === '') return undefined;
  const [, base = '', source] = /^\s*(\d+)\s*(?:\/\s*(\d+)\s*)?$/.exec(cell) ?? [];
  if (base === '')
    throw new ExperimentError(
      `Line ${line}, '${column}': ${JSON.stringify(cell)} is no position. Give a number, or two with a stroke between, such as 3/5: of the base and of the source.`,
    );
  return source === undefined ? Number(base) : [Number(base), Number(source)];
}

/**
 * @param text a first line with the names of the columns; separated by tabs, or by commas where there is no tab
 * @throws ExperimentError that names the line and the column
 */
export function examplesOfTable(text: string): readonly AlignExampleFile[] {
  const [first = ''] = text.split(/\r?\n/, 1);
  const rows = first.includes('\t') ? tsvParseRows(text) : csvParseRows(text);
  const [head = [], ...lines] = rows;
  const columns = head.map((name) => name.trim());
  const missing = needed.find((name) => !columns.includes(name));
  if (missing !== undefined)
    throw new ExperimentError(
      `The first line names the columns, and '${missing}' is not among them. Begin with: base, source, label; baseLabel, sourceLabel and positions by name may follow.`,
    );
  const twice = columns.find((name, at) => columns.indexOf(name) !== at);
  if (twice !== undefined) throw new ExperimentError(`The column '${twice}' is there twice.`);
  const nameless = columns.indexOf('');
  if (nameless >= 0) throw new ExperimentError(`Column ${nameless + 1} has no name.`);
  return lines.flatMap((cells, index): readonly AlignExampleFile[] => {
    const line = index + 2;
    if (cells.every((cell) => cell.trim() === '')) return [];
    if (cells.length !== columns.length)
      throw new ExperimentError(
        `Line ${line} has ${cells.length} cells, and there are ${columns.length} columns. A cell that holds the separator stands in "quotes".`,
      );
    const cell = (name: string): string => cells[columns.indexOf(name)] ?? '';
    const empty = needed.find((name) => cell(name) === '');
    if (empty !== undefined) throw new ExperimentError(`Line ${line} has no '${empty}'.`);
    const [baseLabel, sourceLabel] = [cell('baseLabel'), cell('sourceLabel')];
    const positions = columns
      .filter((name) => !isKnown(name))
      .flatMap((name) => {
        const place = placeOf(cell(name), name, line);
        return place === undefined ? [] : [[name, place] as const];
      });
    return [
      {
        base: cell('base'),
        source: cell('source'),
        label: cell('label'),
        ...(baseLabel === '' ? {} : { baseLabel }),
        ...(sourceLabel === '' ? {} : { sourceLabel }),
        ...(positions.length === 0 ? {} : { positions: Object.fromEntries(positions) }),
      },
    ];
  });
}

/** @throws ExperimentError for examples that are token ids, which a table of text cannot hold */
export function tableOf(examples: Examples): string {
  const isText = examples.every(({ base, source, label, baseLabel = '', sourceLabel = '' }) =>
    [base, source, label, baseLabel, sourceLabel].every((each) => typeof each === 'string'),
  );
  if (!isText)
    throw new ExperimentError(
      'Its examples are token ids, and the page has a table of text. Run it from the command line: patchbay run FILE.json --out DIR.',
    );
  const names = [...new Set(examples.flatMap(({ positions = {} }) => Object.keys(positions)))];
  const optional = (['baseLabel', 'sourceLabel'] as const).filter((name) =>
    examples.some((example) => example[name] !== undefined),
  );
  const columns = [...needed, ...optional];
  return tsvFormatRows([
    [...columns, ...names],
    ...examples.map((example) => [
      ...columns.map((name) => String(example[name] ?? '')),
      ...names.map((name) => {
        const at = example.positions?.[name];
        return at === undefined ? '' : typeof at === 'number' ? String(at) : at.join('/');
      }),
    ]),
  ]);
}
