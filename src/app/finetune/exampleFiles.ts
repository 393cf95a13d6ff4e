// Examples from a table that somebody pastes, or from a file: comma- or tab-separated lines with the columns prompt and
// continuation, and what has been written of a target; JSON, or JSON line by line, which may hold pictures and sounds.

import { csvParseRows, tsvParseRows } from 'd3';
import * as v from 'valibot';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { givenPromptSchema, partsOfGiven } from '../../experiments/givenPrompt.ts';
import { quoted } from '../../messages/wording.ts';
import { besideOf, hasIds } from '../prompt/beside.ts';
import type { ExampleRow } from './rows.ts';

export type Example = Omit<ExampleRow, 'id'>;

/** The columns as other tools call them. */
const promptNames = ['prompt', 'instruction', 'input', 'question'];
const continuationNames = ['continuation', 'completion', 'output', 'response', 'answer'];

/** Columns that can only name files, and what JSON has in the prompt and not beside it. */
const fileNames: readonly string[] = ['image', 'picture', 'photo', 'sound', 'audio'];

const mostExamples = 50_000;

interface Wanted {
  /** Whether an example is nothing without a text; default true. Beside a picture or a sound it may be empty. */
  readonly needsPrompt?: boolean;
}

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

/** @throws ExperimentError for a column of files, of which a table holds the names alone */
function checkColumns(head: readonly string[]): void {
  const there = head.map((name) => name.trim().toLowerCase());
  const named = fileNames.find((name) => there.includes(name));
  if (named === undefined) return;
  throw new ExperimentError(
    `The column '${named}' can hold names of files and not the files, and a table of text cannot carry those. Leave the column out and drop the files on their rows, or give JSON whose prompts hold them, as a saved file does.`,
  );
}

function ofTable(text: string, { needsPrompt = true }: Wanted): readonly Example[] {
  const [firstLine = ''] = text.split(/\r?\n/, 1);
  const rows = firstLine.includes('\t') ? tsvParseRows(text) : csvParseRows(text);
  const [head = [], ...lines] = rows;
  checkColumns(head);
  const [prompt, continuation] = [columnOf(head, promptNames), columnOf(head, continuationNames)];
  const target = head.findIndex((name) => name.trim().toLowerCase() === 'target');
  const missing = prompt < 0 && needsPrompt ? 'prompt' : continuation < 0 ? 'continuation' : null;
  if (missing !== null)
    throw new ExperimentError(
      `The first line names the columns, and '${missing}' is not among them. Begin with: prompt,continuation.${missing === 'continuation' && target >= 0 ? " A 'target' is what has been written before the continuation." : ''}`,
    );
  return lines.flatMap((cells, index) => {
    if (cells.every((cell) => cell.trim() === '')) return [];
    if (cells.length !== head.length)
      throw new ExperimentError(
        `Line ${index + 2} has ${cells.length} ${cells.length === 1 ? 'cell' : 'cells'}, and there are ${head.length} columns. A cell that holds the separator stands in "quotes".`,
      );
    const { [target]: written = '' } = cells;
    return [
      {
        prompt: cells[prompt] ?? '',
        continuation: cells[continuation] ?? '',
        ...(written === '' ? {} : { target: written }),
      },
    ];
  });
}

/** A prompt as a file of the kind states it, with what stands beside it. @throws ExperimentError for ids and paths */
function wholePromptIn(value: unknown, where: string): Omit<Example, 'continuation'> {
  const read = v.safeParse(givenPromptSchema, value);
  if (!read.success)
    throw new ExperimentError(
      `${where} has a 'prompt' that cannot be read: ${read.issues[0].message}. Give a text, or { "prompt": "...", "target": "...", "image": { "name": "...", "data": "..." } }.`,
    );
  const { prompt, image, sound } = partsOfGiven(read.output);
  const file = [image, sound].find((given) => given !== undefined && !('data' in given));
  if (file !== undefined)
    throw new ExperimentError(
      `${where} names ${'file' in file ? `the path ${quoted(file.file)}` : `the file ${quoted(file.name)}`} and does not hold its bytes, which cannot be read here. Put them into it ("name" and "data"), or drop the file on its row.`,
    );
  if (typeof prompt !== 'string' || hasIds(read.output))
    throw new ExperimentError(`${where} is token ids, and the page has rows of text. Give the text.`);
  return { prompt, ...besideOf(read.output) };
}

