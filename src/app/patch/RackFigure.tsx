// The rack on the page: a canvas of sockets that shows what is in view, cables over it in elements of their own, and a grid
// with one tab stop that a screen reader walks. What follows a pointer is written to the elements at once; React draws
// what lasts.

import {
  type CSSProperties,
  type KeyboardEvent,
  type PointerEvent,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { Point } from '../../figures/cable.ts';
import { drawCables, hangingPath, type RackCable } from '../../figures/rack/rackCables.ts';
import type { RackDescription, SocketAddress } from '../../figures/rack/rackDescription.ts';
import {
  layoutRack,
  type RackKey,
  type RackLayout,
  socketAt,
  socketByKey,
  socketPoint,
} from '../../figures/rack/rackLayout.ts';
import { themes } from '../../figures/theme.ts';
import { useShownTheme } from '../frame/useShownTheme.ts';
import { CableShape } from './CableShape.tsx';
import { useRackPainting } from './useRackPainting.ts';
import { useFirstDifference, useSteadyRack, useWheelZoom } from './useRackView.ts';

export interface RackActions {
  readonly point: (address: SocketAddress | null) => void;
  /** A press that did not move. */
  readonly tap: (address: SocketAddress, isRange: boolean) => void;
  /** A press that moves: a cable is in the hand. */
  readonly start: (address: SocketAddress) => void;
  /** Let go over a socket, or beside all. */
  readonly end: (address: SocketAddress | null) => void;
  readonly focus: (address: SocketAddress) => void;
  /** A key that does not lead to another socket. @returns whether it was taken */
  readonly key: (event: RackKey & { readonly shiftKey: boolean }, address: SocketAddress) => boolean;
  readonly select: (cable: number) => void;
  readonly hover: (cable: number | null) => void;
  /** One step closer or farther. */
  readonly zoom: (step: 1 | -1) => void;
}

export interface RackFigureProps {
  readonly description: RackDescription;
  readonly cables: readonly RackCable[];
  readonly label: string;
  readonly zoom: number;
  readonly focus: SocketAddress | null;
  readonly picked: readonly SocketAddress[];
  /** Whether a cable hangs from what is picked. */
  readonly isCarrying: boolean;
  readonly selected: number | null;
  readonly hovered: number | null;
  readonly isReached: ((address: SocketAddress) => boolean) | null;
  readonly fits: ((address: SocketAddress) => boolean) | null;
  readonly wordsOf: (address: SocketAddress) => string;
  readonly actions: RackActions;
}

/** The width of an element as it changes. */
function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const own = element.current;
    if (own === null) return;
    const observer = new ResizeObserver(() => setWidth(own.clientWidth));
    observer.observe(own);
    setWidth(own.clientWidth);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** Pixels that a press may move and still be a tap. */
const tapReach = 4;

export function RackFigure(props: RackFigureProps) {
  const { description, cables, label, zoom, focus, picked, isCarrying, isReached, fits, wordsOf, actions } =
    props;
  const { selected, hovered } = props;
  const scroll = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<SVGSVGElement>(null);
  const loose = useRef<SVGPathElement>(null);
  const press = useRef<{ readonly address: SocketAddress; readonly at: Point; isDrag: boolean } | null>(null);
  const width = useWidth(scroll);
  const theme = themes[useShownTheme()];
  const layout = useMemo(() => layoutRack(description, width, zoom), [description, width, zoom]);
  const drawn = useMemo(() => drawCables(layout, cables), [layout, cables]);
  const view = useMemo(
    () => ({ width, theme, ...(isReached ? { isReached } : {}), ...(fits ? { fits } : {}) }),
    [width, theme, isReached, fits],
  );
  useRackPainting(canvas, layout, view, scroll, overlay);
  useWheelZoom(scroll, actions.zoom);
  useSteadyRack(layout, isCarrying, picked[0]);

  useFirstDifference(scroll, layout, width);

  const pointIn = ({ clientX, clientY }: { readonly clientX: number; readonly clientY: number }): Point => {
    const frame = scroll.current;
    const { left = 0, top = 0 } = frame?.getBoundingClientRect() ?? {};
    return { x: clientX - left - layout.gutter + (frame?.scrollLeft ?? 0), y: clientY - top };
  };
  const addressIn = (event: { readonly clientX: number; readonly clientY: number }): SocketAddress | null => {
    const { left = 0 } = scroll.current?.getBoundingClientRect() ?? {};
    if (event.clientX - left < layout.gutter) return null;
    return socketAt(layout, pointIn(event)) ?? null;
  };

  const from =
    picked.length > 0
      ? socketPoint(layout, picked[Math.floor((picked.length - 1) / 2)] ?? { run: '', layer: 0, column: 0 })
      : undefined;
  /** The cable that follows the pointer. */
  const hang = (to: Point | undefined) => {
    const start = press.current?.isDrag ? socketPoint(layout, press.current.address) : from;
    loose.current?.setAttribute('d', start && to ? hangingPath(start, to, layout.contentWidth) : '');
  };
  useEffect(() => {
    if (!isCarrying) loose.current?.setAttribute('d', '');
    else if (focus !== null) {
      const to = socketPoint(layout, focus);
      loose.current?.setAttribute('d', from && to ? hangingPath(from, to, layout.contentWidth) : '');
    }
  }, [isCarrying, focus, layout, from]);

  function onPointerDown(event: PointerEvent<HTMLDivElement>) {
    const address = event.button === 0 ? addressIn(event) : null;
    if (address === null || (event.target instanceof Element && event.target.closest('.cable'))) return;
    press.current = { address, at: { x: event.clientX, y: event.clientY }, isDrag: false };
  }
  function onPointerMove(event: PointerEvent<HTMLDivElement>) {
    const own = press.current;
    if (own && !own.isDrag && event.pointerType !== 'touch') {
      const reach = Math.hypot(event.clientX - own.at.x, event.clientY - own.at.y);
      if (reach > tapReach) {
        own.isDrag = true;
        scroll.current?.setPointerCapture(event.pointerId);
        actions.start(own.address);
      }
    }
    const address = addressIn(event);
    actions.point(address);
    if (own?.isDrag || isCarrying) hang((address && socketPoint(layout, address)) || pointIn(event));
  }
  function onPointerUp(event: PointerEvent<HTMLDivElement>) {
    const own = press.current;
    press.current = null;
    if (own === null) return;
    if (own.isDrag) {
      loose.current?.setAttribute('d', '');
      actions.end(addressIn(event));
    } else {
      scroll.current?.focus({ preventScroll: true });
      actions.tap(own.address, event.shiftKey);
    }
  }
  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    if (focus === null) return;
    const next = socketByKey(description, focus, event);
    if (next === undefined) {
      if (actions.key(event, focus)) event.preventDefault();
      return;
    }
    event.preventDefault();
    actions.focus(next);
    keepInView(scroll.current, layout, next);
  }

  const ring = focus && socketPoint(layout, focus);
  const base = description.parts.at(-1);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a table of thousands of cells is what the canvas is there to spare
    <div
      ref={scroll}
      className="rackfig"
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={description.parts.reduce((sum, { layers }) => sum + layers.length, 0)}
      aria-colcount={Math.max(...description.parts.map(({ columns }) => columns.length))}
      aria-activedescendant={focus ? 'rackfig-cell' : undefined}
      data-carrying={isCarrying}
      style={{ height: layout.height + 14 }}
      onFocus={() => {
        const layer = base?.layers.at(-1);
        if (focus === null && base && layer !== undefined)
          actions.focus({ run: base.run, layer, column: base.columns.length - 1 });
      }}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={() => {
        if (press.current?.isDrag) actions.end(null);
        press.current = null;
      }}
      onPointerLeave={() => actions.point(null)}
      onKeyDown={onKeyDown}
    >
      <div
        className="rackfig-content"
        style={
          {
            width: Math.max(width, layout.gutter + layout.contentWidth),
            height: layout.height,
            '--rack-height': `${layout.height}px`,
          } as CSSProperties // A property of the style sheet's own.
        }
      >
        <canvas ref={canvas} className="rackfig-canvas" style={{ width, height: layout.height }} />
        <div
          className="rackfig-over"
          style={{ left: layout.gutter, width: Math.max(0, width - layout.gutter), height: layout.height }}
        >
          <svg
            ref={overlay}
            width={layout.contentWidth}
            height={layout.height}
            aria-hidden="true"
            role="presentation"
          >
            {drawn.map((one) => (
              <CableShape
                key={one.cable.id}
                drawn={one}
                isMarked={one.cable.id === selected || one.cable.id === hovered}
                onSelect={() => actions.select(one.cable.id)}
                onHover={(isOver) => actions.hover(isOver ? one.cable.id : null)}
              />
            ))}
            {picked.map((address) => {
              const point = socketPoint(layout, address);
              return (
                point && (
                  <circle key={address.column} className="rackfig-picked" cx={point.x} cy={point.y} r={10} />
                )
              );
            })}
            {ring && (
              <rect className="rackfig-focus" x={ring.x - 13} y={ring.y - 11} width={26} height={22} rx={5} />
            )}
            <path ref={loose} className="cable-loose" />
          </svg>
        </div>
        {focus && (
          // biome-ignore lint/a11y/useSemanticElements: see above
          <div
            className="visually-hidden"
            role="row"
            aria-rowindex={rowIndex(description, focus)}
            tabIndex={-1}
          >
            {/* biome-ignore lint/a11y/useSemanticElements: see above */}
            <div
              id="rackfig-cell"
              role="gridcell"
              tabIndex={-1}
              aria-colindex={focus.column + 1}
              aria-selected={picked.some(({ column }) => column === focus.column)}
            >
              {wordsOf(focus)}
            </div>
          </div>
        )}
      </div>
    </div>
  );
}

/** Rows are counted from the top, over all racks. */
function rowIndex({ parts }: RackDescription, { run, layer }: SocketAddress): number {
  let above = 0;
  for (const part of parts) {
    const place = part.layers.indexOf(layer);
    if (part.run === run) return above + part.layers.length - place;
    above += part.layers.length;
  }
  return 1;
}

function keepInView(frame: HTMLElement | null, layout: RackLayout, { column }: SocketAddress): void {
  if (!frame) return;
  const [left, right] = [column * layout.columnWidth, (column + 1) * layout.columnWidth];
  const shown = frame.clientWidth - layout.gutter;
  if (left < frame.scrollLeft) frame.scrollLeft = left;
  else if (right > frame.scrollLeft + shown) frame.scrollLeft = right - shown;
}
