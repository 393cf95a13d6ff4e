// Between the document and the figure: which socket of the rack a place is, which sockets a cable touches, and what a
// socket of the base holds.

import type { ComponentDescription } from '../../architectures/architecture.ts';
import type { CableLine, RackCable } from '../../figures/rack/rackCables.ts';
import type {
  RackColumn,
  RackDescription,
  RackPart,
  SocketAddress,
  SocketValue,
} from '../../figures/rack/rackDescription.ts';
import { type Cable, cableLetter, type Place, type RackView, sourceIndex, sourceRun } from './document.ts';
import { differingPositions, differingSources, type Matching } from './matching.ts';
import { columnsAt, type Unit } from './stacks.ts';

/** What the rack shows, with the component that its sockets are of. */
export interface Shelf {
  readonly view: RackView;
  readonly component: ComponentDescription;
  /** Layers that the component has in its stack. */
  readonly layerCount: number;
  /** Of a picture or a sound: what has a column, where that is not a position. */
  readonly parts?: readonly Unit[];
  /** Components of other stacks, whose positions are none of those that are shown. */
  readonly elsewhere?: ReadonlySet<string>;
}

/** The heads that a socket of the view stands for; undefined for a component without heads. */
function headsOf({ view, component }: Shelf, column: number): readonly number[] | undefined {
  const { layout, heads = 0 } = component;
  if (layout === 'token') return undefined;
  if (view.columns === 'head') return [column];
  return view.head === null ? Array.from({ length: heads }, (_, head) => head) : [view.head];
}

/** Units of the document that sockets are. @param columns of one range, in order */
export function placeOf(shelf: Shelf, run: string, layer: number | null, columns: readonly number[]): Place {
  const { view, component, parts } = shelf;
  const isByHead = view.columns === 'head';
  const heads = isByHead ? columns : headsOf(shelf, columns[0] ?? 0);
  return {
    run,
    component: component.name,
    layer,
    positions: isByHead ? 'all' : parts ? columns.flatMap((each) => parts[each]?.positions ?? []) : columns,
    ...(heads ? { heads } : {}),
  };
}

/** Sockets that a place is; empty where the rack shows other things. */
export function addressesOf(
  { view, component, parts, elsewhere }: Shelf,
  { run, component: name, layer, positions, heads }: Place,
  columnCount: number,
): readonly SocketAddress[] {
  const own = run === 'original' ? 'base' : run;
  const isShown = (component.scope === 'model') === (layer === null);
  if (elsewhere?.has(name) || !isShown || (layer === null && name !== component.name)) return [];
  if (view.columns === 'head') {
    if (positions !== 'all' || name !== component.name) return [];
    return (heads ?? []).map((column) => ({ run: own, layer, column }));
  }
  const columns =
    positions === 'all'
      ? Array.from({ length: columnCount }, (_, column) => column)
      : columnsAt(parts ?? null, positions);
  return columns.map((column) => ({ run: own, layer, column }));
}

/** Whether a place of the component that is shown stands in a socket. */
export function isAtSocket(
  { view, component, parts }: Shelf,
  { run, component: name, layer, positions, heads = [] }: Place,
  socket: SocketAddress,
): boolean {
  if (run !== socket.run || layer !== socket.layer || name !== component.name) return false;
  if (view.columns === 'head') return positions === 'all' && heads.includes(socket.column);
  return positions === 'all' || columnsAt(parts ?? null, positions).includes(socket.column);
}

/** The line of a type: what only moves, what adds, what turns, what takes nothing. */
export function lineOf(type: string): CableLine {
  if (/^(Addition|Subtraction|Noise)/.test(type)) return 'dashed';
  if (/^(Collect|Zero|Skip)/.test(type)) return 'dotted';
  return type === 'VanillaIntervention' ? 'whole' : 'double';
}

/** What stands in the plug of a cable that takes nothing from a run. */
export function signOf({ type, from, constant }: Cable): string | null {
  if (from) return null;
  if (type.startsWith('Zero')) return '0';
  if (type.startsWith('Collect')) return '?';
  if (type.startsWith('Noise')) return '~';
  return constant ? '+' : '*';
}

