// The causal model: a row for each variable, with its values, or its parents and what follows from them.

import { useRef } from 'react';
import { Choice } from '../experiment/Choice.tsx';
import type { DeclaredFields } from './declaredFields.ts';
import {
  changedVariable,
  type VariableField,
  type VariableKind,
  withoutVariable,
  withVariable,
} from './declaredFields.ts';
import { missingLines, variableField } from './declaredProblems.ts';
import { Field } from './Fields.tsx';
import { useDocument, useEdit, useProblems } from './hooks.ts';

const kinds: readonly (readonly [VariableKind, string])[] = [
  ['values', 'has values'],
  ['table', 'has a table'],
  ['copy', 'copies its parent'],
  ['equal', 'says if two are equal'],
  ['different', 'says if two differ'],
  ['and', 'is true if all are'],
  ['or', 'is true if one is'],
  ['not', 'is the opposite'],
  ['choose', 'takes the one that the first names'],
];

export function useDeclaredEdit(): (
  change: (declared: DeclaredFields) => DeclaredFields,
  field?: string,
) => void {
  const edit = useEdit();
  return (change, field) => edit((document) => ({ ...document, declared: change(document.declared) }), field);
}

function Variable({ variable, isOnly }: { readonly variable: VariableField; readonly isOnly: boolean }) {
  const { declared } = useDocument();
  const edit = useDeclaredEdit();
  const { id, name, kind, values, parents, table } = variable;
  const set = (change: Partial<VariableField>, part: string) =>
    edit((before) => changedVariable(before, id, change), `variable ${id} ${part}`);
  const word = name.trim() === '' ? 'variable without a name' : name.trim();
  const missing = kind === 'table' ? missingLines(declared, id) : [];
  return (
    <li className="variable" aria-label={word}>
      <div className="variable-head">
        <Field
          label="Variable"
          hint="A word, to stand in {braces}"
          name={variableField(id, 'name')}
          value={name}
          onChange={(value) => set({ name: value }, 'name')}
        />
        <Choice
          label="It"
          value={kind}
          choices={kinds}
          onChange={(next) => edit((before) => changedVariable(before, id, { kind: next }))}
        />
        {!isOnly && (
          <button
            type="button"
            className="button"
            aria-label={`Remove ${word}`}
            onClick={() => edit((before) => withoutVariable(before, id))}
          >
            Remove
          </button>
        )}
      </div>
      {kind === 'values' ? (
        <Field
          label={`Values of ${word}`}
          hint="One a line; a value may hold other variables in braces"
          name={variableField(id, 'values')}
          rows={4}
          value={values}
          onChange={(value) => set({ values: value }, 'values')}
        />
      ) : (
        <>
          <Field
            label={`Parents of ${word}`}
            hint="Variables that it follows from, separated by commas"
            name={variableField(id, 'parents')}
            value={parents}
            onChange={(value) => set({ parents: value }, 'parents')}
          />
          {kind === 'table' && (
            <>
              <Field
                label={`Table of ${word}`}
                hint="A line for each value of the parents, such as: Adam = male"
                name={variableField(id, 'table')}
                rows={4}
                value={table}
                onChange={(value) => set({ table: value }, 'table')}
              />
              {missing.length > 0 && (
                <button
                  type="button"
                  className="button-plain variable-missing"
                  onClick={() => {
                    const lines = missing.map((key) => `${key} = `).join('\n');
                    set({ table: `${table.trimEnd()}${table.trim() === '' ? '' : '\n'}${lines}` }, 'table');
                  }}
                >
                  Add the {missing.length} missing {missing.length === 1 ? 'line' : 'lines'}
                </button>
              )}
            </>
          )}
        </>
      )}
    </li>
  );
}

export function VariablesEditor() {
  const { declared } = useDocument();
  const edit = useDeclaredEdit();
  const problem = useProblems().get('variables');
  const list = useRef<HTMLUListElement>(null);
  return (
    <>
      <ul className="variables" ref={list} aria-label="Variables of the causal model">
        {declared.variables.map((variable) => (
          <Variable key={variable.id} variable={variable} isOnly={declared.variables.length === 1} />
        ))}
      </ul>
      {problem !== undefined && <p className="field-problem">{problem}</p>}
      <button
        type="button"
        className="button"
        onClick={() => {
          edit((before) => withVariable(before)[0]);
          // The new one is there with the next frame, and typing goes on in it.
          requestAnimationFrame(() =>
            list.current?.querySelector<HTMLInputElement>('li:last-child input')?.focus(),
          );
        }}
      >
        Add a variable
      </button>
    </>
  );
}
