// The library's popover around a button and what opens from it.

import { Popover } from 'radix-ui';
import type { ComponentProps, ReactElement, ReactNode } from 'react';

export interface PopupProps {
  readonly isOpen: boolean;
  readonly onOpenChange: (isOpen: boolean) => void;
  readonly trigger: ReactElement<ComponentProps<'button'>>;
  readonly className: string;
  /** What opens, for a screen reader. */
  readonly label: string;
  readonly align: 'start' | 'end';
  /** Pixels between the button and what opens. */
  readonly sideOffset: number;
  readonly children: ReactNode;
}

export default function PopupPanel(props: PopupProps) {
  const { isOpen, onOpenChange, trigger, className, label, align, sideOffset, children } = props;
  return (
    <Popover.Root open={isOpen} onOpenChange={onOpenChange}>
      <Popover.Trigger asChild>{trigger}</Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className={className}
          aria-label={label}
          align={align}
          sideOffset={sideOffset}
          collisionPadding={12}
        >
          {children}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
