// Pictures or sounds that are dropped on a row of a list, several at once perhaps.

import type { DragEvent } from 'react';
import type { GivenFile } from '../../experiments/givenFile.ts';
import { messageOf } from '../../messages/wording.ts';
import { type ChosenKind, chosenFile, droppedOf } from './chosenFile.ts';
import { useRefusal } from './useRefusal.ts';

interface RowDrop {
  /** Why they were not taken. */
  readonly refused: string | null;
  readonly onDragOver: (event: DragEvent) => void;
  readonly onDrop: (event: DragEvent) => void;
}

/**
 * @param row of the document, which is another when it has changed
 * @param kind what the model reads; null where it reads neither, and files are the page's
 */
export function useRowDrop(
  row: object,
  kind: ChosenKind | null,
  onGive: (files: readonly GivenFile[]) => void,
): RowDrop {
  const [refused, setRefused] = useRefusal(row);
  const take = async (of: ChosenKind, files: readonly File[]) => {
    try {
      onGive(await Promise.all(files.map((file) => chosenFile(of, file))));
      setRefused(null);
    } catch (cause) {
      setRefused(messageOf(cause));
    }
  };
  return {
    refused,
    onDragOver: (event) => {
      if (kind !== null) event.preventDefault();
    },
    onDrop: (event) => {
      if (kind === null) return;
      const files = droppedOf(kind, event.dataTransfer);
      if (files === null) return;
      event.preventDefault();
      event.stopPropagation();
      void take(kind, files);
    },
  };
}

/** What files of a model are; null where it reads a text. */
export const fileKind = (reads: { readonly kind: 'text' | ChosenKind } | null): ChosenKind | null =>
  reads === null || reads.kind === 'text' ? null : reads.kind;
