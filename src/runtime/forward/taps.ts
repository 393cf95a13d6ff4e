// Sorts the reads and captures of a batch into groups that leave the graph together, and takes their results apart.

import type { ComponentDescription } from '../../architectures/architecture.ts';
import type { Arena } from '../backends/arena.ts';
import type { DeviceTensor } from '../backends/backend.ts';
import type { ReadResult, ReadTensor, Reduction } from '../plan/plan.ts';
import { keysOf } from '../plan/schedule.ts';
import type { ResolvedLocation } from '../plan/sites.ts';
import type { CaptureRequest } from './captureRequests.ts';
import { type BatchSizes, compareNames, type PlacedRow } from './placedRow.ts';
import type { TapSlot } from './siteGraph.ts';

export type TapTarget =
  | { readonly kind: 'read'; readonly index: number }
  | { readonly kind: 'capture'; readonly request: CaptureRequest };

export interface TapMember {
  readonly target: TapTarget;
  readonly placed: PlacedRow;
  readonly location: ResolvedLocation;
  /** First unit in the group, and units. */
  readonly at: number;
  readonly count: number;
}

export interface TapGroup {
  readonly kind: TapTarget['kind'];
  readonly slot: TapSlot;
  readonly component: ComponentDescription;
  readonly members: TapMember[];
  readonly units: number[];
}

export interface TapRequest {
  readonly target: TapTarget;
  readonly placed: PlacedRow;
  readonly component: ComponentDescription;
  readonly location: ResolvedLocation;
  readonly reduction?: Reduction;
}

/** Places of a location's units in its batch; of a pair component the place of the row. */
export function unitsOf({
  placed,
  component,
  location,
}: Pick<TapRequest, 'placed' | 'component' | 'location'>): readonly number[] {
  if (component.layout === 'pair') return [placed.place];
  const perToken = component.layout === 'head' ? (component.heads ?? 1) : 1;
  return location.positions.flatMap((position) => {
    const token = placed.tokenOf(position);
    if (token === undefined)
      throw new Error(`Position ${position} of row ${placed.row} is not in its batch.`);
    return (location.heads ?? [0]).map((head) => token * perToken + head);
  });
}

/** Reads and captures never share a group: captures stay on the device, reads are fetched and dropped. */
export function groupTaps(requests: readonly TapRequest[]): readonly TapGroup[] {
  const groups = new Map<string, TapGroup[]>();
  for (const request of requests) {
    const { component, reduction, target } = request;
    const key = `${target.kind} ${component.name} ${reduction?.key ?? ''}`;
    const alike = groups.get(key) ?? [];
    groups.set(key, alike);
    const found = alike.find(({ slot }) => slot.reduction?.parameters === reduction?.parameters);
    const group = found ?? {
      kind: target.kind,
      slot: { component: component.name, layout: component.layout, ...(reduction ? { reduction } : {}) },
      component,
      members: [],
      units: [],
    };
    if (!found) alike.push(group);
    const units = unitsOf(request);
    group.members.push({
      target,
      placed: request.placed,
      location: request.location,
      at: group.units.length,
      count: units.length,
    });
    group.units.push(...units);
  }
  // The order of rows in a batch should not make another variant.
  return [...groups].sort(([a], [b]) => compareNames(a, b)).flatMap(([, alike]) => alike);
}

export function tapInputs(
  groups: readonly TapGroup[],
  arena: Arena,
  paddedSize: (size: number) => number,
): Readonly<Record<string, DeviceTensor>> {
  return Object.fromEntries(
    groups.flatMap(({ units, slot }, index) => {
      const padded = new Int32Array(paddedSize(units.length));
      padded.set(units);
      const parameters = Object.entries(slot.reduction?.parameters ?? {});
      return [
        [`tap${index}.units`, arena.upload(padded, [padded.length])],
        ...parameters.map(([name, { data, shape }]) => [`tap${index}.${name}`, arena.upload(data, shape)]),
      ];
    }),
  );
}

/** The part of a fetched output [units, ...] that belongs to one member. */
export function memberPart(tensor: ReadTensor, member: Pick<TapMember, 'at' | 'count'>): ReadTensor {
  const [units = 1, ...rest] = tensor.shape;
  const each = tensor.data.length / units;
  return {
    shape: [member.count, ...rest],
    data: tensor.data.slice(member.at * each, (member.at + member.count) * each),
  };
}

/** From one padded row [1, heads, queries, keys] the chosen heads and positions, and the keys of the sequence: [heads, positions, keys]. */
export function unpadPairs(
  row: ReadTensor,
  component: ComponentDescription,
  member: Pick<TapMember, 'location' | 'placed'>,
  sizes: BatchSizes,
): ReadTensor {
  const length = keysOf(component, member.placed);
  const keys = component.isCross ? sizes.memory : sizes.keys;
  const { positions, heads = [] } = member.location;
  const data = new Float32Array(heads.length * positions.length * length);
  heads.forEach((head, h) => {
    positions.forEach((position, p) => {
      const from = (head * sizes.queries + position - member.placed.first) * keys;
      data.set(row.data.subarray(from, from + length), (h * positions.length + p) * length);
    });
  });
  return { shape: [heads.length, positions.length, length], data };
}

/** The result of a member from its group's fetched outputs. */
export function memberResult(
  outputs: Readonly<Record<string, ReadTensor>>,
  group: TapGroup,
  member: TapMember,
  sizes: BatchSizes,
): ReadResult {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => {
      const part = memberPart(tensor, member);
      return [name, group.slot.layout === 'pair' ? unpadPairs(part, group.component, member, sizes) : part];
    }),
  );
}
