// Where in the model the texts of the vectors are told apart: choosing a cell puts the vector there.

import { useMemo, useState } from 'react';
import { steerKind } from '../../experiments/steer/kind.ts';
import type { SteerResult } from '../../experiments/steer/result.ts';
import type { CellAddress, HeatmapDescription } from '../../figures/description.ts';
import { atSite } from './document.ts';
import { useEdit } from './hooks.ts';
import { useMeasuredResult } from './measured.ts';
import { Standing } from './Standing.tsx';
import { SteerMap } from './SteerMap.tsx';

/** Which vector, layer and head a cell of a map of sites is of: rows are vectors, or the heads of the one that is named. */
export function siteOf(
  result: SteerResult,
  { locations, layers }: Pick<HeatmapDescription, 'locations' | 'layers'>,
  cell: CellAddress,
  mapOfHeads: number,
): { readonly vector: string; readonly layer: number; readonly head: number | null } | null {
  const layer = layers[cell.layer];
  if (layer === undefined) return null;
  if (locations.kind === 'named') {
    const vector = locations.names[cell.location];
    return vector === undefined ? null : { vector, layer, head: null };
  }
  const byHead = result.vectors.filter(
    ({ sites }) => sites.some(({ head }) => head !== null) && sites.some(({ accuracy }) => accuracy !== null),
  );
  const vector = byHead[mapOfHeads]?.name;
  const head = locations.kind === 'head' ? locations.heads[cell.location] : undefined;
  return vector === undefined || head === undefined ? null : { vector, layer, head };
}

export function SitesCard() {
  const result = useMeasuredResult();
  const edit = useEdit();
  const [isTable, setTable] = useState(false);
  const maps = useMemo(
    () =>
      result === null
        ? []
        : steerKind
            .show(result)
            .figures.flatMap((figure) =>
              figure.kind === 'heatmap' && figure.name.startsWith('sites') ? [figure.description] : [],
            ),
    [result],
  );
  if (result === null || maps.length === 0) return null;
  return (
    <section className="card steer-sites" aria-labelledby="sites-title">
      <div className="card-head">
        <h2 id="sites-title">Where the texts are told apart</h2>
        <Standing isBrief />
        <button type="button" className="button" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          Table
        </button>
      </div>
      <div className="steer-maps">
        {maps.map((description, index) => (
          <SteerMap
            key={description.title}
            description={description}
            isTable={isTable}
            hint="Choose a cell to steer there."
            onChoose={(cell) => {
              const site = siteOf(result, description, cell, index);
              if (site) edit((document) => atSite(document, site.vector, site));
            }}
          />
        ))}
      </div>
      <p className="caption small">
        Each text is judged by the vector and the threshold of the half that it is not in: 0.5 is chance.
        Where texts are told apart best is a good place to begin, and not always where steering reaches most:
        the sweep tells that.
      </p>
    </section>
  );
}
