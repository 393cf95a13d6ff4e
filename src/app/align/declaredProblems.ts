// What is wrong with a causal model while it is typed, each sentence at its field. A variable is judged with its ancestors
// alone, so that one mistake does not hide another.

import { runForward } from '../../experiments/align/causalModel.ts';
import { causalLimits } from '../../experiments/align/causalSchema.ts';
import { Declared, fill } from '../../experiments/align/declaredModel.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { quoted } from '../../messages/wording.ts';
import { noteIn, type Problems, plainSentence } from '../experiment/typedFields.ts';
import {
  type DeclaredFields,
  declaredFile,
  linesOf,
  namesOf,
  tableLine,
  type VariableField,
} from './declaredFields.ts';

export const variableField = (id: number, part: 'name' | 'values' | 'parents' | 'table'): string =>
  `variable ${id} ${part}`;

/** What `work` refuses. @throws what is no refusal */
function refusal(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (cause) {
    if (cause instanceof ExperimentError) return cause.message;
    throw cause;
  }
}

const wordForm = /^[\p{L}_][\p{L}\p{N}_]*$/u;
const lostNames = ['__proto__', 'constructor', 'prototype'];

function nameProblem({ name }: VariableField, names: readonly string[]): string | null {
  const own = name.trim();
  if (own === '') return 'Name the variable.';
  if (!wordForm.test(own)) return 'A variable is named by letters, digits and _, and begins with no digit.';
  if (own === 'last') return "'last' is the last token of a prompt; name the variable otherwise.";
  if (lostNames.includes(own)) return `The name ${own} cannot be used.`;
  return names.filter((each) => each === own).length > 1 ? `Two variables are called ${own}.` : null;
}

function repeated(lines: readonly string[]): string | undefined {
  return lines.find((line, at) => lines.indexOf(line) !== at);
}

function valuesProblem({ values }: VariableField): string | null {
  const lines = linesOf(values);
  if (lines.length === 0) return 'Give at least one value, one a line.';
  const twice = repeated(lines);
  if (twice !== undefined) return `${quoted(twice)} is there twice.`;
  return lines.length > causalLimits.values
    ? `There are ${lines.length} values, and there can be at most ${causalLimits.values}.`
    : null;
}

function tableProblem({ table }: VariableField): string | null {
  const lines = linesOf(table);
  if (lines.length === 0) return 'Write a line for each value of the parents, such as: Adam = male.';
  const bare = lines.find((line) => tableLine(line) === null);
  if (bare !== undefined) return `${quoted(bare)} has no =. A line says what follows: Adam = male.`;
  const twice = repeated(lines.map((line) => tableLine(line)?.[0] ?? ''));
  return twice === undefined ? null : `${quoted(twice)} is there twice.`;
}

/** A variable and all that it depends on; null where something of it is not declared, or depends on itself. */
function withAncestors(
  own: VariableField,
  byName: ReadonlyMap<string, VariableField>,
): readonly VariableField[] | null {
  const found = new Map<string, VariableField>();
  const open = new Set<string>();
  const take = (variable: VariableField): boolean => {
    const name = variable.name.trim();
    if (found.has(name)) return true;
    if (open.has(name)) return false;
    open.add(name);
    const parents = variable.kind === 'values' ? [] : namesOf(variable.parents);
    const isWhole = parents.every((parent) => {
      const declared = byName.get(parent);
      return declared !== undefined && take(declared);
    });
    open.delete(name);
    found.set(name, variable);
    return isWhole;
  };
  return take(own) ? [...found.values()] : null;
}

/** Whether a variable is among what it depends on. */
function isCircular(own: VariableField, byName: ReadonlyMap<string, VariableField>): boolean {
  const seen = new Set<string>();
  const parentsOf = (name: string): readonly string[] => {
    const variable = byName.get(name);
    return variable === undefined || variable.kind === 'values' ? [] : namesOf(variable.parents);
  };
  const open = [...parentsOf(own.name.trim())];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === own.name.trim()) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...parentsOf(next));
  }
  return false;
}

function parentsProblem(variable: VariableField, byName: ReadonlyMap<string, VariableField>): string | null {
  const parents = namesOf(variable.parents);
  if (parents.length === 0) return 'Name at least one parent; a variable without parents has values.';
  const foreign = parents.find((parent) => !byName.has(parent));
  if (foreign !== undefined)
    return `${quoted(foreign)} is not declared. Add a variable of that name, or correct it.`;
  if (isCircular(variable, byName))
    return `${variable.name.trim()} depends on itself in a circle of parents. Leave one of them out.`;
  return null;
}

/** The model of some variables. @throws ExperimentError */
function modelOf(fields: DeclaredFields, variables: readonly VariableField[]) {
  const declared = new Declared(declaredFile({ ...fields, variables }).causalModel, 'data');
  return { declared, model: declared.model() };
}

/** What a file's sentence about a variable is about. */
const partOf = (message: string): 'parents' | 'table' =>
  /^'data\.causalModel\.[^']*\.table'/.test(message) ? 'table' : 'parents';

