// The selected cable swept over two of layers, positions and heads: what it does in every other place, the other cables
// staying as they hang. Each cell is an intervention of its own.

import type { InterveneExperiment } from '../../experiments/intervene/experiment.ts';
import type { HeatmapDescription, Locations } from '../../figures/description.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import { type Cable, changedCable, type PatchDocument, type Place, sourceIndex } from './document.ts';
import { draftOf, type PatchDraft, type Readings } from './draft.ts';
import type { Matching } from './matching.ts';
import { layerCountAt, type Unit } from './stacks.ts';

/** What has a row, and what has a column. */
export const sweepAxes = ['layerByPosition', 'layerByHead', 'headByPosition'] as const;
export type SweepAxes = (typeof sweepAxes)[number];

export const axesTitles: Readonly<Record<SweepAxes, string>> = {
  layerByPosition: 'layers and positions',
  layerByHead: 'layers and heads',
  headByPosition: 'heads and positions',
};

/** A place for a cable; what is absent stays as it hangs. */
export interface CablePlace {
  readonly layer?: number;
  readonly position?: number;
  readonly head?: number;
}

export interface CableCell {
  readonly row: number;
  readonly column: number;
}

const rowsAreHeads = (axes: SweepAxes): boolean => axes === 'headByPosition';

export const placeOfCell = (axes: SweepAxes, { row, column }: CableCell): CablePlace => ({
  ...(rowsAreHeads(axes) ? { head: row } : { layer: row }),
  ...(axes === 'layerByHead' ? { head: column } : { position: column }),
});

/** Coarse first: every fourth row, then every second, then all. */
export function cellOrder(rows: number, columns: number): readonly CableCell[] {
  const seen = new Set<number>();
  const inOrder = [4, 2, 1].flatMap((step) =>
    Array.from({ length: rows }, (_, row) => row).filter((row) => {
      if (row % step !== 0 || seen.has(row)) return false;
      seen.add(row);
      return true;
    }),
  );
  return inOrder.flatMap((row) => Array.from({ length: columns }, (_, column) => ({ row, column })));
}

const listed = (units: readonly number[] | 'all' | undefined): readonly number[] =>
  units === 'all' || units === undefined ? [] : units;

/** Units so that the first is `first`, the others at their distance from it; null where one would lie before the start. */
function shifted(units: readonly number[], first: number | undefined): readonly number[] | null {
  const by = first === undefined ? 0 : first - (units[0] ?? first);
  const moved = units.map((unit) => unit + by);
  return moved.some((unit) => unit < 0) ? null : moved;
}

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length > 0 && a.length === b.length && a.every((unit, index) => unit === b[index]);

/**
 * A cable moved to another place: its first position and head go there, and the others keep their distance from them. Its
 * source end moves along where it hung at the same layer, the matching positions, the same heads. Null where there is no
 * such place.
 */
export function movedTo(
  cable: Cable,
  { layer, position, head }: CablePlace,
  matching: Matching,
): Cable | null {
  const { from, to } = cable;
  const positions = shifted(listed(to.positions), position);
  const heads = shifted(listed(to.heads), head);
  if (positions === null || heads === null) return null;
  const unitsOf = (place: Place, own: readonly number[], ownHeads: readonly number[]): Place => ({
    ...place,
    positions: place.positions === 'all' ? place.positions : own,
    ...(place.heads === undefined ? {} : { heads: ownHeads }),
  });
  const target = {
    ...unitsOf(to, positions, heads),
    layer: to.layer === null ? null : (layer ?? to.layer),
  };
  if (!from) return { ...cable, to: target };
  const isMatched = isSame(
    listed(to.positions).map((each) => matching[each] ?? -1),
    listed(from.positions),
  );
  const matched = positions.map((each) => matching[each] ?? null).filter((place) => place !== null);
  if (isMatched && matched.length < positions.length) return null;
  const source = unitsOf(
    from,
    isMatched ? matched : listed(from.positions),
    isSame(listed(to.heads), listed(from.heads)) ? heads : listed(from.heads),
  );
  return {
    ...cable,
    to: target,
    from: { ...source, layer: from.layer === to.layer ? target.layer : from.layer },
  };
}

/** Of the run that a cable takes from with the base; the base with itself. */
function matchingFor({ from, to }: Cable, { matchingOf, unitsOf }: PatchDraft): Matching {
  const index = sourceIndex(from?.run ?? '');
  if (index !== null) return matchingOf(to.component, index);
  return unitsOf('base', to.component).map((_, place) => place);
}