export function rackCables(
  shelf: Shelf,
  cables: readonly Cable[],
  columnsOf: (run: string) => number,
  strengthOf: (cable: Cable) => number | null,
): readonly RackCable[] {
  return cables.map((cable, index): RackCable => {
    const { id, type, from, to } = cable;
    return {
      id,
      letter: cableLetter(index),
      line: lineOf(type),
      from: from ? addressesOf(shelf, from, columnsOf(from.run)) : [],
      to: addressesOf(shelf, to, columnsOf(to.run)),
      sign: signOf(cable),
      strength: strengthOf(cable),
    };
  });
}

export interface RackRequest {
  readonly shelf: Shelf;
  readonly base: readonly Unit[];
  readonly sources: readonly (readonly Unit[])[];
  /** Of the source that sockets are about. */
  readonly matching: Matching;
  /** Its place among the sources. */
  readonly shown: number;
  /** Layers of a run that are folded away but for those that cables touch. */
  readonly isFolded: (run: string) => boolean;
  readonly touched: (run: string) => ReadonlySet<number>;
  readonly knownOf: (layer: number | null, column: number) => SocketValue | undefined;
}

const ids = (tokens: readonly Unit[]) => tokens.map(({ id }) => id);

function columnsFor(
  { shelf, matching, shown, base, sources }: RackRequest,
  run: string,
): readonly RackColumn[] {
  const { view, component } = shelf;
  if (view.columns === 'head')
    return Array.from({ length: component.heads ?? 0 }, (_, head) => {
      return { text: String(head), kind: 'head', isDifferent: false };
    });
  const index = sourceIndex(run);
  const tokens = index === null ? base : (sources[index] ?? []);
  const first = sources[shown] ?? [];
  const different = new Set(
    // Of a picture every part is another one.
    first.length === 0 || shelf.parts
      ? []
      : index === null
        ? differingPositions(ids(base), ids(first), matching)
        : index === shown
          ? differingSources(ids(base), ids(first), matching)
          : [],
  );
  return tokens.map(({ text }, place) => ({ text, kind: 'token', isDifferent: different.has(place) }));
}

/** The rack of a document: its sources, the last on top, and the base below. */
export function rackParts(request: RackRequest): readonly RackPart[] {
  const { shelf, sources, isFolded, touched, knownOf } = request;
  const { component, layerCount } = shelf;
  const all =
    component.scope === 'model'
      ? [null]
      : (component.layers ?? Array.from({ length: layerCount }, (_, layer) => layer));
  const part = (run: string, title: string): RackPart => {
    const columns = columnsFor(request, run);
    const kept = touched(run);
    const isShort = isFolded(run) && component.scope === 'layer' && kept.size > 0;
    const layers = isShort ? all.filter((layer) => layer !== null && kept.has(layer)) : all;
    const isBase = run === 'base';
    return {
      run,
      title,
      columns,
      layers,
      isFolded: isShort,
      sockets: layers.map((layer) =>
        columns.map((_, column) => (isBase ? knownOf(layer, column) : undefined)),
      ),
    };
  };
  const titleOf = (index: number) => (sources.length === 1 ? 'Source' : `Source ${index + 1}`);
  return [...sources.map((_, index) => part(sourceRun(index), titleOf(index))), part('base', 'Base')].filter(
    ({ columns, run }) => columns.length > 0 || run === 'base',
  );
}

/** Layers of a run that cables touch in the stack that is shown. */
export function touchedLayers(
  cables: readonly Cable[],
  run: string,
  { elsewhere }: Pick<Shelf, 'elsewhere'> = {},
): ReadonlySet<number> {
  return new Set(
    cables
      .flatMap(({ from, to }) => [from, to])
      .filter((place) => place !== null && !elsewhere?.has(place.component))
      .flatMap((place) => (place?.run === run && place.layer !== null ? [place.layer] : [])),
  );
}

/** Which column of the source stands for each of the base. */
export const columnMatching = ({ parts }: Shelf, matching: Matching): Matching =>
  parts
    ? parts.map(({ positions: [first = 0] }, column) => (matching[first] == null ? null : column))
    : matching;

/** A socket's name among those measured and estimated. */
export const socketKey = ({ view, component }: Shelf, layer: number | null, column: number): string =>
  [component.name, view.columns, view.head ?? 'all', layer ?? 'model', column].join(' ');

export const scaleOfShares: RackDescription['scale'] = { colours: 'rdBu', start: -1, end: 1 };
