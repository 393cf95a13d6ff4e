// A button from which something opens. The library that places it comes with the first opening, so that the first visit
// stays light; until then the button stands alone.

import {
  type ComponentProps,
  cloneElement,
  lazy,
  type ReactElement,
  type ReactNode,
  Suspense,
  useState,
} from 'react';

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

const PopupPanel = lazy(() => import('./PopupPanel.tsx'));

export function Popup(props: PopupProps) {
  const { isOpen, onOpenChange, trigger } = props;
  const [wasOpened, setWasOpened] = useState(false);
  if (isOpen && !wasOpened) setWasOpened(true);
  const alone = cloneElement(trigger, {
    'aria-haspopup': 'dialog',
    'aria-expanded': false,
    onClick: () => onOpenChange(true),
  });
  if (!wasOpened) return alone;
  return (
    <Suspense fallback={alone}>
      <PopupPanel {...props} />
    </Suspense>
  );
}
