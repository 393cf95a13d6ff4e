// Edits of a steering at their sites: strengths in one unit turned into those of the others, and the edits of rows, with
// the vector, against it, or with a random direction of its length in its place.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { type SteeringMap, steering } from '../../interventions/steering/maps.ts';
import type { GenerationEdit } from '../../runtime/generation/request.ts';
import { ExperimentError } from '../experimentFile.ts';
import { editName, type SteerEdit } from './experiment.ts';
import { type MadeVector, randomDirection } from './makeVectors.ts';
import type { PassageRun } from './passageRun.ts';
import type { EditResult } from './result.ts';
import { lengthOf, toUnit } from './siteStatistics.ts';
import { spanOf } from './steeringEdits.ts';

export type EditSite = EditResult['sites'][number];

export interface PlacedEdit {
  readonly edit: SteerEdit;
  readonly made: MadeVector;
  readonly sites: readonly EditSite[];
}

const siteName = ({ layer, head }: Pick<EditSite, 'layer' | 'head'>): string =>
  [...(layer === null ? [] : [`layer ${layer}`]), ...(head === null ? [] : [`head ${head}`])].join(', ') ||
  'its place';

/** The place of a site among those of the vector. */
const placeOf = ({ sites }: MadeVector, { layer, head }: Pick<EditSite, 'layer' | 'head'>): number =>
  sites.findIndex((site) => site.layer === layer && site.head === head);

/** In the order of the network: the last site is where all of the edit has been made. */
export function inNetworkOrder(places: readonly number[], { sites }: MadeVector): readonly number[] {
  const rank = (at: number, of: 'layer' | 'head') => sites[at]?.[of] ?? 0;
  return [...places].sort((a, b) => rank(a, 'layer') - rank(b, 'layer') || rank(a, 'head') - rank(b, 'head'));
}

/** Places of the sites that an edit names, without those that `top` leaves out. */
function chosenPlaces({ layers, heads, top, ...edit }: SteerEdit, { vector, sites, measures }: MadeVector) {
  const named = [...sites.keys()].filter((at) => {
    const { layer, head } = sites[at] ?? { layer: null, head: null };
    return (
      (layers === undefined || layer === null || layers.includes(layer)) &&
      (heads === undefined || head === null || heads.includes(head))
    );
  });
  if (!top) return named;
  const scoreOf = (at: number) => measures[at]?.[top.by === 'probe' ? 'probeAccuracy' : 'accuracy'];
  if (named.some((at) => typeof scoreOf(at) !== 'number'))
    throw new ExperimentError(
      `The edit '${editName({ ...edit, top, layers, heads })}' takes the sites that tell texts apart best, and the texts of '${vector.name}' are too few to say. Give at least two of each class.`,
    );
  // Equal ones in their order.
  return [...named].sort((a, b) => (scoreOf(b) ?? 0) - (scoreOf(a) ?? 0)).slice(0, top.sites);
}

/** What a number along the vector is multiplied by, so that it counts in the edit's unit. */
function scaleAt(edit: SteerEdit, made: MadeVector, at: number): number {
  const { unit } = edit;
  const measured = made.measures[at];
  if (unit === 'raw') return 1;
  const scale = unit === 'relative' ? measured?.medianNorm : measured?.spread;
  if (typeof scale === 'number' && scale > 0 && Number.isFinite(scale)) return scale;
  const what = unit === 'relative' ? 'no state was read there' : 'the states that were read do not spread';
  throw new ExperimentError(
    `The edit '${editName(edit)}' has its strength in the unit '${unit}', and ${what} (${siteName(made.sites[at] ?? { layer: null, head: null })}). Give it raw.`,
  );
}

/** One strength at one site in all units. @param strength in the unit of the edit */
export function strengthAt(edit: SteerEdit, made: MadeVector, at: number, strength: number): EditSite {
  const { layer = null, head = null, norm = 0, medianNorm = null, spread = null } = made.measures[at] ?? {};
  if (!(norm > 0 && Number.isFinite(norm)))
    throw new ExperimentError(
      `The vector '${made.vector.name}' has the length ${norm} at ${siteName({ layer, head })}, and names no direction there. Leave that site out.`,
    );
  const scale = scaleAt(edit, made, at);
  const raw = edit.unit === 'raw' ? strength : (strength * scale) / norm;
  return {
    layer,
    head,
    raw,
    relative: medianNorm === null || medianNorm === 0 ? null : (raw * norm) / medianNorm,
    sigma: spread === null || spread === 0 ? null : (raw * norm) / spread,
    scale,
  };
}

