// Sorts the edits of a batch into groups that run as one fragment of the graph, and makes their index arrays.

import type { ComponentDescription } from '../../architectures/architecture.ts';
import type { Arena } from '../backends/arena.ts';
import type { DeviceTensor } from '../backends/backend.ts';
import type { Fragment, Source } from '../plan/plan.ts';
import type { ScheduledEdit } from '../plan/scheduled.ts';
import { placeOf } from './captureRequests.ts';
import { type Capture, type Captures, poolOf } from './captures.ts';
import { type BatchSizes, compareNames, type PlacedRow } from './placedRow.ts';
import type { EditSlot } from './siteGraph.ts';

interface Member {
  readonly edit: ScheduledEdit;
  readonly placed: PlacedRow;
  readonly component: ComponentDescription;
  /** The one position of the edit that this is, counted in its location; absent: all of them. */
  readonly only?: number;
}

interface Group {
  readonly slot: EditSlot;
  readonly parameters: Fragment['parameters'];
  readonly members: Member[];
  /** Units (or rows, for pairs and what is carried) that some member edits: a second edit of the same unit goes into a later group. */
  readonly taken: Set<number>;
}

/** A unit of an edit: `index` counts the units of the edit's location. */
export interface EditedUnit {
  readonly edit: ScheduledEdit;
  readonly index: number;
}

/** What became of the edits of one slot. */
export interface EditGroup {
  readonly parameters: Fragment['parameters'];
  /** The units of the slot in order, padding left out. Empty for pair components. */
  readonly units: readonly EditedUnit[];
}

export interface PreparedEdits {
  readonly slots: readonly EditSlot[];
  /** One for each slot. */
  readonly groups: readonly EditGroup[];
  readonly inputs: Readonly<Record<string, DeviceTensor>>;
  /** To be disposed after the run. */
  readonly temporary: readonly DeviceTensor[];
}

/** Units of an edit that its batch holds: each unit's place in the batch and in the edit. */
function placedUnits({
  edit,
  placed,
  component,
  only,
}: Member): readonly { readonly unit: number; readonly index: number }[] {
  const heads = edit.target.heads ?? [0];
  const perToken = component.layout === 'head' ? (component.heads ?? 1) : 1;
  return edit.target.positions.flatMap((position, p) => {
    const token = only === undefined || only === p ? placed.tokenOf(position) : undefined;
    if (token === undefined) return [];
    return heads.map((head, h) => ({ unit: token * perToken + head, index: p * heads.length + h }));
  });
}

function takenBy(member: Member): readonly number[] {
  const units = placedUnits(member).map(({ unit }) => unit);
  const { layout, isCarried } = member.component;
  return layout === 'pair' || (isCarried && units.length > 0) ? [member.placed.place] : units;
}

/** What an edit of a carried component does at a position bears on its later ones, so they run one after another. */
function byPosition(members: readonly Member[]): readonly Member[] {
  const at = ({ edit: { target }, only = 0 }: Member) => target.positions[only] ?? 0;
  const carried = members
    .filter(({ component }) => component.isCarried)
    .flatMap((member) => member.edit.target.positions.map((_, only): Member => ({ ...member, only })))
    // Stable: edits of one position keep their order.
    .sort((a, b) => at(a) - at(b));
  return [...members.filter(({ component }) => !component.isCarried), ...carried];
}

const sameSource = (a: Source | undefined, b: Source | undefined): boolean =>
  a?.kind === 'own' && b?.kind === 'own' ? a.component === b.component : a?.kind === b?.kind;

