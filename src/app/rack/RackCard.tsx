// The components of the model as a rack of sockets, with a legend of what the sockets' forms mean.

import { formatCount } from '../quantities.ts';
import { RackGrid } from './RackGrid.tsx';
import type { SocketForm } from './shape.ts';
import type { Rack } from './sites.ts';

const forms: readonly (readonly [SocketForm, string])[] = [
  ['vector', 'a vector per position'],
  ['heads', 'one per head'],
  ['pairs', 'a number per pair of positions and head'],
];

export function RackCard({ rack }: { readonly rack: Rack }) {
  const sites = rack.rows.reduce((sum, { firstColumn, lastColumn }) => sum + lastColumn - firstColumn + 1, 0);
  return (
    <section className="card rack-card" aria-labelledby="rack-title">
      <div className="card-head">
        <h2 id="rack-title">Components</h2>
        <span className="mute">
          {formatCount(rack.rows.length)} components · {formatCount(rack.layerCount)} layers ·{' '}
          {formatCount(sites)} sites
        </span>
      </div>
      <RackGrid rack={rack} />
      <ul className="legend small">
        {forms.map(([form, meaning]) => (
          <li key={form} data-form={form}>
            <span className="socket" />
            {meaning}
          </li>
        ))}
        <li>
          <span className="legend-cable" data-kind="out" />
          feeds
        </li>
        <li>
          <span className="legend-cable" data-kind="in" />
          fed by
        </li>
      </ul>
    </section>
  );
}
