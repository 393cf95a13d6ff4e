// A dialog of the page: title, close button, and the focus back where it was. The page store says which one is open,
// so that a header button, a key and a dropped file can all open it.

import { Dialog } from 'radix-ui';
import { type ReactNode, useRef } from 'react';
import { usePage } from '../workbenchContext.tsx';
import type { OpenDialog } from './pageStore.ts';

interface PageDialogProps {
  readonly name: Exclude<OpenDialog, null>;
  readonly title: string;
  readonly children: ReactNode;
}

export function PageDialog({ name, title, children }: PageDialogProps) {
  const isOpen = usePage((state) => state.dialog === name);
  const open = usePage((state) => state.open);
  // Radix gives the focus back to a trigger inside the dialog's root; these dialogs have none.
  const opener = useRef<Element | null>(null);
  return (
    <Dialog.Root open={isOpen} onOpenChange={(next) => open(next ? name : null)}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content
          className="dialog"
          aria-describedby={undefined}
          onOpenAutoFocus={() => {
            opener.current = document.activeElement;
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            // Called after the dialog has gone: a key pressed since may have taken the focus elsewhere, and keeps it.
            const { activeElement, body } = document;
            if (activeElement !== null && activeElement !== body) return;
            // A cell of a figure is an element of SVG.
            const { current } = opener;
            if (current instanceof HTMLElement || current instanceof SVGElement) current.focus();
          }}
        >
          <div className="dialog-head">
            <Dialog.Title>{title}</Dialog.Title>
            <Dialog.Close className="button">Close</Dialog.Close>
          </div>
          {children}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
