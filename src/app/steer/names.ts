// Names of vectors and edits: which are free, and what follows from a new one. An edit without a name of its own has its
// vector's, a sweep names the edit that it moves, and no two of a kind may be called the same.

import type { EditField, SteerDocument } from './document.ts';

/** A name that no other has: `vector`, `vector 2`. */
export function freeName(wanted: string, taken: readonly string[]): string {
  if (!taken.includes(wanted)) return wanted;
  for (let number = 2; ; number++) {
    const name = `${wanted} ${number}`;
    if (!taken.includes(name)) return name;
  }
}

/** What an edit is called where it has no name of its own. */
export const nameOfEdit = ({ name, vector }: Pick<EditField, 'name' | 'vector'>): string =>
  name === '' ? vector : name;

/** Why a vector cannot have a name; null where it can. */
export function vectorNameProblem(
  { vectors, edits }: SteerDocument,
  id: number,
  name: string,
): string | null {
  if (name.trim() === '') return 'Give the vector a name.';
  const own = vectors.find((each) => each.id === id);
  if (vectors.some((each) => each.id !== id && each.name === name))
    return `Another vector is called “${name}”. Give this one a name of its own.`;
  // An edit that goes by the vector's name would be called so too.
  const isApplied = edits.some((edit) => edit.name === '' && edit.vector === own?.name);
  return isApplied && edits.some((edit) => edit.name === name)
    ? `An edit is called “${name}”, and the edit of this vector would be too. Take another name.`
    : null;
}

/** Why an edit cannot have a name; null where it can. */
export function editNameProblem({ edits }: SteerDocument, id: number, name: string): string | null {
  if (name.trim() === '') return 'Give the edit a name.';
  return edits.some((edit) => edit.id !== id && nameOfEdit(edit) === name)
    ? `Another edit is called “${name}”. Give this one a name of its own.`
    : null;
}

/** The sweep goes on naming the edit that it moves, and no other that takes over the name. */
function followed(before: SteerDocument, after: SteerDocument): SteerDocument {
  const { edit: named } = before.sweep.others;
  const swept = before.edits.find((edit) => nameOfEdit(edit) === named);
  const now = after.edits.find(({ id }) => id === swept?.id);
  if (named === undefined || now === undefined || nameOfEdit(now) === named) return after;
  return { ...after, sweep: { ...after.sweep, others: { ...after.sweep.others, edit: nameOfEdit(now) } } };
}

/** A vector by another name, which its edits follow. The same document where the name is not free. */
export function renamedVector(document: SteerDocument, id: number, name: string): SteerDocument {
  const before = document.vectors.find((each) => each.id === id);
  if (!before || before.name === name || vectorNameProblem(document, id, name) !== null) return document;
  return followed(document, {
    ...document,
    vectors: document.vectors.map((each) => (each.id === id ? { ...each, name } : each)),
    edits: document.edits.map((edit) => (edit.vector === before.name ? { ...edit, vector: name } : edit)),
  });
}

/** An edit by another name. The same document where the name is not free. */
export function renamedEdit(document: SteerDocument, id: number, name: string): SteerDocument {
  if (editNameProblem(document, id, name) !== null) return document;
  return followed(document, {
    ...document,
    edits: document.edits.map((edit) =>
      edit.id === id ? { ...edit, name: name === edit.vector ? '' : name } : edit,
    ),
  });
}

/** Another vector for an edit, which gets a name of its own where it would have that of another. */
export function withVectorOfEdit(document: SteerDocument, id: number, vector: string): SteerDocument {
  const names = document.edits.filter((edit) => edit.id !== id).map(nameOfEdit);
  return followed(document, {
    ...document,
    edits: document.edits.map((edit) => {
      if (edit.id !== id) return edit;
      const name = freeName(edit.name === '' ? vector : edit.name, names);
      return { ...edit, vector, name: name === vector ? '' : name };
    }),
  });
}
