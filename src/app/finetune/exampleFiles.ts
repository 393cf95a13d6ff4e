// Examples from a table that somebody pastes, or from a file: comma- or tab-separated lines with the columns prompt and
// continuation, JSON, or JSON line by line.

import { csvParseRows, tsvParseRows } from 'd3';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { quoted } from '../../messages/wording.ts';
import type { ExampleRow } from './document.ts';

export type Example = Omit<ExampleRow, 'id'>;

/** The columns as other tools call them. */
const promptNames = ['prompt', 'instruction', 'input', 'question'];
const continuationNames = ['continuation', 'completion', 'output', 'response', 'answer'];

const mostExamples = 50_000;

/**
 * Which of the names that are there is meant: our own, or the only one that other tools have for it.
 * @param where that has them, as a sentence begins
 * @throws ExperimentError where several are, of which the others would be left out without a word
 */
function nameIn(there: readonly string[], known: readonly string[], where: string): string | undefined {
  const [first, second] = known.filter((name) => there.includes(name));
  if (first === undefined || second === undefined || first === known[0]) return first;
  throw new ExperimentError(
    `${where} has '${first}' and '${second}', and one of them is to be the ${known[0]}. Name it '${known[0]}', with all that is to be in it.`,
  );
}

function columnOf(names: readonly string[], known: readonly string[]): number {
  const there = names.map((name) => name.trim().toLowerCase());
  const name = nameIn(there, known, 'The first line');
  return name === undefined ? -1 : there.indexOf(name);
}

function ofTable(text: string): readonly Example[] {
  const [firstLine = ''] = text.split(/\r?\n/, 1);
  const rows = firstLine.includes('\t') ? tsvParseRows(text) : csvParseRows(text);
  const [head = [], ...lines] = rows;
  const [prompt, continuation] = [columnOf(head, promptNames), columnOf(head, continuationNames)];
  if (prompt < 0 || continuation < 0)
    throw new ExperimentError(
      `The first line names the columns, and '${prompt < 0 ? 'prompt' : 'continuation'}' is not among them. Begin with: prompt,continuation.`,
    );
  return lines.flatMap((cells, index) => {
    if (cells.every((cell) => cell.trim() === '')) return [];
    if (cells.length !== head.length)
      throw new ExperimentError(
        `Line ${index + 2} has ${cells.length} ${cells.length === 1 ? 'cell' : 'cells'}, and there are ${head.length} columns. A cell that holds the separator stands in "quotes".`,
      );
    return [{ prompt: cells[prompt] ?? '', continuation: cells[continuation] ?? '' }];
  });
}

function exampleIn(value: unknown, where: string): Example {
  const given = typeof value === 'object' && value !== null ? value : {};
  const found = (known: readonly string[], name: string): string => {
    // What is empty adds nothing, as the input of an instruction that needs none.
    const there = known.filter((each) => ![undefined, ''].includes(Reflect.get(given, each)));
    const key = nameIn(there, known, where) ?? known.find((each) => Reflect.get(given, each) !== undefined);
    const text: unknown = key === undefined ? undefined : Reflect.get(given, key);
    if (typeof text === 'string') return text;
    throw new ExperimentError(
      `${where} has ${key === undefined ? `no '${name}'` : `a '${key}' that is no text`}. Give { "prompt": "...", "continuation": "..." }.`,
    );
  };
  return {
    prompt: found(promptNames, 'prompt'),
    continuation: found(continuationNames, 'continuation'),
  };
}

function ofJson(text: string): readonly Example[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ExperimentError('It is not complete JSON: a part of it is missing or changed.');
  }
  const kind: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'kind') : undefined;
  if (typeof kind === 'string')
    throw new ExperimentError(
      `It is a whole file of kind ${quoted(kind)}, not examples alone. Drop it on the page to open it.`,
    );
  if (!Array.isArray(value))
    throw new ExperimentError(
      'It is no list. Give [{ "prompt": "...", "continuation": "..." }], or a line of JSON for each example.',
    );
  return value.map((each: unknown, index) => exampleIn(each, `Example ${index + 1}`));
}

function ofJsonLines(text: string): readonly Example[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw new ExperimentError(`Line ${index + 1} is not complete JSON.`);
    }
    return [exampleIn(value, `Line ${index + 1}`)];
  });
}

/**
 * @param given a table with a first line that names its columns, a JSON list, or JSON line by line; which it is its first
 *              character says
 * @throws ExperimentError that names the line or the example, and what would be right
 */
export function examplesIn(given: string): readonly Example[] {
  const text = given.replace(/^\uFEFF/, '');
  const start = text.trimStart();
  if (start === '')
    throw new ExperimentError(
      'There is nothing in it. Give a table with the columns prompt and continuation.',
    );
  const isLines = start.startsWith('{') && start.trimEnd().split(/\r?\n/).length > 1 && isWhole(start);
  const examples = isLines ? ofJsonLines(text) : /^[[{]/.test(start) ? ofJson(text) : ofTable(text);
  if (examples.length === 0) throw new ExperimentError('It names its columns and has no example below them.');
  if (examples.length > mostExamples)
    throw new ExperimentError(
      `There are ${examples.length.toLocaleString('en')} examples, and there can be at most ${mostExamples.toLocaleString('en')}.`,
    );
  return examples;
}

/** Whether the first line is JSON by itself: a list of lines, and not one object over several. */
function isWhole(text: string): boolean {
  try {
    JSON.parse(text.split(/\r?\n/, 1)[0] ?? '');
    return true;
  } catch {
    return false;
  }
}