/** @returns the lines that a variable's table lacks, without what follows */
export function missingLines(fields: DeclaredFields, id: number): readonly string[] {
  const byName = new Map(fields.variables.map((each) => [each.name.trim(), each]));
  const own = fields.variables.find((each) => each.id === id);
  if (own === undefined) return [];
  const parents = namesOf(own.parents).map((parent) => byName.get(parent));
  const valuesOf = (parent: VariableField | undefined): readonly string[] | null => {
    const known = parent && withAncestors(parent, byName);
    if (!parent || !known) return null;
    try {
      return modelOf(fields, known).model.values[parent.name.trim()] ?? null;
    } catch (cause) {
      if (cause instanceof ExperimentError) return null;
      throw cause;
    }
  };
  const values = parents.map(valuesOf);
  if (values.length === 0 || values.some((each) => each === null)) return [];
  const combined = values.reduce((product, each) => product * (each?.length ?? 0), 1);
  if (combined > causalLimits.values) return [];
  const keys = values.reduce<readonly string[]>(
    (known, each, at) =>
      known.flatMap((key) => (each ?? []).map((value) => (at === 0 ? value : `${key}, ${value}`))),
    [''],
  );
  const there = new Set(linesOf(own.table).map((line) => tableLine(line)?.[0]));
  return keys.filter((key) => !there.has(key));
}

function wholeProblem(text: string, least: number, greatest: number): string | null {
  const value = Number(text);
  return /^\d+$/.test(text.trim()) && value >= least && value <= greatest
    ? null
    : `Give a whole number from ${least} to ${greatest.toLocaleString('en')}.`;
}

/**
 * What is wrong with what is typed; empty when a file could hold it.
 * @returns with the problems, the prompt with the first value of each variable, as far as it can be told
 */
export function declaredProblems(fields: DeclaredFields): {
  readonly problems: Problems;
  readonly sample: string;
} {
  const problems: Problems = new Map();
  const note = noteIn(problems);
  const { variables } = fields;
  const names = variables.map(({ name }) => name.trim());
  const byName = new Map(variables.map((each) => [each.name.trim(), each]));
  if (variables.length === 0) note('variables', 'Add a variable: what fills the prompt, such as a name.');
  for (const variable of variables) {
    note(variableField(variable.id, 'name'), nameProblem(variable, names));
    if (variable.kind === 'values') {
      note(variableField(variable.id, 'values'), valuesProblem(variable));
      continue;
    }
    note(variableField(variable.id, 'parents'), parentsProblem(variable, byName));
    if (variable.kind === 'table') note(variableField(variable.id, 'table'), tableProblem(variable));
  }
  const isSound = (variable: VariableField) =>
    (['name', 'values', 'parents', 'table'] as const).every(
      (part) => !problems.has(variableField(variable.id, part)),
    );
  for (const variable of variables) {
    if (variable.kind === 'values' || !isSound(variable)) continue;
    const known = withAncestors(variable, byName);
    if (known === null || !known.every(isSound)) continue;
    const message = refusal(() => modelOf(fields, known));
    if (message !== null) note(variableField(variable.id, partOf(message)), plainSentence(message));
  }
  if (fields.prompt.trim() === '') note('prompt', 'Write the prompt, with variables in {braces}.');
  if (fields.label.trim() === '') note('label', 'Write what follows the prompt, such as: {pronoun}.');
  const interchange = namesOf(fields.interchange);
  if (interchange.length === 0) note('interchange', 'Name the variable whose value comes from the source.');
  for (const [field, given] of [
    ['interchange', interchange],
    ['balanced', namesOf(fields.balanced)],
    ['distinct', namesOf(fields.distinct)],
  ] as const) {
    const foreign = given.find((name) => !byName.has(name));
    if (foreign !== undefined) note(field, `${quoted(foreign)} is not declared.`);
    const twice = repeated(given);
    if (twice !== undefined) note(field, `${quoted(twice)} is named twice.`);
  }
  if (namesOf(fields.distinct).length === 1) note('distinct', 'Name at least two variables, or none.');
  note('count', wholeProblem(fields.count, 1, causalLimits.examples));
  note('dataSeed', wholeProblem(fields.seed, 0, 2 ** 32 - 1));
  return { problems, sample: variables.every(isSound) && variables.length > 0 ? filled(fields, note) : '' };
}

/** Judges the texts that variables fill. @returns the prompt with the first value of each */
function filled(fields: DeclaredFields, note: (field: string, problem: string | null) => void): string {
  let sample = '';
  const message = refusal(() => {
    const { declared, model } = modelOf(fields, fields.variables);
    const setting = runForward(model);
    const filledText = (text: string, where: string) => fill(text, setting, declared, where).text;
    for (const variable of fields.variables)
      if (variable.kind === 'values') {
        const wrong = linesOf(variable.values)
          .map((line) => refusal(() => filledText(line, 'prompt')))
          .find((each) => each !== null);
        note(variableField(variable.id, 'values'), wrong === undefined ? null : plainSentence(wrong));
      }
    const ofLabel = refusal(() => filledText(fields.label, 'label'));
    note('label', ofLabel === null ? null : plainSentence(ofLabel));
    sample = filledText(fields.prompt, 'prompt');
  });
  note('prompt', message === null ? null : plainSentence(message));
  return sample;
}
