// Takes a plan for a model of several stacks apart by stack. Whoever makes a plan speaks of rows that have both a source and a
// target, and where an encoder reads another stack a source of the source; the engine runs each stack's rows as rows of their
// own, and a row names the one of the stack before whose last states it reads. Rows with the same source and no edits of that
// stack share one, so a change in the decoder leaves the encoder's rows alone.

import {
  type Architecture,
  type BlockScope,
  type EmbedScope,
  encodersOf,
  type GraphPart,
  type HeadScope,
  type ModelInput,
  type StackName,
} from '../../architectures/architecture.ts';
import {
  type Edit,
  type Plan,
  PlanError,
  type Read,
  type Row,
  type RowSource,
  type RowStart,
  type Site,
} from './plan.ts';
import { describeComponent } from './sites.ts';
import { embedStage, headStage, type Stage } from './stage.ts';

/** A row of one stack. */
export interface StackRow extends Row {
  readonly stack: StackName;
  /** The row of the stack before whose states it reads. A fork's are its parent's unless it names its own. */
  readonly memory?: number;
}

export interface StackPlan {
  /** Those of the plan that was taken apart come first, as rows of the main stack. */
  readonly rows: readonly StackRow[];
  readonly reads: readonly Read[];
}

/** In the order in which they run at a stage; a model has the last so many. */
export const stackNames: readonly StackName[] = ['first', 'encoder', 'main'];

/** Where a batch stands: its rows are of one stack. */
export interface StackStage {
  readonly stack: StackName;
  readonly stage: Stage;
}

/** A stack of a model: its rows, and where its own layers lie. */
export interface Stack {
  readonly name: StackName;
  /** Its layers are the stages `from` to `to` (exclusive); in those of its reader its rows hand over what is read of them. */
  readonly from: Stage;
  readonly to: Stage;
  readonly width: number;
  readonly maxPositions: number;
  readonly input?: ModelInput;
  readonly embed: GraphPart<EmbedScope>;
  /** For each layer of its reader. */
  readonly memory: readonly GraphPart<BlockScope>[];
}

const known = new WeakMap<Architecture, readonly Stack[]>();

/** The stacks of a model in the order in which they run: each reads the one before it. */
export function stacksOf(architecture: Architecture): readonly Stack[] {
  const found = known.get(architecture);
  if (found) return found;
  const encoders = encodersOf(architecture);
  if (encoders.length >= stackNames.length)
    throw new Error(`A ${architecture.family} model has more stacks than have names.`);
  let from = 0;
  const stacks = [...encoders, undefined].map((encoder, index): Stack => {
    const { embed, width, maxPositions, input } = encoder ?? architecture;
    const to = encoder ? from + encoder.layerCount : architecture.layerCount;
    const name = stackNames[stackNames.length - 1 - encoders.length + index] ?? 'main';
    const memory = encoder?.memory ?? [];
    const stack = { name, from, to, width, maxPositions, embed, memory, ...(input ? { input } : {}) };
    from = to;
    return stack;
  });
  known.set(architecture, stacks);
  return stacks;
}

/** @throws Error for a stack that the model does not have */
export function stackNamed(architecture: Architecture, name: StackName): Stack {
  const found = stacksOf(architecture).find((stack) => stack.name === name);
  if (!found) throw new Error(`A ${architecture.family} model has no stack '${name}'.`);
  return found;
}

/** The stack whose rows have a component. */
export const stackOf = (architecture: Architecture, component: string): StackName =>
  describeComponent(architecture, component).place?.stack ?? 'main';

type PlacedPart =
  | { readonly kind: 'embed'; readonly part: GraphPart<EmbedScope> }
  | { readonly kind: 'block'; readonly part: GraphPart<BlockScope> }
  | { readonly kind: 'head'; readonly part: GraphPart<HeadScope> };

