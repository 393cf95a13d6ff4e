// Curves in the page: laid out for the width there is, one image with a name and its numbers in words.

import { select } from 'd3';
import { useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { layoutLines } from '../../figures/lines.ts';
import type { LinesDescription } from '../../figures/linesDescription.ts';
import { drawMarks } from '../../figures/screenGrid.ts';
import { fontStacks } from '../../figures/theme.ts';
import { useShownTheme } from '../frame/useShownTheme.ts';

export function LinesFigure({ description }: { readonly description: LinesDescription }) {
  const theme = useShownTheme();
  const id = useId();
  const host = useRef<HTMLDivElement>(null);
  const group = useRef<SVGGElement>(null);
  const [width, setWidth] = useState(0);
  const figure = useMemo(
    () =>
      width === 0 ? null : layoutLines(description, { width, theme, showsTitle: false, showsCaption: false }),
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
          <g ref={group} />
        </svg>
      )}
    </div>
  );
}
