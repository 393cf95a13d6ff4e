// What the socket that is looked at holds, what it feeds and what feeds it.

import { formatCount } from '../quantities.ts';
import { useRack } from '../workbenchContext.tsx';
import { shownSite } from './rackStore.ts';
import { describeShape, numbersEach, socketForm } from './shape.ts';
import {
  fedSites,
  feedingSites,
  groupOf,
  type Rack,
  rowIndexOf,
  type Site,
  sameSite,
  siteKey,
  siteLayer,
  wholeSite,
} from './sites.ts';

const eachNames = { vector: 'Per position', heads: 'Per position', pairs: 'Per pair of positions' } as const;

interface SiteListProps {
  readonly title: string;
  readonly sites: readonly Site[];
  readonly kind: 'out' | 'in';
  readonly none: string;
}

function SiteList({ title, sites, kind, none }: SiteListProps) {
  const togglePin = useRack((state) => state.togglePin);
  return (
    <div className="links" data-kind={kind}>
      <h3>{title}</h3>
      {sites.length === 0 && <p className="mute">{none}</p>}
      <ul>
        {sites.map((site) => (
          <li key={siteKey(site)}>
            <button type="button" className="link" onClick={() => togglePin(site)}>
              <span className="mono">{site.component}</span>
              <span className="mute">{siteLayer(site)}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Details({ rack, site }: { readonly rack: Rack; readonly site: Site }) {
  const pinned = useRack((state) => state.pinned);
  const togglePin = useRack((state) => state.togglePin);
  const component = rack.rows[rowIndexOf(rack, site)]?.component;
  if (component === undefined) return null;
  const { name, shape, description } = component;
  const whole = wholeSite(rack, site);
  const isPinned = sameSite(pinned, site);
  const count = numbersEach(shape);
  return (
    <>
      <div className="inspector-head">
        <h3>
          {groupOf(component)}
          {site.layer !== null && ` · layer ${site.layer} of 0 to ${rack.layerCount - 1}`}
        </h3>
        <p className="mono inspector-name">{name}</p>
      </div>
      <p>{description}</p>
      {whole !== null && (
        <p>
          The same numbers as{' '}
          <button type="button" className="button-plain mono" onClick={() => togglePin(whole)}>
            {whole.component}
          </button>
          , split by head.
        </p>
      )}
      <dl className="facts">
        <dt>Shape</dt>
        <dd className="mono">{describeShape(shape)}</dd>
        <dt>{eachNames[socketForm(shape)]}</dt>
        <dd>{count === 1 ? '1 number' : `${formatCount(count)} numbers`}</dd>
      </dl>
      <SiteList title="Feeds" kind="out" sites={fedSites(rack, site)} none="No other component." />
      <SiteList title="Fed by" kind="in" sites={feedingSites(rack, site)} none="No other component." />
      <div className="inspector-foot">
        <button type="button" className="button" aria-pressed={isPinned} onClick={() => togglePin(site)}>
          {isPinned ? 'Unpin' : 'Pin here'}
        </button>
        <span className="mute small">{isPinned ? 'Pinned: stays while you look elsewhere.' : ''}</span>
      </div>
    </>
  );
}

export function Inspector({ rack }: { readonly rack: Rack }) {
  const shown = useRack(shownSite);
  return (
    <section className="card inspector" aria-labelledby="inspector-title">
      <div className="card-head">
        <h2 id="inspector-title">Inspector</h2>
      </div>
      {shown === null ? (
        <p className="mute">
          Point at a socket, or go to the rack with Tab and move with the arrow keys. A click or Enter pins it
          here.
        </p>
      ) : (
        <Details rack={rack} site={shown} />
      )}
    </section>
  );
}
