// The library's popover around a button and what opens from it.

import { Popover } from 'radix-ui';
import type { PopupProps } from './Popup.tsx';

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
