// A picture under the squares of its trace, once for each layer: one image with a name and its strongest squares in words.

import { select } from 'd3';
import { useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { layoutOverlay, type OverlayDescription } from '../../figures/overlay.ts';
import { drawMarks } from '../../figures/screenGrid.ts';
import { fontStacks } from '../../figures/theme.ts';
import { useShownTheme } from '../frame/useShownTheme.ts';

export function Overlay({ description }: { readonly description: OverlayDescription }) {
  const theme = useShownTheme();
  const id = useId();
  const host = useRef<HTMLDivElement>(null);
  const group = useRef<SVGGElement>(null);
  const [width, setWidth] = useState(0);
  const figure = useMemo(
    () =>
      width === 0
        ? null
        : layoutOverlay(description, { width, theme, showsTitle: false, showsCaption: false }),
    [description, width, theme],
  );
  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return;
    const measure = () => setWidth(Math.floor(element.clientWidth));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (group.current !== null && figure !== null)
      drawMarks(select<SVGGElement, unknown>(group.current), figure.marks, id);
  }, [figure, id]);
  return (
    <div ref={host} className="lines-figure">
      {figure !== null && (
        <svg
          role="img"
          aria-label={figure.title}
          aria-describedby={`${id}-words`}
          width={figure.width}
          height={figure.height}
          viewBox={`0 0 ${figure.width} ${figure.height}`}
          fontFamily={fontStacks.sans}
        >
          <desc id={`${id}-words`}>{figure.summary}</desc>
          <defs>
            {Object.entries(figure.images ?? {}).map(([name, href]) => (
              <image
                key={name}
                id={`${id}-${name}`}
                width={1}
                height={1}
                preserveAspectRatio="none"
                href={href}
              />
            ))}
          </defs>
          <g ref={group} />
        </svg>
      )}
    </div>
  );
}
