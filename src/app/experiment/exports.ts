// A figure and its numbers as files. What writes them comes with the first one that is saved.

import type { ShownFigure } from '../../experiments/shown.ts';
import type { HeatmapDescription } from '../../figures/description.ts';
import { layoutHeatmap } from '../../figures/heatmap.ts';
import { heatmapPng } from '../../figures/png.ts';
import { heatmapSvg } from '../../figures/svg.ts';
import type { PageTypes } from './definition.ts';
import type { AnyPage } from './experimentPage.ts';
import type { ExportFormat } from './exportFormats.ts';
import type { FigureView } from './figureView.ts';

const figureWidth = 1120;

/** The figure as it is looked at, with title, caption and pins, or all its numbers. */
export async function exportFile(
  { kind, figure }: AnyPage['face'],
  result: PageTypes['result'],
  view: FigureView,
  theme: 'light' | 'dark',
  format: ExportFormat,
): Promise<Blob> {
  switch (format) {
    case 'SVG':
      return new Blob([await figureSvg(figure(result, view), theme)], { type: 'image/svg+xml' });
    case 'PNG': {
      const shown = figure(result, view);
      if (shown.kind === 'heatmap') return heatmapBlob(shown.description, theme, 'PNG');
      throw new Error('Curves are saved as SVG; open that in any vector editor to make a picture of it.');
    }
    case 'CSV':
      return new Blob(
        kind.show(result).tables.map(({ csv }) => csv()),
        { type: 'text/csv' },
      );
    case 'JSON':
      return new Blob([`${JSON.stringify(result, null, 1)}\n`], { type: 'application/json' });
    default:
      return format satisfies never;
  }
}

/** A figure as it stands in a file, with title and caption. */
export async function figureSvg(figure: ShownFigure, theme: 'light' | 'dark'): Promise<string> {
  switch (figure.kind) {
    case 'heatmap':
      return heatmapSvg(heatmapOf(figure.description, theme));
    case 'lines': {
      const [{ layoutLines }, { plainFigureSvg }] = await Promise.all([
        import('../../figures/lines.ts'),
        import('../../figures/plainFigure.ts'),
      ]);
      return plainFigureSvg(layoutLines(figure.description, { width: figureWidth, theme }));
    }
    case 'overlay': {
      const [{ layoutOverlay }, { plainFigureSvg }] = await Promise.all([
        import('../../figures/overlay.ts'),
        import('../../figures/plainFigure.ts'),
      ]);
      return plainFigureSvg(layoutOverlay(figure.description, { width: figureWidth, theme }));
    }
    default:
      return figure satisfies never;
  }
}

/** A heatmap with title, caption and pins. */
export async function heatmapBlob(
  description: HeatmapDescription,
  theme: 'light' | 'dark',
  format: 'SVG' | 'PNG',
): Promise<Blob> {
  const model = heatmapOf(description, theme);
  return format === 'PNG' ? heatmapPng(model) : new Blob([heatmapSvg(model)], { type: 'image/svg+xml' });
}

const heatmapOf = (description: HeatmapDescription, theme: 'light' | 'dark') =>
  layoutHeatmap(description, { width: figureWidth, theme, padding: 24 });

export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads the blob after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
