// A button for what cannot be undone: it asks first, in a dialog that says what is lost.

import { AlertDialog } from 'radix-ui';
import type { ReactNode } from 'react';

interface ConfirmButtonProps {
  /** What the button says, and the button that confirms. */
  readonly label: string;
  /** What the button is about, where its words alone do not tell. */
  readonly name?: string;
  readonly title: string;
  readonly children: ReactNode;
  readonly onConfirm: () => void;
  /** Takes the focus afterwards: the button may have gone with what it removed. */
  readonly focusAfter: () => HTMLElement | null;
}

export function ConfirmButton({ label, name, title, children, onConfirm, focusAfter }: ConfirmButtonProps) {
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger className="button-plain" aria-label={name}>
        {label}
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="overlay" />
        <AlertDialog.Content className="dialog confirm">
          <AlertDialog.Title>{title}</AlertDialog.Title>
          <AlertDialog.Description>{children}</AlertDialog.Description>
          <div className="choice-line">
            <AlertDialog.Action
              className="button button-primary"
              onClick={() => {
                onConfirm();
                // After the dialog has given the focus back, perhaps to nothing.
                setTimeout(() => focusAfter()?.focus());
              }}
            >
              {label}
            </AlertDialog.Action>
            <AlertDialog.Cancel className="button">Keep</AlertDialog.Cancel>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
