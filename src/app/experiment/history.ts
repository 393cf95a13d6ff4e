// Undo and redo of a document: every change makes the next value, and the values before stay as they were. Typing is one
// step for as long as it goes on in one field without a pause, or undo would go back letter by letter.

export interface History<Document> {
  /** Oldest first. */
  readonly past: readonly Document[];
  readonly present: Document;
  /** What was undone; the next to come first. */
  readonly future: readonly Document[];
  /** What the last change was made to, while a further one may still join it. */
  readonly open: Change | null;
}

export interface Change {
  /** The field that is typed into; changes of the same join. */
  readonly field: string;
  /** Milliseconds of any clock that does not go back. */
  readonly at: number;
}

/** A longer pause begins a new step. */
const pauseMs = 1000;
/** Steps that are kept; a document is a few hundred bytes, and what did not change is shared. */
const mostSteps = 200;

export const begun = <Document>(present: Document): History<Document> => ({
  past: [],
  present,
  future: [],
  open: null,
});

/**
 * The history with one more change.
 * @param change what is being typed into; null for a change that is a step of its own
 */
export function changed<Document>(
  history: History<Document>,
  next: Document,
  change: Change | null = null,
): History<Document> {
  const { past, present, open } = history;
  if (next === present) return history;
  const joins =
    change !== null && open !== null && open.field === change.field && change.at - open.at <= pauseMs;
  if (joins) return { past, present: next, future: [], open: change };
  return { past: [...past, present].slice(-mostSteps), present: next, future: [], open: change };
}

/** One step back; the same history where there is none. */
export function undone<Document>(history: History<Document>): History<Document> {
  const { past, present, future } = history;
  if (past.length === 0) return history;
  // The check above leaves one: `at` cannot be undefined, whatever a document is.
  const before = past.at(-1) as Document;
  return { past: past.slice(0, -1), present: before, future: [present, ...future], open: null };
}

/** One step on again; the same history where nothing was undone. */
export function redone<Document>(history: History<Document>): History<Document> {
  const { past, present, future } = history;
  if (future.length === 0) return history;
  const next = future[0] as Document; // likewise
  return { past: [...past, present], present: next, future: future.slice(1), open: null };
}
