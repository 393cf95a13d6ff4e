// Sorts what happens at the sites of a batch in its backward pass into groups that share a place in the graph: terms of
// the objective, gradients that arrive from rows that took something here, and gradients that are wanted.

import type { ComponentDescription } from '../../architectures/architecture.ts';
import type { Arena } from '../backends/arena.ts';
import type { DeviceTensor, Piece } from '../backends/backend.ts';
import { compareNames, type PlacedRow } from '../forward/placedRow.ts';
import { unitsOf } from '../forward/taps.ts';
import type { ResolvedLocation } from '../plan/sites.ts';
import { tokenAt } from './gradientSpans.ts';
import type { UseSlot } from './gradientVariant.ts';
import type { PerUnit, Term } from './objective.ts';

/** The gradient of one unit of a row at a component, brought by an edit that took it from there. */
export interface Arrival {
  readonly component: string;
  /** [units, width] */
  readonly tensor: DeviceTensor;
  readonly unit: number;
  readonly position: number;
  readonly head: number;
}

interface Placed {
  readonly placed: PlacedRow;
  readonly component: ComponentDescription;
}

export type UseRequest =
  | (Placed & {
      readonly kind: 'term' | 'want';
      /** Place among the terms, or the places at which gradients are wanted. */
      readonly index: number;
      readonly location: ResolvedLocation;
      readonly term?: Term;
    })
  | (Placed & { readonly kind: 'arrival'; readonly arrival: Arrival });

export interface UseMember {
  readonly index: number;
  readonly placed: PlacedRow;
  readonly location: ResolvedLocation;
  /** First unit in the group, and units. */
  readonly at: number;
  readonly count: number;
}

export interface UseGroup {
  readonly slot: UseSlot;
  readonly component: ComponentDescription;
  /** None of arrivals. */
  readonly members: readonly UseMember[];
  readonly inputs: Readonly<Record<string, DeviceTensor>>;
}

interface Draft {
  readonly kind: UseRequest['kind'];
  readonly component: ComponentDescription;
  readonly requests: UseRequest[];
}

const perUnitShapes = (term: Term | undefined): UseSlotPerUnit =>
  Object.fromEntries(
    Object.entries(term?.perUnit ?? {})
      .sort(([a], [b]) => compareNames(a, b))
      .map(([name, { data, width }]) => [name, { isInteger: data instanceof Int32Array, width }]),
  );

type UseSlotPerUnit = Extract<UseSlot, { kind: 'term' }>['perUnit'];

function keyOf(request: UseRequest): string {
  const { kind, component } = request;
  const term = kind === 'arrival' ? undefined : request.term;
  return JSON.stringify([kind, component.name, term?.objective.key ?? '', perUnitShapes(term)]);
}

function slotOf({ kind, component, requests: [first] }: Draft): UseSlot {
  const touched = { component: component.name, layout: component.layout };
  if (kind !== 'term') return { kind, ...touched };
  const term = first?.kind === 'arrival' ? undefined : first?.term;
  if (!term) throw new Error(`A term of '${component.name}' has no formula.`);
  return { kind, ...touched, objective: term.objective, perUnit: perUnitShapes(term) };
}

const unitsPerToken = ({ layout, heads }: ComponentDescription): number =>
  layout === 'head' ? (heads ?? 1) : 1;

/** The places in the batch at which gradients arrive, and the gradients one after another. */
function arrivalInputs(
  { component, requests }: Draft,
  index: number,
  arena: Arena,
): Readonly<Record<string, DeviceTensor>> {
  const arrivals = requests.flatMap((request) => (request.kind === 'arrival' ? [request] : []));
  const units = new Int32Array(arena.backend.paddedSize(arrivals.length));
  const { width } = component;
  const pieces = arrivals.map(({ placed, arrival }, k): Piece => {
    units[k] = tokenAt(placed, arrival.position) * unitsPerToken(component) + arrival.head;
    return { from: arrival.tensor, start: arrival.unit * width, count: width, at: k * width };
  });
  return {
    [`tap${index}.units`]: arena.upload(units, [units.length]),
    [`use${index}.gradient`]: arena.assemble([units.length, width], pieces),
  };
}

/** The numbers that terms give for their units; padding has weight 0. */
function termInputs(
  members: readonly (UseMember & { readonly term: Term | undefined })[],
  slot: Extract<UseSlot, { kind: 'term' }>,
  index: number,
  padded: number,
  arena: Arena,
): Readonly<Record<string, DeviceTensor>> {
  const weight = new Float32Array(padded);
  for (const { at, count, term } of members) weight.fill(term?.weight ?? 1, at, at + count);
  const perUnit = Object.entries(slot.perUnit).map(([name, { isInteger, width }]) => {
    const joined = isInteger ? new Int32Array(padded * width) : new Float32Array(padded * width);
    for (const { at, term } of members) {
      const given: PerUnit['data'] | undefined = term?.perUnit?.[name]?.data;
      if (given) joined.set(given, at * width);
    }
    return [`use${index}.per.${name}`, arena.upload(joined, [padded, width])] as const;
  });
  return { [`use${index}.weight`]: arena.upload(weight, [padded]), ...Object.fromEntries(perUnit) };
}

/** Groups in an order that does not depend on that of the rows, with the inputs that they need. */
export function groupUses(requests: readonly UseRequest[], arena: Arena): readonly UseGroup[] {
  const drafts = new Map<string, Draft>();
  for (const request of requests) {
    const key = keyOf(request);
    const draft = drafts.get(key) ?? { kind: request.kind, component: request.component, requests: [] };
    drafts.set(key, draft);
    draft.requests.push(request);
  }
  const ordered = [...drafts].sort(([a], [b]) => compareNames(a, b)).map(([, draft]) => draft);
  return ordered.map((draft, index): UseGroup => {
    const { component } = draft;
    const slot = slotOf(draft);
    if (slot.kind === 'arrival')
      return { slot, component, members: [], inputs: arrivalInputs(draft, index, arena) };
    const units: number[] = [];
    const members = draft.requests.flatMap((request) => {
      if (request.kind === 'arrival') return [];
      const { placed, location, index: place, term } = request;
      const own = unitsOf({ placed, component, location });
      const at = units.length;
      units.push(...own);
      return [{ index: place, placed, location, at, count: own.length, term }];
    });
    const padded = new Int32Array(arena.backend.paddedSize(units.length));
    padded.set(units);
    const inputs = { [`tap${index}.units`]: arena.upload(padded, [padded.length]) };
    if (slot.kind === 'want') return { slot, component, members, inputs };
    return {
      slot,
      component,
      members,
      inputs: { ...inputs, ...termInputs(members, slot, index, padded.length, arena) },
    };
  });
}
