// Works out, before anything runs, what a plan needs: how long each row must live, which rows must run before which
// inside a layer, whose keys and values each row reads, and how much work it all is. Refuses what cannot be done.

import type { Architecture, ComponentDescription, StackName } from '../../architectures/architecture.ts';
import { checkCarriedForks } from './carried.ts';
import { type Draft, draftRow, requireRunning } from './drafts.ts';
import { type Edit, type Fragment, type Plan, PlanError } from './plan.ts';
import type { Schedule, ScheduledEdit, ScheduledRead, ScheduledRow } from './scheduled.ts';
import { describeComponent, resolveLocation, stageOf, unitCount } from './sites.ts';
import { partAt, type StackPlan, splitStacks } from './stacks.ts';
import { headStage, type Stage } from './stage.ts';

/** Rows in an order in which each comes after those it depends on. @throws PlanError for a circle or a row that does not exist */
function dependencyOrder(count: number, dependencies: (row: number) => readonly number[]): readonly number[] {
  const order: number[] = [];
  const state = new Map<number, 'open' | 'done'>();
  // Iterative: a chain of forks may be as long as a generated text.
  for (let root = 0; root < count; root++) {
    const stack = [root];
    while (stack.length > 0) {
      const row = stack[stack.length - 1] ?? 0;
      if (state.get(row) === 'done') {
        stack.pop();
        continue;
      }
      state.set(row, 'open');
      const waiting = dependencies(row).filter((other) => state.get(other) !== 'done');
      if (waiting.length === 0) {
        state.set(row, 'done');
        order.push(row);
        stack.pop();
        continue;
      }
      const circular = waiting.find((other) => state.get(other) === 'open');
      if (circular !== undefined) {
        throw new PlanError(
          `Rows ${row} and ${circular} depend on each other; a row cannot wait for itself.`,
        );
      }
      stack.push(...waiting);
    }
  }
  return order;
}

function dependenciesOf(plan: StackPlan, row: number): readonly number[] {
  const { start, edits, memory } = plan.rows[row] ?? { start: undefined, edits: [] };
  const others = [
    ...(start?.kind === 'fork' ? [start.parent] : []),
    ...(memory === undefined ? [] : [memory]),
    ...edits.flatMap(({ source }) => (source?.kind === 'row' ? [source.row] : [])),
  ];
  const missing = others.find((other) => !Number.isInteger(other) || other < 0 || other >= plan.rows.length);
  if (missing !== undefined)
    throw new PlanError(
      `Row ${row} refers to row ${missing}, but the plan has rows 0 to ${plan.rows.length - 1}.`,
    );
  return [...new Set(others)];
}

const counted = (units: number): string => `${units} ${units === 1 ? 'unit' : 'units'}`;

/** @throws PlanError when the formula joins units that the edit does not have */
function checkJoined(
  { name, layout, isCarried }: ComponentDescription,
  { key, joined = 1 }: Fragment,
  units: number,
) {
  if (joined === 1) return;
  if (isCarried) {
    throw new PlanError(
      `The edit '${key}' joins ${joined} units of '${name}', where a later position follows from an earlier one. Edit each position by itself.`,
    );
  }
  if (layout === 'pair') {
    throw new PlanError(`The edit '${key}' joins ${joined} units, which '${name}' does not have.`);
  }
  if (units % joined !== 0) {
    throw new PlanError(
      `The edit '${key}' of '${name}' joins ${joined} units into one vector; its location has ${counted(units)}.`,
    );
  }
}

/** @throws PlanError unless the source is an earlier component of the same units */
function checkOwnSource(architecture: Architecture, target: ComponentDescription, name: string): void {
  const source = describeComponent(architecture, name);
  const order = architecture.components.map((component) => component.name);
  const isEarlier = order.indexOf(name) < order.indexOf(target.name);
  if (!isEarlier || source.scope !== target.scope || source.scope === 'model') {
    throw new PlanError(`'${name}' is not computed before '${target.name}' in the same layer.`);
  }
  const isOtherStack = source.place?.stack !== target.place?.stack || source.isCross !== target.isCross;
  if (
    isOtherStack ||
    source.layout !== target.layout ||
    source.heads !== target.heads ||
    source.layout === 'pair'
  ) {
    throw new PlanError(`'${name}' has other units than '${target.name}', which cannot be edited from it.`);
  }
}

