// How the rack lies on the screen: closer or farther by the wheel, and steady while layers unfold under a hand.

import { type RefObject, useEffect, useLayoutEffect, useRef } from 'react';
import type { SocketAddress } from '../../figures/rack/rackDescription.ts';
import { columnMiddle, type RackLayout, socketPoint } from '../../figures/rack/rackLayout.ts';

/** What a wheel must turn for one step: a notch of a mouse, or a pinch of some millimetres. */
const wheelStep = 60;

/** Ctrl and the wheel, which is also what a pinch on a touchpad is. */
export function useWheelZoom(frame: RefObject<HTMLElement | null>, zoom: (step: 1 | -1) => void): void {
  useEffect(() => {
    const own = frame.current;
    if (own === null) return;
    let turned = 0;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      // Else the browser zooms the page.
      event.preventDefault();
      turned += event.deltaY;
      if (Math.abs(turned) < wheelStep) return;
      zoom(turned < 0 ? 1 : -1);
      turned = 0;
    };
    own.addEventListener('wheel', onWheel, { passive: false });
    return () => own.removeEventListener('wheel', onWheel);
  }, [frame, zoom]);
}

/**
 * A cable in the hand unfolds the sources, and the rest moves down: the page scrolls along, so that what the hand began at
 * stays under it; and back again, so that the base stays where it is.
 */
export function useSteadyRack(
  layout: RackLayout,
  isCarrying: boolean,
  start: SocketAddress | undefined,
): void {
  const before = useRef({ layout, isCarrying });
  useLayoutEffect(() => {
    const was = before.current;
    before.current = { layout, isCarrying };
    if (was.layout === layout || was.isCarrying === isCarrying) return;
    const bottom = ({ parts }: RackLayout) => parts.at(-1)?.bottom;
    const yIn = (own: RackLayout) => (isCarrying && start ? socketPoint(own, start)?.y : bottom(own));
    const [from, to] = [yIn(was.layout), yIn(layout)];
    if (from !== undefined && to !== undefined && from !== to)
      window.scrollBy({ top: to - from, behavior: 'instant' });
  }, [layout, isCarrying, start]);
}

/** Where a rack is wider than the page, what differs between the prompts is what a person comes for. */
export function useFirstDifference(
  scroll: RefObject<HTMLElement | null>,
  layout: RackLayout,
  width: number,
): void {
  const base = layout.parts.at(-1)?.part;
  const first = base?.columns.findIndex(({ isDifferent }) => isDifferent) ?? -1;
  const count = base?.columns.length ?? 0;
  const latest = useRef(layout);
  latest.current = layout;
  // Of the prompts and the page alone: no change of zoom, and no cable, takes a rack away under the hand.
  useLayoutEffect(() => {
    const frame = scroll.current;
    const { gutter, contentWidth } = latest.current;
    if (frame === null || first < 0 || count === 0 || gutter + contentWidth <= width) return;
    frame.scrollLeft = columnMiddle(latest.current, first) - (width - gutter) / 2;
  }, [scroll, first, count, width]);
}