/** Edits of one unit keep their order: each goes into a group after the last that holds one of its units. */
function sortIntoGroups(members: readonly Member[]): readonly Group[] {
  const groups: Group[] = [];
  for (const member of members) {
    const { site, fragment, source } = member.edit;
    const taken = takenBy(member);
    if (taken.length === 0) continue;
    const after = groups.findLastIndex(
      (group) => group.slot.component === site.component && taken.some((unit) => group.taken.has(unit)),
    );
    const fits = (group: Group) =>
      group.slot.component === site.component &&
      group.slot.fragment.key === fragment.key &&
      group.slot.fragment.joined === fragment.joined &&
      group.parameters === fragment.parameters &&
      sameSource(group.members[0]?.edit.source, source);
    const group =
      groups.find((candidate, index) => index > after && fits(candidate)) ?? openGroup(groups, member);
    group.members.push(member);
    for (const unit of taken) group.taken.add(unit);
  }
  // The order of rows in a batch should not make another variant. Sorting is stable: within a component order matters.
  return groups.sort((a, b) => compareNames(a.slot.component, b.slot.component));
}

function openGroup(groups: Group[], { edit, component }: Member): Group {
  const { source } = edit;
  const group: Group = {
    slot: {
      component: edit.site.component,
      layout: component.layout,
      fragment: edit.fragment,
      source: source?.kind === 'own' ? source : { kind: source ? 'pool' : 'none' },
    },
    parameters: edit.fragment.parameters,
    members: [],
    taken: new Set(),
  };
  groups.push(group);
  return group;
}

function identity(size: number): Int32Array {
  return Int32Array.from({ length: size }, (_, i) => i);
}

/** Index arrays and source of a group of token or per-head edits. */
function prepareUnits(group: Group, { arena, captures, sizes, paddedSize }: EditContext): PreparedGroup {
  const [first] = group.members;
  const perToken = first?.component.layout === 'head' ? (first.component.heads ?? 1) : 1;
  const width = first?.component.width ?? 1;
  const placed = group.members.map((member) => ({ member, units: placedUnits(member) }));
  const count = placed.reduce((sum, { units }) => sum + units.length, 0);
  const joined = group.slot.fragment.joined ?? 1;
  const units = new Int32Array(paddedSize(count / joined) * joined);
  const source = new Int32Array(units.length);
  const select = identity(sizes.tokens * perToken);
  const fromRows = group.members.flatMap(({ edit }) => (edit.origin ? [captures.of(edit)] : []));
  const pool = fromRows.length > 0 ? poolOf(arena, fromRows) : undefined;
  const hasPool = group.slot.source.kind === 'pool';
  const given = hasPool && !pool ? new Float32Array(units.length * width) : undefined;
  let k = 0;
  for (const { member, units: places } of placed) {
    const { edit } = member;
    const capture = pool && captures.of(edit);
    for (const { unit, index } of places) {
      units[k] = unit;
      select[unit] = select.length + k;
      if (capture) source[k] = capturedUnit(edit, capture, index, pool.starts);
      else if (given && edit.source?.kind === 'tensor') {
        given.set(edit.source.data.subarray(index * width, (index + 1) * width), k * width);
        source[k] = k;
      }
      k += 1;
    }
  }
  const poolTensor = pool?.tensor ?? (given && arena.upload(given, [units.length, width]));
  return {
    inputs: {
      units: arena.upload(units, [units.length]),
      select: arena.upload(select, [select.length]),
      ...(hasPool ? { source: arena.upload(source, [source.length]) } : {}),
    },
    ...(poolTensor ? { pool: poolTensor } : {}),
    isPoolTemporary: pool ? pool.isTemporary : true,
    units: placed.flatMap(({ member, units: places }) =>
      places.map(({ index }) => ({ edit: member.edit, index })),
    ),
  };
}

/** Place in the pool of unit `index` of an edit's source. */
function capturedUnit(
  edit: ScheduledEdit,
  capture: Capture,
  index: number,
  starts: ReadonlyMap<Capture, number>,
): number {
  const heads = edit.origin?.location.heads ?? [0];
  const position = edit.origin?.location.positions[Math.floor(index / heads.length)] ?? 0;
  const head = heads[index % heads.length] ?? 0;
  const at = placeOf(capture.request, position);
  return (starts.get(capture) ?? 0) + at * capture.unitsPerPosition + head;
}

