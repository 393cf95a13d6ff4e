// A button for what cannot be undone: it asks first, in a dialog that says what is lost.

import { AlertDialog } from 'radix-ui';
import { type ReactNode, useRef } from 'react';

interface ConfirmButtonProps {
  /** What the button says, and the button that confirms. */
  readonly label: string;
  /** What the button is about, where its words alone do not tell. */
  readonly name?: string;
  readonly title: string;
  readonly children: ReactNode;
  readonly onConfirm: () => void;
  /** Takes the focus after a confirmation: the button goes with what it removes. */
  readonly focusAfter: () => HTMLElement | null;
}

export function ConfirmButton({ label, name, title, children, onConfirm, focusAfter }: ConfirmButtonProps) {
  const isConfirmed = useRef(false);
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger className="button-plain" aria-label={name}>
        {label}
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="overlay" />
        <AlertDialog.Content
          className="dialog confirm"
          onCloseAutoFocus={(event) => {
            if (!isConfirmed.current) return;
            isConfirmed.current = false;
            event.preventDefault();
            focusAfter()?.focus();
          }}
        >
          <AlertDialog.Title>{title}</AlertDialog.Title>
          <AlertDialog.Description>{children}</AlertDialog.Description>
          <div className="choice-line">
            <AlertDialog.Action
              className="button button-primary"
              onClick={() => {
                isConfirmed.current = true;
                onConfirm();
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