/** The experiment of one cell; null where the cable has no source there, or does not fit. */
export function cellExperiment(
  document: PatchDocument,
  readings: Readings,
  draft: PatchDraft,
  cable: Cable,
  place: CablePlace,
): InterveneExperiment | null {
  const moved = movedTo(cable, place, matchingFor(cable, draft));
  if (moved === null) return null;
  const { experiment, misfits } = draftOf(changedCable(document, cable.id, moved), readings, draft.model);
  // Without the moved cable the others would fill the cell with what they do.
  return misfits.some(({ id }) => id === cable.id) ? null : experiment;
}

export interface CableSweep {
  readonly title: string;
  /** The id of the cable that is moved. */
  readonly cable: number;
  /** What its cells hang on, for `isSameSweep`. */
  readonly of: readonly unknown[];
  readonly axes: SweepAxes;
  readonly rows: number;
  readonly columns: number;
  /** Of the base: what stands beside positions. */
  readonly tokens: readonly Pick<Unit, 'text'>[];
  experimentAt(cell: CableCell): InterveneExperiment | null;
}

/** By reference: a document that was undone holds again what it held before. */
const sweptIn = (
  { base, sources, beside, cables, corrections, mode, seed }: PatchDocument,
  { model, answer, distractor }: PatchDraft,
): readonly unknown[] => [
  ...[base, sources, beside, cables, corrections, mode, seed],
  ...[model, answer?.id, distractor?.id],
];

/** Whether cells of a sweep are what they would be now: of these prompts, these cables, this model, what is watched. */
export function isSameSweep(sweep: CableSweep, document: PatchDocument, draft: PatchDraft): boolean {
  return sweptIn(document, draft).every((each, place) => Object.is(each, sweep.of[place]));
}

export type CableSweepOf =
  | { readonly ok: true; readonly sweep: CableSweep }
  | { readonly ok: false; readonly why: string };

/** @param name of the cable: `Cable A` */
export function cableSweepOf(
  document: PatchDocument,
  readings: Readings,
  draft: PatchDraft,
  cable: Cable,
  axes: SweepAxes,
  name: string,
): CableSweepOf {
  const { outline } = draft;
  const no = (why: string): CableSweepOf => ({ ok: false, why });
  if (!outline || !draft.tokens) return no('The prompts are not read yet.');
  const { component, layer, positions } = cable.to;
  const tokens = draft.unitsOf('base', component);
  const { heads = 0 } = describeComponent(outline, component);
  const isByHead = axes !== 'layerByPosition';
  const isByPosition = axes !== 'layerByHead';
  if (!rowsAreHeads(axes) && layer === null)
    return no(`'${component}' exists once in the model; this sweep goes over layers.`);
  if (isByHead && cable.to.heads === undefined) return no(`'${component}' has no heads to sweep over.`);
  if (isByPosition && positions === 'all')
    return no(`${name} is at all positions; give it one to sweep over positions.`);
  if (isByPosition && tokens.some((unit) => unit.positions.length > 1))
    return no(
      `'${component}' has a column for several positions, and a cable moves one by one. Measure all sweeps its columns.`,
    );
  return {
    ok: true,
    sweep: {
      title: `${name} over ${axesTitles[axes]}`,
      cable: cable.id,
      of: sweptIn(document, draft),
      axes,
      rows: rowsAreHeads(axes) ? heads : layerCountAt(outline, component),
      columns: isByPosition ? tokens.length : heads,
      tokens,
      experimentAt: (cell) => cellExperiment(document, readings, draft, cable, placeOfCell(axes, cell)),
    },
  };
}

export interface SweptCable {
  readonly sweep: CableSweep;
  readonly baselines: { readonly base: number; readonly source: number };
  /** [row * columns + column]: share of the way to the source; NaN where the cable does not fit. */
  readonly values: readonly (number | undefined)[];
}

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

/** As TransformerLens draws it: layers down, one unit about the base. */
export function cableSweepFigure({ sweep, values }: SweptCable): HeatmapDescription {
  const { title, axes, rows, columns, tokens } = sweep;
  const locations: Locations =
    axes === 'layerByHead'
      ? { kind: 'head', heads: numbers(columns) }
      : { kind: 'position', tokens: tokens.map(({ text }) => ({ text })) };
  return {
    title,
    caption:
      '0 as base, 1 as source; the other cables stay as they hang. A cross is a place that the cable does not fit.',
    panels: [
      {
        title,
        colours: 'rdBu',
        values: numbers(columns).map((column) => numbers(rows).map((row) => values[row * columns + column])),
        axisTitle: rowsAreHeads(axes) ? 'head' : 'layer',
      },
    ],
    locations,
    layers: numbers(rows),
    ...(rowsAreHeads(axes) ? { layerWord: 'head' } : {}),
    metric: { name: 'share of the way to the source', shortName: 'share', digits: 2 },
    orientation: 'layers-down',
    midpoint: 0,
    range: { start: -1, end: 1 },
  };
}
