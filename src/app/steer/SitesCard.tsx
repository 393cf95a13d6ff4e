// Where in the model the texts of the vectors are told apart: choosing a cell puts the vector there.

import { useMemo, useState } from 'react';
import { steerKind } from '../../experiments/steer/kind.ts';
import { atSite } from './changes.ts';
import { siteOf } from './chosenCells.ts';
import { useEdit } from './hooks.ts';
import { useMeasuredResult } from './measured.ts';
import { Standing } from './Standing.tsx';
import { SteerMap } from './SteerMap.tsx';

export function SitesCard() {
  const result = useMeasuredResult();
  const edit = useEdit();
  const [isTable, setTable] = useState(false);
  const figures = useMemo(
    () =>
      result === null
        ? []
        : steerKind.show(result).figures.flatMap((figure) => (figure.kind === 'heatmap' ? [figure] : [])),
    [result],
  );
  const maps = figures.flatMap(({ name, description }) => (name.startsWith('sites') ? [description] : []));
  const cosines = figures.filter(({ name }) => name.startsWith('cosines'));
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
      {cosines.length > 0 && (
        <details className="rendered">
          <summary className="small">How like the vectors are, by layer and method</summary>
          <div className="steer-maps steer-cosines">
            {cosines.map(({ name, description }) => (
              <SteerMap
                key={name}
                description={description}
                isTable={isTable}
                hint={description.caption ?? ''}
                onChoose={() => {}}
              />
            ))}
          </div>
        </details>
      )}
    </section>
  );
}
