// A map of layers by something, with the cell that is looked at in words under it, as a table where one wants it.

import { useState } from 'react';
import type { CellAddress, HeatmapDescription } from '../../figures/description.ts';
import { Heatmap } from '../experiment/Heatmap.tsx';
import { HeatmapTable } from '../experiment/HeatmapTable.tsx';

interface SteerMapProps {
  readonly description: HeatmapDescription;
  readonly isTable: boolean;
  /** What choosing a cell does, in a word: `steer there`. */
  readonly hint: string;
  readonly onChoose: (cell: CellAddress) => void;
}

export function SteerMap({ description, isTable, hint, onChoose }: SteerMapProps) {
  const [looked, setLooked] = useState<string | null>(null);
  return (
    <figure className="steer-map">
      <figcaption>
        <h3>{description.title}</h3>
      </figcaption>
      {isTable ? (
        <HeatmapTable description={description} />
      ) : (
        <Heatmap
          description={description}
          own={{ onLook: (cell) => setLooked(cell?.summary ?? null), onChoose }}
        />
      )}
      <p className="small mute steer-looked">{looked ?? hint}</p>
    </figure>
  );
}
