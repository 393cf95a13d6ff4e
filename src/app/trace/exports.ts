// The figure and its numbers as files, and text on the clipboard.

import { traceCsv } from '../../experiments/trace/grid.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import { layoutHeatmap } from '../../figures/heatmap.ts';
import { heatmapPng } from '../../figures/png.ts';
import { heatmapSvg } from '../../figures/svg.ts';
import { describeTrace, type FigureView } from './figure.ts';

export const exportFormats = ['SVG', 'PNG', 'CSV', 'JSON'] as const;
export type ExportFormat = (typeof exportFormats)[number];

export const formatContents: Readonly<Record<ExportFormat, string>> = {
  SVG: 'The figure with its caption, for vector editors',
  PNG: 'The figure with its caption, as a picture',
  CSV: 'Every metric of every cell, for spreadsheets and data frames',
  JSON: 'The whole result with its experiment, as the headless runner writes it',
};

const figureWidth = 1120;

/** `trace-eiffel-tower.svg` */
export function fileName(result: TraceResult, format: ExportFormat): string {
  const subject = result.tokens
    .slice(...result.subject)
    .map(({ text }) => text)
    .join('');
  const name = subject
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);
  return `trace${name === '' ? '' : `-${name}`}.${format.toLowerCase()}`;
}

/** The figure as it is looked at, with title, caption and pins, or all its numbers. */
export async function exportFile(
  result: TraceResult,
  view: FigureView,
  theme: 'light' | 'dark',
  format: ExportFormat,
): Promise<Blob> {
  const model = () => layoutHeatmap(describeTrace(result, view), { width: figureWidth, theme, padding: 24 });
  switch (format) {
    case 'SVG':
      return new Blob([heatmapSvg(model())], { type: 'image/svg+xml' });
    case 'PNG':
      return heatmapPng(model());
    case 'CSV':
      return new Blob([traceCsv(result)], { type: 'text/csv' });
    case 'JSON':
      return new Blob([`${JSON.stringify(result, null, 1)}\n`], { type: 'application/json' });
    default:
      return format satisfies never;
  }
}

export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads the blob after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
