// Sockets as small pictures that are drawn once and copied: a rack has thousands of them and few different ones, and copying
// is many times quicker than filling circles.

import { colourAt } from '../colour.ts';
import type { Theme } from '../theme.ts';
import type { RackScale, SocketValue } from './rackDescription.ts';

/** The share of the scale at which a value lies, 0 to 1. */
export const placeOnScale = ({ start, end }: RackScale, value: number): number =>
  Math.min(1, Math.max(0, (value - start) / (end - start)));

/** Shades of a scale that are told apart: finer than a screen's own steps of one colour. */
const shades = 256;
/** Room about a socket for its edge, and for the ring of one that is lit. */
const margin = 3;
/** Two kinds in every shade, and those of another size or theme before they are let go. */
const mostSprites = 4 * shades;

type Circle = (r: number) => void;

function drawSocket(
  context: Pick<CanvasRenderingContext2D, 'lineWidth' | 'strokeStyle' | 'fillStyle' | 'stroke' | 'fill'>,
  circle: Circle,
  radius: number,
  look: { readonly colour: string; readonly isMeasured: boolean } | null,
  theme: Theme,
): void {
  if (look === null) {
    circle(radius * 0.62);
    context.lineWidth = 1;
    context.strokeStyle = theme.frame;
    context.stroke();
    return;
  }
  if (look.isMeasured) {
    circle(radius);
    context.fillStyle = look.colour;
    context.fill();
  } else {
    circle(radius * 0.74);
    context.lineWidth = radius * 0.52;
    context.strokeStyle = look.colour;
    context.stroke();
  }
  // Near the middle of the scale a colour is that of the page; the edge keeps the socket where it is.
  circle(radius);
  context.lineWidth = 0.75;
  context.strokeStyle = theme.quietLine;
  context.stroke();
}

const sprites = new Map<string, OffscreenCanvas>();

function spriteOf(key: string, sizePx: number, draw: (context: OffscreenCanvasRenderingContext2D) => void) {
  const known = sprites.get(key);
  if (known) return known;
  const sprite = new OffscreenCanvas(sizePx, sizePx);
  const context = sprite.getContext('2d');
  if (context) draw(context);
  if (sprites.size >= mostSprites) sprites.clear();
  sprites.set(key, sprite);
  return sprite;
}

export interface SocketPainter {
  /**
   * A socket about a point, in pixels of the page.
   * @param isLit a cable in the hand may end there
   */
  paint(
    point: { readonly x: number; readonly y: number },
    socket: SocketValue | undefined,
    isLit: boolean,
  ): void;
}

interface SocketLook {
  readonly radius: number;
  readonly scale: RackScale;
  readonly theme: Theme;
  /** Pixels of the canvas for one of the page. */
  readonly ratio: number;
}

/** Where the platform has no canvas to draw aside, each socket is drawn by itself. */
export function socketPainter(
  context: CanvasRenderingContext2D,
  { radius, scale, theme, ratio }: SocketLook,
): SocketPainter {
  const half = Math.ceil(radius + margin);
  const sizePx = Math.ceil(2 * half * ratio);
  const own = [theme.name, scale.colours, radius, ratio].join(' ');
  const onPixel = (x: number) => Math.round(x * ratio) / ratio;
  return {
    paint: ({ x, y }, socket, isLit) => {
      const isKnown = socket !== undefined && !Number.isNaN(socket.value);
      const shade = isKnown ? Math.round(placeOnScale(scale, socket.value) * (shades - 1)) : -1;
      const draw = (
        on: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
        cx: number,
        cy: number,
      ) => {
        const circle = (r: number) => {
          on.beginPath();
          on.arc(cx, cy, r, 0, 2 * Math.PI);
        };
        const look = isKnown
          ? {
              colour: colourAt(scale.colours, theme.name, shade / (shades - 1)),
              isMeasured: socket.isMeasured,
            }
          : null;
        drawSocket(on, circle, radius, look, theme);
        if (!isLit) return;
        circle(radius + 1.5);
        on.lineWidth = 1.5;
        on.strokeStyle = theme.accent;
        on.stroke();
      };
      if (typeof OffscreenCanvas === 'undefined') return draw(context, x, y);
      const key = `${own} ${shade} ${isKnown && socket.isMeasured} ${isLit}`;
      const sprite = spriteOf(key, sizePx, (on) => {
        on.scale(ratio, ratio);
        draw(on, half, half);
      });
      context.drawImage(sprite, onPixel(x - half), onPixel(y - half), sizePx / ratio, sizePx / ratio);
    },
  };
}