/** @throws ExperimentError when a strength cannot be said in its unit, or the vector names no direction at a site */
export function placeEdit(edit: SteerEdit, made: MadeVector): PlacedEdit {
  return {
    edit,
    made,
    sites: inNetworkOrder(chosenPlaces(edit, made), made).map((at) =>
      strengthAt(edit, made, at, edit.strength),
    ),
  };
}

/** Whose direction is put in. `draw` tells random directions apart. */
export type Variant =
  | { readonly kind: 'vector'; readonly factor: 1 | -1 }
  | { readonly kind: 'random'; readonly seed: number };

function mapAt({ edit, made }: PlacedEdit, at: number, { scale }: EditSite): SteeringMap {
  const { map } = edit;
  switch (map.kind) {
    case 'set':
      return { kind: 'set', to: map.to * scale };
    case 'cap':
      return { kind: 'cap', at: map.at * scale };
    case 'between':
      return {
        kind: 'between',
        from: map.from ? Float32Array.from(map.from) : (made.negativeMeans[at] ?? new Float32Array()),
      };
    default:
      return map;
  }
}

/** Of the same length as the vector, position by position. */
function inItsPlace(made: MadeVector, data: Float32Array, seed: number, at: number): Float32Array {
  const { width, positions } = made;
  const drawn = new Float32Array(data.length);
  for (let position = 0; position < positions; position++) {
    const norm = lengthOf(data.subarray(position * width, (position + 1) * width));
    const direction = randomDirection(seed, at * positions + position, width);
    drawn.set(
      direction.map((entry) => entry * norm),
      position * width,
    );
  }
  return drawn;
}

/** An edit without the row that it is for. */
export type LooseEdit = Omit<GenerationEdit, 'at'>;

/** Edits of one site; rows that share them run together. */
export function looseEdit(placed: PlacedEdit, site: EditSite, variant: Variant): LooseEdit {
  const { edit, made } = placed;
  const at = placeOf(made, site);
  const own = made.data[at] ?? new Float32Array();
  const data = variant.kind === 'random' ? inItsPlace(made, own, variant.seed, at) : own;
  const strength = variant.kind === 'vector' ? variant.factor * site.raw : site.raw;
  const common = {
    site: { component: made.vector.component, layer: site.layer },
    ...(site.head === null ? {} : { heads: [site.head] }),
  };
  if (made.isMatrix) {
    // Any direction gives the plain formula; what is added is a matrix of positions.
    const { fragment } = steering(toUnit(Float32Array.of(1, ...new Float32Array(made.width - 1))), {
      map: { kind: 'add' },
    });
    return { ...common, fragment, source: { kind: 'vector', data: data.map((entry) => entry * strength) } };
  }
  const { fragment, sourceAt } = steering(data, {
    map: mapAt(placed, at, site),
    keepsNorm: edit.keepNorm,
    ...(edit.whileBelow === undefined ? {} : { whileBelow: edit.whileBelow * site.scale }),
  });
  return { ...common, fragment, source: sourceAt(strength) };
}

/** Where an edit acts in a row of a prompt. */
export function spanIn(
  { edit, made }: PlacedEdit,
  prompt: PassageRun,
  isSpecial: Tokenizer['isSpecial'],
): GenerationEdit['at'] {
  // An activation addition is added to the first positions of the prompt, once.
  return made.isMatrix
    ? { prompt: Array.from({ length: made.positions }, (_, position) => position) }
    : spanOf(edit, prompt, made.stack, isSpecial);
}

/** All edits of a row with this prompt. */
export function rowEdits(
  placed: readonly PlacedEdit[],
  variant: Variant,
  prompt: PassageRun,
  isSpecial: Tokenizer['isSpecial'],
): readonly GenerationEdit[] {
  return placed.flatMap((own) => {
    const at = spanIn(own, prompt, isSpecial);
    return own.sites.map((site) => ({ ...looseEdit(own, site, variant), at }));
  });
}
