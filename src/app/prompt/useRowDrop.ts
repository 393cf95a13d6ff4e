// Pictures or sounds that are dropped on a row of a list, several at once perhaps.

import { type DragEvent, useState } from 'react';
import type { GivenFile } from '../../experiments/givenFile.ts';
import { messageOf } from '../../messages/wording.ts';
import { type ChosenKind, chosenFile, isChosenKind } from './chosenFile.ts';

interface RowDrop {
  /** Why they were not taken. */
  readonly refused: string | null;
  readonly take: (files: readonly File[]) => Promise<void>;
  readonly onDragOver: (event: DragEvent) => void;
  readonly onDrop: (event: DragEvent) => void;
}

/** @param kind what the model reads; null where it reads neither, and files are the page's */
export function useRowDrop(kind: ChosenKind | null, onGive: (files: readonly GivenFile[]) => void): RowDrop {
  const [refused, setRefused] = useState<string | null>(null);
  const take = async (files: readonly File[]) => {
    try {
      onGive(await Promise.all(files.map(chosenFile)));
      setRefused(null);
    } catch (cause) {
      setRefused(messageOf(cause));
    }
  };
  return {
    refused,
    take,
    onDragOver: (event) => {
      if (kind !== null) event.preventDefault();
    },
    onDrop: (event) => {
      const files = [...event.dataTransfer.files];
      // Models and experiments that are dropped here are the page's.
      if (kind === null || files.length === 0 || !files.every((file) => isChosenKind(kind, file))) return;
      event.preventDefault();
      event.stopPropagation();
      void take(files);
    },
  };
}

/** What files of a model are; null where it reads a text. */
export const fileKind = (reads: { readonly kind: 'text' | ChosenKind } | null): ChosenKind | null =>
  reads === null || reads.kind === 'text' ? null : reads.kind;
