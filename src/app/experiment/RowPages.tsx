// Through a long list of rows: to the earlier and the later ones, and to one that is wrong and may be out of view.

import type { RefObject } from 'react';
import { formatCount } from '../quantities.ts';
import { rowsInView } from './pageOfRows.ts';

interface RowPagesProps {
  /** Of the rows: `Rows of examples`. */
  readonly label: string;
  readonly count: number;
  /** The first in view. */
  readonly from: number;
  /** Rows that are shown at once. */
  readonly size?: number;
  readonly onFrom: (from: number) => void;
}

export function RowPages({ label, count, from, size = rowsInView, onFrom }: RowPagesProps) {
  if (count <= size) return null;
  const last = Math.min(count, from + size);
  const isFirst = from === 0;
  const isLast = last === count;
  return (
    <nav className="row-pages" aria-label={label}>
      <button
        type="button"
        className="button"
        aria-disabled={isFirst}
        onClick={() => {
          if (!isFirst) onFrom(Math.max(0, from - size));
        }}
      >
        Earlier
      </button>
      <span className="small">
        {formatCount(from + 1)} to {formatCount(last)} of {formatCount(count)}
      </span>
      <button
        type="button"
        className="button"
        aria-disabled={isLast}
        onClick={() => {
          if (!isLast) onFrom(from + size);
        }}
      >
        Later
      </button>
    </nav>
  );
}

/** Focuses an element of the rows once they are drawn anew: what had the focus may have gone with the others. */
export function focusInRows(rows: RefObject<HTMLElement | null>, selector: string): void {
  requestAnimationFrame(() => rows.current?.querySelector<HTMLElement>(selector)?.focus());
}

interface GoToRowProps {
  /** As a sentence goes on: `example 12`. */
  readonly name: string;
  readonly rows: RefObject<HTMLElement | null>;
  /** Brings it into view. */
  readonly onGo: () => void;
}

/** A row that is wrong may be out of view. */
export function GoToRow({ name, rows, onGo }: GoToRowProps) {
  return (
    <button
      type="button"
      className="button-plain"
      onClick={() => {
        onGo();
        focusInRows(rows, '[aria-invalid="true"]');
      }}
    >
      Go to {name}, which cannot be used
    </button>
  );
}