/** What rows of a stack pass at a stage; undefined where they wait, and for a stack that the model does not have. */
export function partAt(architecture: Architecture, { stack, stage }: StackStage): PlacedPart | undefined {
  const stacks = stacksOf(architecture);
  const index = stacks.findIndex(({ name }) => name === stack);
  const own = stacks[index];
  if (!own) return undefined;
  if (stage === embedStage) return { kind: 'embed', part: own.embed };
  if (stage === headStage(architecture))
    return stack === 'main' ? { kind: 'head', part: architecture.head } : undefined;
  const reader = stacks[index + 1];
  const part =
    stage >= own.from && stage < own.to
      ? architecture.blocks[stage]
      : reader && stage >= reader.from && stage < reader.to
        ? own.memory[stage - reader.from]
        : undefined;
  return part && { kind: 'block', part };
}

/** Entries of a state of a row. */
export const widthOf = (architecture: Architecture, stack: StackName): number =>
  stackNamed(architecture, stack).width;

/** What rows of a stack read in place of tokens. */
export const inputOf = (architecture: Architecture, stack: StackName): ModelInput | undefined =>
  stackNamed(architecture, stack).input;

/** The source of a stack that lies so many before the main one: the decoder's is 1 before it. */
export function sourceBefore(start: RowStart, before: number): RowSource | undefined {
  let found: RowStart | RowSource = start;
  for (let at = 0; at < before; at++) {
    if (found.kind !== 'tokens' || !found.source) return undefined;
    found = found.source;
  }
  return found.kind === 'fork' || found.kind === 'kept' ? undefined : found;
}

/** Positions that a stack has in a row that starts so: those of what it reads; 0 where that is missing. */
export function lengthOfStack(architecture: Architecture, start: RowStart, name: StackName): number {
  const stacks = stacksOf(architecture);
  const at = stacks.findIndex((stack) => stack.name === name);
  const input = stacks[at]?.input;
  const source = sourceBefore(start, stacks.length - 1 - at);
  return input?.positions ?? (source?.kind === 'tokens' ? source.tokens.length : 0);
}

/** While the layers of the stacks before it run a row waits as it left its embedding, so it forks there. */
const startsWaiting = (start: RowStart, from: Stage): RowStart =>
  start.kind === 'fork' && start.layer >= 0 && start.layer <= from ? { ...start, layer: 0 } : start;

const whatIsRead = { image: 'an image', sound: 'a sound' } as const;

