// A page with one heatmap, for the browser tests: pins as a page keeps them, and a handle to feed it batches.
// `?figure=trace|unfinishedTrace|headMap|awkwardTrace&theme=light|dark&width=960`

import type { HeatmapDescription, Pin } from '../../src/figures/description.ts';
import { awkwardTrace, headMap, trace, unfinishedTrace } from '../../src/figures/exampleFigures.ts';
import { layoutHeatmap } from '../../src/figures/heatmap.ts';
import { togglePin, unpin } from '../../src/figures/pins.ts';
import { heatmapPng } from '../../src/figures/png.ts';
import { drawHeatmap } from '../../src/figures/screen.ts';
import { heatmapSvg } from '../../src/figures/svg.ts';

export interface FigurePage {
  /** Lay out and show another figure, pins kept. @returns the cells redrawn, and the milliseconds it took */
  show(
    description: HeatmapDescription,
    width?: number,
  ): { readonly touched: number; readonly tookMs: number };
  readonly description: () => HeatmapDescription;
  readonly svg: () => string;
  readonly png: () => Promise<Blob>;
  dispose(): void;
}

declare global {
  interface Window {
    figurePage: FigurePage;
  }
}

const figures: Readonly<Record<string, HeatmapDescription>> = {
  trace,
  unfinishedTrace,
  headMap,
  awkwardTrace,
};
const query = new URLSearchParams(location.search);
const theme = query.get('theme') === 'dark' ? 'dark' : 'light';
let width = Number(query.get('width') ?? 960);
let description = figures[query.get('figure') ?? 'trace'] ?? trace;
let pins: readonly Pin[] = [];

const element = (id: string): HTMLElement => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element '${id}'.`);
  return found;
};
document.body.classList.toggle('dark', theme === 'dark');
element('heading').textContent = description.title;
const say = (text: string | undefined): void => {
  element('live').textContent = text ?? '';
};

const layOut = () =>
  layoutHeatmap({ ...description, pins }, { width, theme, showsTitle: false, showsCaption: false });
const view = drawHeatmap(element('figure'), layOut(), {
  onHover: (cell) => say(cell?.summary),
  onFocus: (cell) => say(cell?.summary),
  onPin: (cell) => {
    pins = togglePin(pins, cell.address);
    view.update(layOut());
  },
  onUnpin: (cell) => {
    pins = unpin(pins, cell.address);
    view.update(layOut());
  },
});

window.figurePage = {
  show(next, nextWidth = width) {
    description = next;
    width = nextWidth;
    const start = performance.now();
    const touched = view.update(layOut());
    return { touched, tookMs: performance.now() - start };
  },
  description: () => description,
  svg: () => heatmapSvg(layoutHeatmap({ ...description, pins }, { width, theme, padding: 24 })),
  png: () => heatmapPng(layoutHeatmap({ ...description, pins }, { width, theme, padding: 24 })),
  dispose: () => view.dispose(),
};
