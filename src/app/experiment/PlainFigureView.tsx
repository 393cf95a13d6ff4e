// A figure that is looked at as a whole: laid out for the width there is, one image with a name and its content in words.

import { select } from 'd3';
import { useId, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { FigurePicture } from '../../figures/marks.ts';
import { type PlainFigure, windowOnto } from '../../figures/plainFigure.ts';
import { drawMarks } from '../../figures/screenGrid.ts';
import { fontStacks, type Theme } from '../../figures/theme.ts';
import { useShownTheme } from '../frame/useShownTheme.ts';

/** What the page gives a layout: title and caption stand beside the figure. */
export interface PageLayout {
  readonly width: number;
  readonly theme: Theme['name'];
  readonly showsTitle: false;
  readonly showsCaption: false;
}

interface PlainFigureViewProps<Description> {
  readonly description: Description;
  /** The same from one rendering to the next. */
  readonly layout: (description: Description, options: PageLayout) => PlainFigure;
}

/** As the figure's file has it. */
function PictureDefinition({ id, href, part }: FigurePicture & { readonly id: string }) {
  const size = { width: 1, height: 1, preserveAspectRatio: 'none' };
  if (!part) return <image id={id} {...size} href={href} />;
  return (
    <svg id={id} {...size} viewBox={windowOnto(part)} overflow="hidden" aria-hidden="true">
      <image {...size} href={href} />
    </svg>
  );
}

export function PlainFigureView<Description>({ description, layout }: PlainFigureViewProps<Description>) {
  const theme = useShownTheme();
  const id = useId();
  const host = useRef<HTMLDivElement>(null);
  const group = useRef<SVGGElement>(null);
  const [width, setWidth] = useState(0);
  const figure = useMemo(
    () =>
      width === 0 ? null : layout(description, { width, theme, showsTitle: false, showsCaption: false }),
    [description, layout, width, theme],
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
  const images = Object.entries(figure?.images ?? {});
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
          {images.length > 0 && (
            <defs>
              {images.map(([name, picture]) => (
                <PictureDefinition key={name} id={`${id}-${name}`} {...picture} />
              ))}
            </defs>
          )}
          <g ref={group} />
        </svg>
      )}
    </div>
  );
}
