// Takes the figure out of the page: files, and a link that opens as the same figure elsewhere.

import { useState } from 'react';
import { isComplete, type TraceResult } from '../../experiments/trace/result.ts';
import { comfortableLinkLength } from '../../share/link.ts';
import { useFigure } from '../workbenchContext.tsx';
import {
  download,
  type ExportFormat,
  exportFile,
  exportFormats,
  fileName,
  formatContents,
} from './exports.ts';
import { traceLink } from './link.ts';
import { useShownTheme } from './useShownTheme.ts';

type Said = { readonly text: string; readonly link?: string };

export function Exports({ result }: { readonly result: TraceResult }) {
  const view = useFigure((state) => state.view);
  const theme = useShownTheme();
  const [said, setSaid] = useState<Said | null>(null);

  async function save(format: ExportFormat) {
    try {
      const name = fileName(result, format);
      download(await exportFile(result, view, theme, format), name);
      const part = isComplete(result) ? '' : ', with the cells that have arrived';
      setSaid({ text: `Saved ${name}${part}.` });
    } catch (cause) {
      setSaid({ text: cause instanceof Error ? cause.message : String(cause) });
    }
  }

  async function copyLink() {
    // The subject by its tokens, as the result has it: its text may occur twice.
    const experiment = { ...result.experiment, subject: result.subject };
    const link = new URL(await traceLink({ experiment, view }), window.location.href).href;
    try {
      await navigator.clipboard.writeText(link);
      const long = link.length > comfortableLinkLength ? ' It is long; some messengers cut such links.' : '';
      setSaid({
        text: `Link copied. It holds the experiment, not the numbers: they are computed where it is opened.${long}`,
      });
    } catch {
      setSaid({
        text: 'The browser does not let the page write to the clipboard. Copy the link from here:',
        link,
      });
    }
  }

  return (
    <div className="exports">
      <div className="exports-line">
        <button type="button" className="button" onClick={() => void copyLink()}>
          Copy link
        </button>
        {exportFormats.map((format) => (
          <button
            key={format}
            type="button"
            className="button"
            title={formatContents[format]}
            aria-label={`Save as ${format}`}
            onClick={() => void save(format)}
          >
            {format}
          </button>
        ))}
        <span role="status" className="mute exports-said">
          {said?.text}
        </span>
      </div>
      {said?.link !== undefined && (
        <input
          className="mono exports-link"
          aria-label="Link to this trace"
          readOnly
          value={said.link}
          onFocus={(event) => event.target.select()}
        />
      )}
    </div>
  );
}
