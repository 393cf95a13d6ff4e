// Takes what hangs here out of the page: a link, the experiment as a file, and the folder that pyvene loads.

import { useState } from 'react';
import { messageOf } from '../../messages/wording.ts';
import { comfortableLinkLength } from '../../share/link.ts';
import { download } from '../experiment/exports.ts';
import { experimentLink } from '../experiment/link.ts';
import { useAnyPage, useAnyState, useFigure } from '../experiment/pageContext.tsx';
import { useDocument, useEffectState, usePatchDraft } from './benchContext.tsx';
import { aboutCables } from './draft.ts';
import { pyveneZip } from './programs.ts';

export function ShareButtons() {
  const page = useAnyPage();
  const experiment = useAnyState((state) => state.draft.experiment);
  const view = useFigure((state) => state.view);
  const effect = useEffectState((state) => (state.effect?.key === state.key ? state.effect : null));
  const draft = usePatchDraft();
  const document = useDocument();
  const { cables } = document;
  const [said, setSaid] = useState<{ readonly text: string; readonly link?: string } | null>(null);

  async function copyLink() {
    const shared = page.shared();
    if (shared === null) return;
    let link: string;
    try {
      const fragment = await experimentLink(page.name, page.face.brief(shared), view, page.face.look);
      link = new URL(fragment, window.location.href).href;
    } catch (cause) {
      return setSaid({ text: messageOf(cause) });
    }
    try {
      await navigator.clipboard.writeText(link);
      const long = link.length > comfortableLinkLength ? ' It is long; some messengers cut such links.' : '';
      setSaid({ text: `Link copied.${long}` });
    } catch {
      setSaid({ text: 'The browser does not let the page write to the clipboard. Copy it from here:', link });
    }
  }
  const json = (name: string, value: unknown) => {
    download(new Blob([`${JSON.stringify(value, null, 1)}\n`], { type: 'application/json' }), name);
    setSaid({ text: `Saved ${name}.` });
  };
  const saveZip = () => {
    const zip = pyveneZip(draft, document);
    if (!zip.ok) return setSaid({ text: aboutCables(zip.why) });
    download(new Blob([zip.bytes]), 'interventions.zip');
    setSaid({ text: 'Saved interventions.zip.' });
  };
  const hasNothing = experiment === null;
  return (
    <div className="share">
      <div className="share-line">
        <button
          type="button"
          className="button"
          aria-disabled={hasNothing}
          onClick={() => void copyLink().catch((cause: unknown) => setSaid({ text: messageOf(cause) }))}
        >
          Copy link
        </button>
        <button
          type="button"
          className="button"
          aria-disabled={hasNothing}
          title="The prompts and cables; patchbay run computes the same of it"
          onClick={() => {
            if (experiment) json('patch.json', experiment);
          }}
        >
          Save experiment
        </button>
        <button
          type="button"
          className="button"
          aria-disabled={effect === null}
          title={
            effect === null
              ? 'There is a result once a cable hangs'
              : 'What the cables do, with the experiment'
          }
          onClick={() => {
            if (effect) json('patch-result.json', effect.result);
          }}
        >
          Save result
        </button>
        <button
          type="button"
          className="button"
          aria-disabled={cables.length === 0}
          title={
            cables.length === 0
              ? 'There is a folder once a cable hangs'
              : 'A zip of the folder that pyvene loads'
          }
          onClick={() => {
            if (cables.length > 0) saveZip();
          }}
        >
          Save for pyvene
        </button>
      </div>
      <span role="status" className="mute small">
        {said?.text}
      </span>
      {said?.link !== undefined && (
        <input
          className="mono exports-link"
          aria-label="Link to this patch"
          readOnly
          value={said.link}
          onFocus={(event) => event.target.select()}
        />
      )}
    </div>
  );
}
