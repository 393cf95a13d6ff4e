// What can be done to a document beside typing into a field: vectors and edits come and go, a prompt or a site is changed.

import { nextId } from '../experiment/nextId.ts';
import {
  blankEdit,
  type EditField,
  type PromptField,
  type SteerDocument,
  type VectorField,
} from './document.ts';
import { freeName, nameOfEdit } from './names.ts';

/**
 * The document with one more vector, and an edit that puts it somewhere: a vector that nothing applies does nothing.
 * @param layer where it is applied first; null for a component that exists once
 */
export function withVector(
  document: SteerDocument,
  vector: Omit<VectorField, 'id'>,
  layer: number | null,
): SteerDocument {
  // Its edit is called by the vector's name.
  const name = freeName(vector.name, [
    ...document.vectors.map((each) => each.name),
    ...document.edits.map(nameOfEdit),
  ]);
  return {
    ...document,
    vectors: [...document.vectors, { ...vector, name, id: nextId(document.vectors) }],
    edits: [
      ...document.edits,
      { ...blankEdit, id: nextId(document.edits), vector: name, layers: layer === null ? '' : String(layer) },
    ],
  };
}

/** A vector takes its edits with it. */
export function withoutVector(document: SteerDocument, id: number): SteerDocument {
  const gone = document.vectors.find((each) => each.id === id);
  return {
    ...document,
    vectors: document.vectors.filter((each) => each.id !== id),
    edits: document.edits.filter(({ vector }) => vector !== gone?.name),
  };
}

/** All of a vector but its name, which `renamedVector` changes with those of its edits. */
export const changedVector = (
  document: SteerDocument,
  id: number,
  change: Partial<Omit<VectorField, 'id' | 'name'>>,
): SteerDocument => ({
  ...document,
  vectors: document.vectors.map((each) => (each.id === id ? { ...each, ...change } : each)),
});

export function withEdit(document: SteerDocument, vector: string, layers: string): SteerDocument {
  const name = freeName(vector, [
    ...document.edits.map(nameOfEdit),
    ...document.vectors.map((each) => each.name).filter((other) => other !== vector),
  ]);
  const own = name === vector ? '' : name;
  return {
    ...document,
    edits: [...document.edits, { ...blankEdit, id: nextId(document.edits), vector, layers, name: own }],
  };
}

export function changedEdit(document: SteerDocument, id: number, change: Partial<EditField>): SteerDocument {
  return {
    ...document,
    edits: document.edits.map((each) => (each.id === id ? { ...each, ...change } : each)),
  };
}

export const withoutEdit = (document: SteerDocument, id: number): SteerDocument => ({
  ...document,
  edits: document.edits.filter((each) => each.id !== id),
});

export function changedPrompt(
  document: SteerDocument,
  index: number,
  change: Partial<PromptField>,
): SteerDocument {
  return {
    ...document,
    prompts: document.prompts.map((each, place) => (place === index ? { ...each, ...change } : each)),
  };
}

/** Where a site is chosen on the map: of the edits of a vector all, or a new one where it has none. */
export function atSite(
  document: SteerDocument,
  vector: string,
  site: { readonly layer: number; readonly head: number | null },
): SteerDocument {
  // The map may be of an earlier document.
  if (!document.vectors.some(({ name }) => name === vector)) return document;
  const own = document.edits.filter((edit) => edit.vector === vector);
  const change = { layers: String(site.layer), heads: site.head === null ? '' : String(site.head), top: '' };
  const [first] = own;
  if (first) return changedEdit(document, first.id, change);
  const added = withEdit(document, vector, change.layers);
  const last = added.edits.at(-1);
  return last ? changedEdit(added, last.id, change) : added;
}
