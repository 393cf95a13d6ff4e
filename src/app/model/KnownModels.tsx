// The models that the page suggests, each loaded from the Hub by a click.

import { useId } from 'react';
import type { CacheInfo } from '../../worker/protocol.ts';
import { formatBytes, formatParameters } from '../quantities.ts';
import { useCache, useHub } from '../workbenchContext.tsx';
import { type CatalogueModel, catalogue } from './catalogue.ts';
import { defaultRevision } from './hubAddress.ts';
import { LoadState } from './LoadState.tsx';

/** Whether the model of this id is kept, as a few words; null when nothing of it is. */
function keptWords(info: CacheInfo | null, repository: string, hubUrl: string): string | null {
  const kept = info?.models.find(
    ({ source }) =>
      source?.repository === repository && source.revision === defaultRevision && source.hubUrl === hubUrl,
  );
  if (kept === undefined) return null;
  return kept.isComplete ? 'Kept here' : 'Kept in part';
}

function KnownModel({ model }: { readonly model: CatalogueModel }) {
  const load = useHub((state) => state.load);
  const hubUrl = useHub((state) => state.fields.hubUrl.trim().replace(/\/+$/, ''));
  const cache = useCache((state) => state.info);
  const note = useId();
  const { name, repository, parameters, sizeBytes, licence, isGated, use } = model;
  const kept = keptWords(cache, repository, hubUrl);
  return (
    <li className="listed">
      <div className="listed-line">
        <button
          type="button"
          className="button-plain"
          aria-label={`Load ${name}`}
          aria-describedby={note}
          onClick={() => load('catalogue', repository, { repository, revision: defaultRevision, hubUrl })}
        >
          {name}
        </button>
        {kept !== null && <span className="kept-mark small">{kept}</span>}
        <span className="listed-end mute small">
          {licence} · about {formatBytes(sizeBytes)}
        </span>
      </div>
      <p id={note} className="mute small">
        {use} {formatParameters(parameters)} parameters.
        {isGated && ' Accept its terms on the Hub, and give an access token above.'}
      </p>
      <LoadState origin="catalogue" label={repository} />
    </li>
  );
}

export function KnownModels() {
  return (
    <section className="choice" aria-label="Known models">
      <h3>Known models, from the Hub</h3>
      <ul className="known">
        {catalogue.map((model) => (
          <KnownModel key={model.repository} model={model} />
        ))}
      </ul>
    </section>
  );
}
