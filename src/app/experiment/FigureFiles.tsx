// A figure that belongs to no stored result as files: the picture, and its numbers.

import { useState } from 'react';
import { csvText } from '../../experiments/csv.ts';
import type { HeatmapDescription } from '../../figures/description.ts';
import { heatmapTable } from '../../figures/table.ts';
import { messageOf } from '../../messages/wording.ts';
import { useShownTheme } from '../frame/useShownTheme.ts';

type Format = 'SVG' | 'PNG' | 'CSV';

const formats: Readonly<Record<Format, string>> = {
  SVG: 'The figure with its caption, for vector editors',
  PNG: 'The figure with its caption, as a picture',
  CSV: 'The number of every cell, for spreadsheets and data frames',
};

function csvOf(description: HeatmapDescription): string {
  const { columns, rows } = heatmapTable(description);
  return csvText([
    columns.map(({ header }) => header),
    ...rows.map((row) => row.map((value) => (value === undefined || value === null ? '' : String(value)))),
  ]);
}

interface FigureFilesProps {
  readonly description: HeatmapDescription;
  /** Of the files, without an ending. */
  readonly stem: string;
}

export function FigureFiles({ description, stem }: FigureFilesProps) {
  const theme = useShownTheme();
  const [said, setSaid] = useState<string | null>(null);
  async function save(format: Format) {
    try {
      const { download, heatmapBlob } = await import('./exports.ts');
      const blob =
        format === 'CSV'
          ? new Blob([csvOf(description)], { type: 'text/csv' })
          : await heatmapBlob(description, theme, format);
      const name = `${stem}.${format.toLowerCase()}`;
      download(blob, name);
      setSaid(`Saved ${name}.`);
    } catch (cause) {
      setSaid(messageOf(cause));
    }
  }
  return (
    <div className="exports-line">
      {(['SVG', 'PNG', 'CSV'] as const).map((format) => (
        <button
          key={format}
          type="button"
          className="button"
          title={formats[format]}
          aria-label={`Save as ${format}`}
          onClick={() => void save(format)}
        >
          {format}
        </button>
      ))}
      <span role="status" className="mute exports-said">
        {said}
      </span>
    </div>
  );
}