/**
 * Index arrays, mask and source of a group of edits of a pair component. Sources come from the host, because the rows
 * of two batches are padded to different sizes.
 */
function preparePairs(group: Group, context: EditContext): PreparedGroup {
  const { arena, sizes, paddedSize } = context;
  const { heads = 1, isCross = false } = group.members[0]?.component ?? {};
  const { queries } = sizes;
  const keys = isCross ? sizes.memory : sizes.keys;
  const count = paddedSize(group.members.length);
  const units = new Int32Array(count);
  const select = identity(sizes.rows);
  const mask = new Int32Array(count * heads * queries);
  const source =
    group.slot.source.kind === 'pool' ? new Float32Array(count * heads * queries * keys) : undefined;
  group.members.forEach(({ edit, placed }, k) => {
    units[k] = placed.place;
    select[placed.place] = sizes.rows + k;
    const data = source && context.captures.pairSource(edit);
    const { positions, heads: chosen = [] } = edit.target;
    const length = data ? data.length / (chosen.length * positions.length) : 0;
    chosen.forEach((head, h) => {
      positions.forEach((position, p) => {
        const at = (k * heads + head) * queries + position - placed.first;
        mask[at] = 1;
        const from = (h * positions.length + p) * length;
        if (source && data) source.set(data.subarray(from, from + length), at * keys);
      });
    });
  });
  return {
    inputs: {
      units: arena.upload(units, [count]),
      select: arena.upload(select, [select.length]),
      mask: arena.upload(mask, [count, heads, queries]),
    },
    ...(source ? { pool: arena.upload(source, [count, heads, queries, keys]) } : {}),
    isPoolTemporary: true,
    units: [],
  };
}

export interface EditContext {
  readonly arena: Arena;
  readonly captures: Captures;
  readonly sizes: BatchSizes;
  readonly paddedSize: (size: number) => number;
  readonly describe: (component: string) => ComponentDescription;
}

interface PreparedGroup {
  readonly inputs: Readonly<Record<string, DeviceTensor>>;
  readonly pool?: DeviceTensor;
  readonly isPoolTemporary: boolean;
  readonly units: readonly EditedUnit[];
}

/** Group the edits of a batch's rows and make what their fragments of the graph read. */
export function prepareEdits(rows: readonly PlacedRow[], context: EditContext): PreparedEdits {
  const members = rows.flatMap((placed) =>
    placed.edits.map((edit): Member => ({ edit, placed, component: context.describe(edit.site.component) })),
  );
  const inputs: Record<string, DeviceTensor> = {};
  const temporary: DeviceTensor[] = [];
  const groups = sortIntoGroups(byPosition(members));
  const made: EditGroup[] = [];
  groups.forEach((group, index) => {
    const prepared =
      group.slot.layout === 'pair' ? preparePairs(group, context) : prepareUnits(group, context);
    made.push({ parameters: group.parameters, units: prepared.units });
    for (const [name, tensor] of Object.entries(prepared.inputs)) inputs[`edit${index}.${name}`] = tensor;
    temporary.push(...Object.values(prepared.inputs));
    if (prepared.pool) inputs[`edit${index}.pool`] = prepared.pool;
    if (prepared.pool && prepared.isPoolTemporary) temporary.push(prepared.pool);
    for (const [name, parameter] of Object.entries(group.parameters)) {
      if ('tensor' in parameter) {
        inputs[`edit${index}.${name}`] = parameter.tensor;
        continue;
      }
      const tensor = context.arena.upload(parameter.data, parameter.shape);
      inputs[`edit${index}.${name}`] = tensor;
      temporary.push(tensor);
    }
  });
  return { slots: groups.map((group) => group.slot), groups: made, inputs, temporary };
}