/** Positions that the queries of a row see at a component of pairs, masked ones counted. */
export const keysOf = (
  { isCross }: ComponentDescription,
  { length, memory }: Pick<ScheduledRow, 'length' | 'memory'>,
): number => (isCross ? (memory?.length ?? 0) : length);

/** Check one edit of a row against the model, and its source against the units it fills. */
function scheduleEdit(
  architecture: Architecture,
  edit: Edit,
  row: number,
  draft: Draft,
  drafts: readonly (Draft | undefined)[],
): ScheduledEdit {
  const stage = stageOf(architecture, edit.site);
  const component = describeComponent(architecture, edit.site.component);
  const target = resolveLocation(component, edit.location, draft.length);
  if (
    new Set(target.positions).size !== target.positions.length ||
    new Set(target.heads).size !== (target.heads?.length ?? 0)
  ) {
    throw new PlanError(`An edit of '${component.name}' names a position or head twice.`);
  }
  if (stage < draft.start) {
    throw new PlanError(
      `Row ${row} begins at layer ${draft.start}, so '${component.name}' of ${stage < 0 ? 'the embedding' : `layer ${stage}`} cannot be edited in it.`,
    );
  }
  const early = target.positions.find((position) => position < draft.first);
  if (early !== undefined) {
    throw new PlanError(
      `Row ${row} carries positions from ${draft.first} on, so position ${early} cannot be edited in it. Fork it there.`,
    );
  }
  const base = { ...edit, stage, target };
  const units = unitCount(target);
  checkJoined(component, edit.fragment, units);
  if (!edit.source) return base;
  if (edit.source.kind === 'own') {
    checkOwnSource(architecture, component, edit.source.component);
    return base;
  }
  if (edit.source.kind === 'tensor') {
    const width = component.layout === 'pair' ? keysOf(component, draft) : component.width;
    if (edit.source.data.length !== units * width) {
      throw new PlanError(
        `The source for '${component.name}' has ${edit.source.data.length} numbers; ${counted(units)} of width ${width} ${units === 1 ? 'needs' : 'need'} ${units * width}.`,
      );
    }
    return base;
  }
  const source = edit.source;
  const from = drafts[source.row];
  if (!from) throw new PlanError(`Row ${source.row} is used before it is known.`);
  requireRunning(from, source.row);
  const sourceStage = stageOf(architecture, source.site);
  const sourceComponent = describeComponent(architecture, source.site.component);
  const location = resolveLocation(sourceComponent, source.location, from.length);
  if (sourceStage > stage) {
    throw new PlanError(
      `The source '${source.site.component}' of ${sourceStage >= headStage(architecture) ? 'the head' : `layer ${sourceStage}`} is computed after layer ${stage}. Read it in a run of its own and give it as a tensor.`,
    );
  }
  if (sourceStage < from.start || location.positions.some((position) => position < from.first)) {
    throw new PlanError(
      `Row ${source.row} does not carry the source '${source.site.component}': it begins at layer ${from.start}, position ${from.first}. Name its parent instead.`,
    );
  }
  const isPair = component.layout === 'pair';
  if (sourceComponent.width !== component.width || isPair !== (sourceComponent.layout === 'pair')) {
    throw new PlanError(
      `The source '${sourceComponent.name}' has width ${sourceComponent.width}; '${component.name}' expects width ${component.width}.`,
    );
  }
  const [sourceKeys, keys] = [keysOf(sourceComponent, from), keysOf(component, draft)];
  if (isPair && sourceKeys !== keys) {
    throw new PlanError(
      `'${component.name}' can only be taken from a sequence of the same length: ${sourceKeys} and ${keys} positions.`,
    );
  }
  if (unitCount(location) !== units) {
    throw new PlanError(
      `The source of an edit names ${counted(unitCount(location))}, the edit ${units}; they must be as many.`,
    );
  }
  return {
    ...base,
    origin: { row: source.row, stage: sourceStage, component: sourceComponent.name, location },
  };
}

/**
 * @throws PlanError when the plan breaks a rule; the message says which and what would be right
 * @param ends stages that rows must reach, whatever is read of them
 * @throws UnknownComponentError for a component that the model does not have
 */
