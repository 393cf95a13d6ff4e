// A button from which something opens. The library that places it comes with the first opening, so that the first visit
// stays light; until then the button stands alone.

import { cloneElement, lazy, Suspense, useState } from 'react';
import type { PopupProps } from './PopupPanel.tsx';

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