/** @throws ExperimentError for a picture or a sound beside the prompt, and a target beside a whole one */
function targetBeside(given: object, isWhole: boolean, where: string): Pick<Example, 'target'> {
  const isThere = (name: string) => ![undefined, null, ''].includes(Reflect.get(given, name));
  const misplaced = fileNames.find(isThere) ?? (isWhole && isThere('target') ? 'target' : undefined);
  if (misplaced !== undefined)
    throw new ExperimentError(
      `${where} has '${misplaced}' beside its prompt and not in it. Give { "prompt": { "prompt": "...", "target": "...", "image": { "name": "...", "data": "..." } }, "continuation": "..." }.`,
    );
  if (!isThere('target')) return {};
  const target: unknown = Reflect.get(given, 'target');
  if (typeof target === 'string') return { target };
  throw new ExperimentError(`${where} has a 'target' that is no text. Give the text that has been written.`);
}

function exampleIn(value: unknown, where: string, { needsPrompt = true }: Wanted): Example {
  const given = typeof value === 'object' && value !== null ? value : {};
  const whole: unknown = Reflect.get(given, 'prompt');
  const found = (known: readonly string[], name: string, otherwise?: string): string => {
    // What is empty adds nothing, as the input of an instruction that needs none.
    const there = known.filter((each) => ![undefined, ''].includes(Reflect.get(given, each)));
    const key = nameIn(there, known, where) ?? known.find((each) => Reflect.get(given, each) !== undefined);
    const text: unknown = key === undefined ? undefined : Reflect.get(given, key);
    if (typeof text === 'string') return text;
    if (key === undefined && otherwise !== undefined) return otherwise;
    throw new ExperimentError(
      `${where} has ${key === undefined ? `no '${name}'` : `a '${key}' that is no text`}. Give { "prompt": "...", "continuation": "..." }.`,
    );
  };
  const isWhole = typeof whole === 'object' && whole !== null;
  const target = targetBeside(given, isWhole, where);
  const prompt = isWhole
    ? wholePromptIn(whole, where)
    : { prompt: found(promptNames, 'prompt', needsPrompt ? undefined : ''), ...target };
  return { ...prompt, continuation: found(continuationNames, 'continuation') };
}

function ofJson(text: string, wanted: Wanted): readonly Example[] {
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
  return value.map((each: unknown, index) => exampleIn(each, `Example ${index + 1}`, wanted));
}

function ofJsonLines(text: string, wanted: Wanted): readonly Example[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === '') return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw new ExperimentError(`Line ${index + 1} is not complete JSON.`);
    }
    return [exampleIn(value, `Line ${index + 1}`, wanted)];
  });
}

/**
 * @param given a table with a first line that names its columns, a JSON list, or JSON line by line; which it is its first
 *              character says
 * @throws ExperimentError that names the line or the example, and what would be right
 */
export function examplesIn(given: string, wanted: Wanted = {}): readonly Example[] {
  const text = given.replace(/^\uFEFF/, '');
  const start = text.trimStart();
  if (start === '')
    throw new ExperimentError(
      'There is nothing in it. Give a table with the columns prompt and continuation.',
    );
  const isLines = start.startsWith('{') && start.trimEnd().split(/\r?\n/).length > 1 && isWhole(start);
  const read = isLines ? ofJsonLines : /^[[{]/.test(start) ? ofJson : ofTable;
  const examples = read(text, wanted);
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