export function schedule(
  architecture: Architecture,
  asked: Plan,
  ends: ReadonlyMap<number, Stage> = new Map(),
): Schedule {
  const plan = splitStacks(architecture, asked);
  const drafts: (Draft | undefined)[] = plan.rows.map(() => undefined);
  const draftOf = (row: number): Draft => {
    const draft = drafts[row];
    if (!draft)
      throw new PlanError(`Row ${row} does not exist: the plan has rows 0 to ${plan.rows.length - 1}.`);
    return draft;
  };
  const order = dependencyOrder(plan.rows.length, (row) => dependenciesOf(plan, row));
  const ranks = new Array<number>(plan.rows.length).fill(0);
  for (const row of order) {
    const { edits = [] } = plan.rows[row] ?? {};
    const draft = draftRow(architecture, plan, row, draftOf);
    if (edits.length > 0) requireRunning(draft, row);
    draft.edits = edits.map((edit) => scheduleEdit(architecture, edit, row, draft, drafts));
    drafts[row] = draft;
    checkCarriedForks(architecture, row, draft, draftOf);
    const before = dependenciesOf(plan, row).map((other) => ranks[other] ?? 0);
    ranks[row] = before.length === 0 ? 0 : 1 + Math.max(...before);
  }

  const reads = plan.reads.map((read): ScheduledRead => {
    const draft = draftOf(read.row);
    requireRunning(draft, read.row);
    const stage = stageOf(architecture, read.site);
    const component = describeComponent(architecture, read.site.component);
    const target = resolveLocation(component, read.location, draft.length);
    if (read.reduction && component.layout === 'pair') {
      throw new PlanError(
        `The reduction '${read.reduction.key}' cannot be taken of '${component.name}', whose batches are padded. Read it whole and reduce what comes back.`,
      );
    }
    if (stage < draft.start || target.positions.some((position) => position < draft.first)) {
      throw new PlanError(
        `Row ${read.row} does not carry '${read.site.component}' there: it begins at layer ${draft.start}, position ${draft.first}. Read its parent instead.`,
      );
    }
    draft.end = Math.max(draft.end, stage);
    return { ...read, stage, target };
  });

  for (const [row, end] of ends) draftOf(row).end = Math.max(draftOf(row).end, end);

  // Later rows first: what they need of their parents and sources lengthens those rows' lives.
  const lastLayer = architecture.layerCount - 1;
  const rows: (ScheduledRow | undefined)[] = plan.rows.map(() => undefined);
  for (const row of [...order].reverse()) {
    const draft = draftOf(row);
    const start = plan.rows[row]?.start;
    if (start?.kind === 'fork') {
      const parent = draftOf(start.parent);
      parent.end = Math.max(parent.end, start.layer - 1);
    }
    const lengthen = (owner: number, lastStage: Stage) => {
      const ancestor = draftOf(owner);
      ancestor.end = Math.max(ancestor.end, Math.min(draft.end, lastStage));
    };
    for (const { row: owner } of draft.past) lengthen(owner, lastLayer);
    if (draft.memory) lengthen(draft.memory.row, draft.memory.to - 1);
    for (const { origin, stage } of draft.edits) {
      if (!origin || stage > draft.end) continue;
      const source = draftOf(origin.row);
      source.end = Math.max(source.end, origin.stage);
    }
    rows[row] = { ...draft, rank: ranks[row] ?? 0 };
  }

  const done = rows.filter((row) => row !== undefined);
  const layersOf = (row: ScheduledRow) => {
    const [from, to] = [Math.max(row.start, 0), Math.min(row.end, lastLayer)];
    if (!architecture.encoder) return Math.max(0, to - from + 1);
    const stages = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
    return stages.filter((stage) => partAt(architecture, { stack: row.stack, stage })).length;
  };
  const longest = (stack: StackName) =>
    done.reduce((most, row) => (row.stack === stack ? Math.max(most, row.length) : most), 1);
  return {
    plan,
    rows: done,
    reads,
    longest: { main: longest('main'), encoder: longest('encoder'), first: longest('first') },
    rowLayers: done.reduce((sum, row) => sum + layersOf(row), 0),
    tokenLayers: done.reduce((sum, row) => sum + layersOf(row) * (row.length - row.first), 0),
  };
}
