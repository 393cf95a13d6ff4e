// The sockets of the base as a heatmap: what is estimated beside what is measured, with numbers, pins and files.

import { useMemo } from 'react';
import { nameOf } from '../../experiments/givenFile.ts';
import type { HeatmapDescription, HeatmapPanel, Locations } from '../../figures/description.ts';
import type { RackDescription, RackPart, SocketValue } from '../../figures/rack/rackDescription.ts';
import { FigureControls } from '../experiment/FigureControls.tsx';
import { FigureFiles } from '../experiment/FigureFiles.tsx';
import type { FigureView } from '../experiment/figureView.ts';
import { Heatmap } from '../experiment/Heatmap.tsx';
import { HeatmapTable } from '../experiment/HeatmapTable.tsx';
import { useFigure } from '../experiment/pageContext.tsx';
import { CellLine, PinnedCells } from '../sweep/CellCard.tsx';
import { useDocument, useSockets } from './benchContext.tsx';
import { besideAt, type PatchDocument, shownSource, textAt } from './document.ts';
import { socketValue } from './shares.ts';
import type { SocketState } from './socketStore.ts';
import { type Shelf, scaleOfShares } from './sockets.ts';
import { componentWords } from './spoken.ts';

type Known = Pick<SocketState, 'estimates' | 'measured'>;

function locationsOf({ columns }: RackPart, isByHead: boolean): Locations {
  if (isByHead) return { kind: 'head', heads: columns.map((_, head) => head) };
  return {
    kind: 'position',
    tokens: columns.map(({ text, isDifferent }) => ({ text, ...(isDifferent ? { isCorrupted: true } : {}) })),
  };
}

/** @param rack what the rack shows @returns null where the component has no layers */
export function rackHeatmap(
  { parts }: RackDescription,
  shelf: Shelf,
  known: Known,
  view: FigureView,
  caption: string,
): HeatmapDescription | null {
  const base = parts.find(({ run }) => run === 'base');
  if (!base || shelf.component.scope === 'model') return null;
  const layers = Array.from({ length: shelf.layerCount }, (_, layer) => layer);
  const colours = view.colours === 'streams' ? scaleOfShares.colours : view.colours;
  const valuesOf = (find: (layer: number, column: number) => SocketValue | undefined) =>
    base.columns.map((_, column) => layers.map((layer) => find(layer, column)));
  const panel = (
    title: string,
    sockets: readonly (readonly (SocketValue | undefined)[])[],
  ): HeatmapPanel => ({
    title,
    colours,
    values: sockets.map((row) => row.map((socket) => socket?.value)),
    ...(sockets.some((row) => row.some((socket) => socket?.over))
      ? { standardDeviations: sockets.map((row) => row.map((socket) => socket?.over?.sd)) }
      : {}),
    axisTitle: 'layer',
  });
  const nothing: Known = { estimates: known.estimates, measured: new Map() };
  const measured = valuesOf((layer, column) => {
    const found = socketValue(known, shelf, layer, column);
    return found?.isMeasured ? found : undefined;
  });
  const estimated = valuesOf((layer, column) => socketValue(nothing, shelf, layer, column));
  const hasMeasured = measured.some((row) => row.some((socket) => socket !== undefined));
  return {
    title: `What ${componentWords(shelf.component.name)} of the source brings into the base`,
    caption,
    panels: [panel('Estimated', estimated), ...(hasMeasured ? [panel('Measured', measured)] : [])],
    locations: locationsOf(base, shelf.view.columns === 'head'),
    layers,
    metric: { name: 'share of the way from base to source', shortName: 'share', digits: 2 },
    orientation: view.orientation,
    sharing: view.sharing,
    midpoint: 0,
    ...(view.sharing === 'shared' ? { range: { start: -1, end: 1 } } : {}),
    pins: view.pins.filter(
      ({ panel: place, location, layer }) =>
        place < (hasMeasured ? 2 : 1) && location < base.columns.length && layer < layers.length,
    ),
  };
}

/** A prompt as a caption names it. */
function promptWords(document: PatchDocument, place: number): string {
  const { target, image, sound } = besideAt(document, place);
  const text = textAt(document, place);
  const given = image ?? sound;
  return [
    ...(text === '' && given ? [] : [`“${text}”`]),
    ...(target === undefined ? [] : [`with the target “${target}”`]),
    ...(given ? [`on “${nameOf(given)}”`] : []),
  ].join(' ');
}

export function RackHeatmap({ rack, shelf }: { readonly rack: RackDescription; readonly shelf: Shelf }) {
  const document = useDocument();
  const estimates = useSockets((state) => state.estimates);
  const measured = useSockets((state) => state.measured);
  const view = useFigure((state) => state.view);
  const isTable = useFigure((state) => state.isTable);
  const description = useMemo(() => {
    const [base, source] = [0, shownSource(document) + 1].map((place) => promptWords(document, place));
    const head = shelf.view.head === null ? '' : ` Head ${shelf.view.head}.`;
    const caption = `Base ${base}; source ${source}.${head} 0 as base, 1 as source.`;
    return rackHeatmap(rack, shelf, { estimates, measured }, view, caption);
  }, [rack, shelf, estimates, measured, view, document]);
  if (description === null)
    return <p className="mute">The model has this component once; a heatmap goes over layers.</p>;
  return (
    <div className="sweep-figure">
      <FigureControls metrics={[]} />
      {isTable ? <HeatmapTable description={description} /> : <Heatmap description={description} />}
      <CellLine description={description} />
      <PinnedCells description={description} />
      <p className="caption small">{description.caption}</p>
      <FigureFiles description={description} stem="rack" />
    </div>
  );
}