/** @throws PlanError for rows that have a source where no stack reads it, or none where one does */
export function splitStacks(architecture: Architecture, plan: Plan): StackPlan {
  const { family } = architecture;
  const { rows, reads } = plan;
  const stacks = stacksOf(architecture);
  const last = stacks.length - 1;
  for (const { start } of rows) {
    if (!sourceBefore(start, last + 1)) continue;
    throw new PlanError(
      last === 0
        ? `A ${family} model has no encoder, so a source has no place in it.`
        : `A ${family} model has ${last + 1} stacks, so what its first one reads has no source.`,
    );
  }
  if (last === 0) return { rows: rows.map((row) => ({ ...row, stack: 'main' })), reads };
  const made: StackRow[] = [];
  const shared = stacks.map(() => new Map<unknown, number>());
  const known = stacks.map(() => new Map<number, number>());
  const levelOf = ({ site }: { readonly site: Site }): number => {
    const name = stackOf(architecture, site.component);
    return stacks.findIndex((stack) => stack.name === name);
  };
  const rowAt = (row: number): Row => {
    const found = rows[row];
    if (!found) throw new PlanError(`Row ${row} does not exist: the plan has rows 0 to ${rows.length - 1}.`);
    return found;
  };
  const rowFor = (row: number, site: Site) => rowOfStack(levelOf({ site }), row);
  const redirected = (edit: Edit): Edit => {
    const { source, site } = edit;
    if (source?.kind !== 'row') return edit;
    if (levelOf(edit) < levelOf(source))
      throw new PlanError(
        `'${site.component}' belongs to ${last === 1 ? 'the encoder, which is done before the decoder begins' : 'a stack that is done before its reader begins'}, so it cannot be taken from '${source.site.component}'. Read that in a run of its own and give it as a tensor.`,
      );
    return { ...edit, source: { ...source, row: rowFor(source.row, source.site) } };
  };
  const editsAt = (row: number, level: number) => rowAt(row).edits.filter((edit) => levelOf(edit) === level);
  /** The first edit of a row in a stack, or in those before it. */
  const changeUpTo = (row: number, level: number): Edit | undefined =>
    rowAt(row).edits.find((edit) => levelOf(edit) <= level);
  const sourceAt = (row: number, level: number): RowSource => {
    const found = sourceBefore(rowAt(row).start, last - level);
    if (found) return found;
    const input = stacks[level]?.input;
    const what = input ? whatIsRead[input.kind] : 'a source text';
    throw new PlanError(
      last === 1
        ? `Row ${row} has no source: the encoder of a ${family} model reads ${what}, and its decoder the tokens written so far. Give both.`
        : `Row ${row} lacks a source: a ${family} model has ${last + 1} stacks, and the ${level === 0 ? 'first' : 'next'} reads ${what}. Give a source to each stack but the first.`,
    );
  };

  /** The row in which a stack runs what a row of the plan says of it; the main stack's are those of the plan. */
  function rowOfStack(level: number, row: number): number {
    if (level === last) return row;
    const found = known[level]?.get(row);
    if (found !== undefined) return found;
    const settle = (place: number): number => {
      known[level]?.set(row, place);
      return place;
    };
    const { start } = rowAt(row);
    const stack = stacks[level]?.name ?? 'encoder';
    const own = editsAt(row, level);
    const isChangedBefore = changeUpTo(row, level - 1) !== undefined;
    if (start.kind === 'fork' && own.length === 0 && !isChangedBefore)
      return settle(rowOfStack(level, start.parent));
    const source = start.kind === 'fork' ? undefined : sourceAt(row, level);
    const memory =
      level > 0 && (start.kind !== 'fork' || isChangedBefore) ? rowOfStack(level - 1, row) : undefined;
    const key = source?.kind === 'input' ? source.data : source && `${memory ?? ''}:${source.tokens}`;
    const same = own.length === 0 ? shared[level]?.get(key) : undefined;
    if (same !== undefined && source) return settle(same);
    // Its place is taken before its sources ask for places of theirs.
    const place = settle(rows.length + made.length);
    if (own.length === 0 && source) shared[level]?.set(key, place);
    made.push({ start: { kind: 'tokens', tokens: [] }, edits: [], stack });
    made[place - rows.length] = {
      start:
        start.kind === 'fork'
          ? startsWaiting(
              { ...start, parent: rowOfStack(level, start.parent), position: 0 },
              stacks[level]?.from ?? 0,
            )
          : withoutSource(sourceAt(row, level)),
      edits: own.map(redirected),
      stack,
      ...(memory === undefined ? {} : { memory }),
    };
    return place;
  }

  const from = stacks[last]?.from ?? 0;
  const main = rows.map((row, index): StackRow => {
    const { start } = row;
    const rest = editsAt(index, last).map(redirected);
    if (start.kind === 'kept')
      throw new PlanError(
        `Rows of a ${family} model cannot be kept: they are of ${last === 1 ? 'two' : 'several'} stacks.`,
      );
    if (start.kind !== 'fork') {
      const memory = rowOfStack(last - 1, index);
      return { start, edits: rest, stack: 'main', memory };
    }
    const change = changeUpTo(index, last - 1);
    if (change && start.position > 0)
      throw new PlanError(
        `Row ${index} changes '${change.site.component}', which every position of the decoder reads, so it can only fork at position 0.`,
      );
    return {
      start: startsWaiting(start, from),
      edits: rest,
      stack: 'main',
      ...(change ? { memory: rowOfStack(last - 1, index) } : {}),
    };
  });
  const split = reads.map((read): Read => ({ ...read, row: rowFor(read.row, read.site) }));
  return { rows: [...main, ...made], reads: split };
}

const withoutSource = (source: RowSource): RowStart =>
  source.kind === 'tokens' ? { kind: 'tokens', tokens: source.tokens } : source;
