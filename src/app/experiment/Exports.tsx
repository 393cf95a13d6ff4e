// Takes the figure out of the page: files, and a link that opens as the same figure elsewhere.

import { useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { comfortableLinkLength } from '../../share/link.ts';
import { useShownTheme } from '../frame/useShownTheme.ts';
import { type ExportFormat, exportFormats, formatContents } from './exportFormats.ts';
import { experimentLink } from './link.ts';
import { useAnyPage, useAnyState, useFigure } from './pageContext.tsx';

type Said = { readonly text: string; readonly link?: string };

interface ExportsProps {
  /** Those that the page has something for; default all. */
  readonly formats?: readonly ExportFormat[];
}

export function Exports({ formats = exportFormats }: ExportsProps) {
  const page = useAnyPage();
  const { face } = page;
  const result = useAnyState((state) => state.shown?.result ?? null);
  const view = useFigure((state) => state.view);
  const theme = useShownTheme();
  const [said, setSaid] = useState<Said | null>(null);
  if (result === null) return null;
  const known = result;

  async function save(format: ExportFormat) {
    try {
      const { download, exportFile } = await import('./exports.ts');
      const name = `${face.fileStem(known)}.${format.toLowerCase()}`;
      download(await exportFile(face, known, view, theme, format), name);
      const part = face.kind.isComplete(known)
        ? ''
        : `, with the ${face.kind.words.counted} that have arrived`;
      setSaid({ text: `Saved ${name}${part}.` });
    } catch (cause) {
      setSaid({ text: messageOf(cause) });
    }
  }

  async function copyLink() {
    let link: string;
    try {
      const fragment = await experimentLink(page.name, face.brief(page.sharedOf(known)), view, face.look);
      link = new URL(fragment, window.location.href).href;
    } catch (cause) {
      return setSaid({ text: messageOf(cause) });
    }
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
        {formats.map((format) => (
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
          aria-label={`Link to this ${face.noun}`}
          readOnly
          value={said.link}
          onFocus={(event) => event.target.select()}
        />
      )}
    </div>
  );
}
