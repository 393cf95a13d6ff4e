import { expect, test } from 'vitest';
import { atSite, withEdit, withoutVector, withVector } from './changes.ts';
import { blankOrigin, blankSteering, type SteerDocument } from './document.ts';
import {
  editNameProblem,
  nameOfEdit,
  renamedEdit,
  renamedVector,
  vectorNameProblem,
  withVectorOfEdit,
} from './names.ts';

const vector = (name: string) => ({
  name,
  component: 'block_output',
  layers: '',
  heads: '',
  normalize: false,
  origin: blankOrigin,
});
const two = withVector(withVector(blankSteering, vector('a'), 1), vector('ab'), 2);

const namesOf = ({ vectors, edits }: SteerDocument) => ({
  vectors: vectors.map(({ name }) => name),
  edits: edits.map((edit) => [nameOfEdit(edit), edit.vector]),
});

test('a vector takes its edits along to a new name, and never those of another', () => {
  // As if typed: 'a' is another's name for a moment.
  expect(renamedVector(two, 2, 'a')).toBe(two);
  expect(vectorNameProblem(two, 2, 'a')).toContain('Another vector is called “a”');
  expect(vectorNameProblem(two, 2, ' ')).toContain('Give the vector a name');
  const renamed = renamedVector(two, 2, 'c');
  expect(namesOf(renamed)).toEqual({
    vectors: ['a', 'c'],
    edits: [
      ['a', 'a'],
      ['c', 'c'],
    ],
  });
});

test('a name that an edit has is free for no vector whose edit would be called so too', () => {
  const named = renamedEdit(withEdit(two, 'a', '3'), 3, 'strong');
  expect(vectorNameProblem(named, 2, 'strong')).toContain('An edit is called “strong”');
  expect(renamedVector(named, 2, 'strong')).toBe(named);
  // Nothing goes by the name of a vector that is not applied, or only under names of their own.
  expect(
    vectorNameProblem({ ...named, edits: named.edits.filter(({ id }) => id !== 2) }, 2, 'strong'),
  ).toBeNull();
});

test('what is added gets a name that is free among vectors and edits', () => {
  const named = renamedEdit(two, 1, 'v');
  expect(namesOf(withVector(named, vector('v'), 0)).vectors).toEqual(['a', 'ab', 'v 2']);
  const other = withVector(two, vector('a 2'), 0);
  const gone = { ...other, edits: other.edits.filter(({ vector: of }) => of !== 'a 2') };
  // `a 2` is a vector, and its edit, once it is applied, goes by its name.
  const added = withEdit(gone, 'a', '');
  expect(namesOf(added).edits.at(-1)).toEqual(['a 3', 'a']);
  expect(namesOf(atSite(added, 'a 2', { layer: 1, head: null })).edits.at(-1)).toEqual(['a 2', 'a 2']);
});

test('an edit has a name of its own, or by default its vector’s', () => {
  expect(editNameProblem(two, 1, 'ab')).toContain('Another edit is called “ab”');
  expect(renamedEdit(two, 1, 'ab')).toBe(two);
  const named = renamedEdit(two, 1, 'x');
  expect(named.edits[0]).toMatchObject({ name: 'x', vector: 'a' });
  expect(renamedEdit(named, 1, 'a').edits[0]).toMatchObject({ name: '', vector: 'a' });
});

test('an edit that changes its vector does not take over the name of another edit', () => {
  expect(namesOf(withVectorOfEdit(two, 1, 'ab')).edits).toEqual([
    ['ab 2', 'ab'],
    ['ab', 'ab'],
  ]);
  expect(namesOf(withVectorOfEdit(renamedEdit(two, 1, 'x'), 1, 'ab')).edits[0]).toEqual(['x', 'ab']);
});

test('a sweep follows the edit that it moves by its name', () => {
  const swept = { ...two, sweep: { ...two.sweep, others: { edit: 'ab' } } };
  expect(renamedVector(swept, 2, 'c').sweep.others.edit).toBe('c');
  expect(renamedVector(swept, 1, 'c').sweep.others.edit).toBe('ab');
  expect(renamedEdit(swept, 2, 'd').sweep.others.edit).toBe('d');
});

test('a vector that is taken away takes its own edits and no others', () => {
  expect(namesOf(withoutVector(two, 1)).edits).toEqual([['ab', 'ab']]);
});
