// A causal model as the editor holds it: variables with their text as it is typed, and what is wrong with each field.

import type { CausalData, CausalDataFile } from '../../experiments/align/causalSchema.ts';
import { nextId } from '../experiment/nextId.ts';

export const functionKinds = ['copy', 'equal', 'different', 'and', 'or', 'not', 'choose'] as const;
export type VariableKind = 'values' | 'table' | (typeof functionKinds)[number];

export interface VariableField {
  /** Stays with a variable while others come and go. */
  readonly id: number;
  readonly name: string;
  readonly kind: VariableKind;
  /** One a line. */
  readonly values: string;
  /** Names, separated by commas. */
  readonly parents: string;
  /** Lines such as `Adam = male`; the values of several parents are joined by a comma and a space. */
  readonly table: string;
}

export interface DeclaredFields {
  readonly variables: readonly VariableField[];
  readonly prompt: string;
  /** What the decoder has written so far, where the prompt is its source; empty for nothing. */
  readonly target: string;
  readonly label: string;
  /** Names, separated by commas. */
  readonly interchange: string;
  readonly count: string;
  /** Empty for none. */
  readonly balanced: string;
  readonly distinct: string;
  readonly onlyChanged: boolean;
  readonly seed: string;
}

const emptyVariable = { name: '', kind: 'values', values: '', parents: '', table: '' } as const;

export const emptyDeclared: DeclaredFields = {
  variables: [{ id: 1, ...emptyVariable }],
  prompt: '',
  target: '',
  label: '',
  interchange: '',
  count: '200',
  balanced: '',
  distinct: '',
  onlyChanged: false,
  seed: '0',
};

/** @returns the fields with one more variable, and its id */
export function withVariable(fields: DeclaredFields): readonly [DeclaredFields, number] {
  const id = nextId(fields.variables);
  const kind = fields.variables.length === 0 ? 'values' : 'table';
  return [{ ...fields, variables: [...fields.variables, { ...emptyVariable, id, kind }] }, id];
}

export const withoutVariable = (fields: DeclaredFields, id: number): DeclaredFields => ({
  ...fields,
  variables: fields.variables.filter((each) => each.id !== id),
});

export const changedVariable = (
  fields: DeclaredFields,
  id: number,
  change: Partial<VariableField>,
): DeclaredFields => ({
  ...fields,
  variables: fields.variables.map((each) => (each.id === id ? { ...each, ...change, id } : each)),
});

export const linesOf = (text: string): readonly string[] =>
  text.split(/\r?\n/).filter((line) => line.trim() !== '');

export const namesOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

/** Between what the parents are and what follows. */
const follows = ' = ';

/** A line of a table; null for one without the sign. */
export function tableLine(line: string): readonly [key: string, value: string] | null {
  const at = line.lastIndexOf('=');
  return at < 0 ? null : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}

export const tableText = (table: Readonly<Record<string, string>>): string =>
  Object.entries(table)
    .map(([key, value]) => `${key}${follows}${value}`)
    .join('\n');

export function declaredFieldsOf(data: CausalData): DeclaredFields {
  const { causalModel, prompt, target = '', label, interchange, count, balanced = '', distinct = [] } = data;
  return {
    variables: Object.entries(causalModel).map(([name, given], at): VariableField => {
      const own = { ...emptyVariable, id: at + 1, name };
      if ('values' in given) return { ...own, kind: 'values', values: given.values.join('\n') };
      const parents = given.parents.join(', ');
      return 'table' in given
        ? { ...own, kind: 'table', parents, table: tableText(given.table) }
        : { ...own, kind: given.function, parents };
    }),
    prompt,
    target,
    label,
    interchange: typeof interchange === 'string' ? interchange : interchange.join(', '),
    count: String(count),
    balanced,
    distinct: distinct.join(', '),
    onlyChanged: data.only === 'changed',
    seed: String(data.seed),
  };
}

/** What a file would hold; what is wrong with it is not looked at. */
export function declaredFile({ variables, ...fields }: DeclaredFields): CausalDataFile {
  const interchange = namesOf(fields.interchange);
  const [only = '', ...more] = interchange;
  const distinct = namesOf(fields.distinct);
  return {
    causalModel: Object.fromEntries(
      variables.map(({ name, kind, values, parents, table }) => {
        if (kind === 'values') return [name.trim(), { values: linesOf(values) }];
        if (kind !== 'table') return [name.trim(), { parents: namesOf(parents), function: kind }];
        const lines = linesOf(table).flatMap((line) => {
          const entry = tableLine(line);
          return entry === null ? [] : [entry];
        });
        return [name.trim(), { parents: namesOf(parents), table: Object.fromEntries(lines) }];
      }),
    ),
    prompt: fields.prompt,
    ...(fields.target === '' ? {} : { target: fields.target }),
    label: fields.label,
    interchange: more.length === 0 ? only : interchange,
    count: Number(fields.count),
    ...(fields.balanced === '' ? {} : { balanced: fields.balanced }),
    ...(distinct.length === 0 ? {} : { distinct }),
    ...(fields.onlyChanged ? { only: 'changed' as const } : {}),
    seed: Number(fields.seed),
  };
}
