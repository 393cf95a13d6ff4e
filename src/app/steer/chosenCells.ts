// What choosing a cell of a map means for the document: a site for a vector, a layer and a strength for an edit.

import { editName, sweptEdit } from '../../experiments/steer/experiment.ts';
import type { SteerResult } from '../../experiments/steer/result.ts';
import type { CellAddress, HeatmapDescription } from '../../figures/description.ts';
import { changedEdit } from './changes.ts';
import type { SteerDocument } from './document.ts';
import { nameOfEdit } from './names.ts';

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

/** Layer and strength of a cell, in the unit in which it was swept, for the edit of that name. */
export function withCell(
  document: SteerDocument,
  { experiment }: Pick<SteerResult, 'experiment'>,
  place: { readonly layer: number; readonly strength: number },
): SteerDocument {
  const { sweep } = experiment;
  const [layer, strength] = [sweep?.layers[place.layer], sweep?.strengths[place.strength]];
  if (layer === undefined || strength === undefined) return document;
  const swept = sweptEdit(experiment);
  const own = document.edits.find((each) => nameOfEdit(each) === editName(swept));
  if (!own) return document;
  const change = { layers: String(layer), strength: String(strength), unit: swept.unit };
  return changedEdit(document, own.id, change);
}
