// Keeps the rack's canvas painted: when what it shows changes, and while it scrolls, once a frame.

import { type RefObject, useLayoutEffect } from 'react';
import type { RackLayout } from '../../figures/rack/rackLayout.ts';
import { paintRack, type RackView } from '../../figures/rack/rackPaint.ts';

/**
 * @param scroll  the element that scrolls
 * @param overlay drawn over the canvas, and moved with it
 */
export function useRackPainting(
  canvas: RefObject<HTMLCanvasElement | null>,
  layout: RackLayout,
  view: Omit<RackView, 'scrollLeft'>,
  scroll: RefObject<HTMLDivElement | null>,
  overlay: RefObject<SVGSVGElement | null>,
): void {
  useLayoutEffect(() => {
    const [own, frame] = [canvas.current, scroll.current];
    const context = own?.getContext('2d');
    if (own === null || frame === null || !context || view.width === 0) return;
    let asked = 0;
    const paint = () => {
      asked = 0;
      const ratio = window.devicePixelRatio || 1;
      const [width, height] = [Math.round(view.width * ratio), Math.round(layout.height * ratio)];
      if (own.width !== width || own.height !== height) {
        own.width = width;
        own.height = height;
      }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      paintRack(context, layout, { ...view, ratio, scrollLeft: frame.scrollLeft });
      overlay.current?.style.setProperty('transform', `translateX(${-frame.scrollLeft}px)`);
    };
    const soon = () => {
      if (asked === 0) asked = requestAnimationFrame(paint);
    };
    paint();
    frame.addEventListener('scroll', soon, { passive: true });
    return () => {
      frame.removeEventListener('scroll', soon);
      cancelAnimationFrame(asked);
    };
  }, [canvas, layout, view, scroll, overlay]);
}
