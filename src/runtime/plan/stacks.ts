// Takes a plan for an encoder-decoder apart by stack. Whoever makes a plan speaks of rows that have both a source and a
// target; the engine runs the encoder's rows and the decoder's as rows of their own, and a decoder's row names the encoder's
// whose last states it reads. Rows with the same source and no edits of the encoder share one, so a change in the decoder
// leaves the encoder's rows alone.

import type {
  Architecture,
  BlockScope,
  EmbedScope,
  GraphPart,
  HeadScope,
  ModelInput,
  StackName,
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
  /** The encoder's row whose states a decoder's row reads. A fork's are its parent's unless it names its own. */
  readonly memory?: number;
}

export interface StackPlan {
  /** Those of the plan that was taken apart come first, as rows of the main stack. */
  readonly rows: readonly StackRow[];
  readonly reads: readonly Read[];
}

/** In the order in which they run at a stage. */
export const stackNames: readonly StackName[] = ['encoder', 'main'];

/** Where a batch stands: its rows are of one stack. */
export interface StackStage {
  readonly stack: StackName;
  readonly stage: Stage;
}

/** The stack whose rows have a component. */
export const stackOf = (architecture: Architecture, component: string): StackName =>
  describeComponent(architecture, component).place?.stack ?? 'main';

type PlacedPart =
  | { readonly kind: 'embed'; readonly part: GraphPart<EmbedScope> }
  | { readonly kind: 'block'; readonly part: GraphPart<BlockScope> }
  | { readonly kind: 'head'; readonly part: GraphPart<HeadScope> };

/** What rows of a stack pass at a stage; undefined where they wait. */
export function partAt(architecture: Architecture, { stack, stage }: StackStage): PlacedPart | undefined {
  const { encoder, blocks } = architecture;
  const first = encoder?.layerCount ?? 0;
  const isEncoders = stack === 'encoder' && encoder !== undefined;
  if (stage === embedStage) return { kind: 'embed', part: (isEncoders ? encoder : architecture).embed };
  if (stage === headStage(architecture))
    return isEncoders ? undefined : { kind: 'head', part: architecture.head };
  const own = stage >= first ? blocks[stage] : undefined;
  const encoders = stage < first ? blocks[stage] : encoder?.memory[stage - first];
  const part = isEncoders ? encoders : own;
  return part && { kind: 'block', part };
}

/** Entries of a state of a row. */
export const widthOf = ({ width, encoder }: Architecture, stack: StackName): number =>
  stack === 'encoder' ? (encoder?.width ?? width) : width;

/** What rows of a stack read in place of tokens. */
export const inputOf = ({ input, encoder }: Architecture, stack: StackName): ModelInput | undefined =>
  stack === 'encoder' ? encoder?.input : input;

/** While the encoder's layers run a decoder's row waits as it left its embedding, so it forks there. */
const startsWaiting = (start: RowStart, encoderLayers: number): RowStart =>
  start.kind === 'fork' && start.layer >= 0 && start.layer <= encoderLayers ? { ...start, layer: 0 } : start;

/** @throws PlanError for rows that have a source where the model has no encoder, or none where it has one */
export function splitStacks(architecture: Architecture, plan: Plan): StackPlan {
  const { encoder, family } = architecture;
  const { rows, reads } = plan;
  if (!encoder) {
    if (rows.some(({ start }) => start.kind === 'tokens' && start.source))
      throw new PlanError(`A ${family} model has no encoder, so a source has no place in it.`);
    return { rows: rows.map((row) => ({ ...row, stack: 'main' })), reads };
  }
  const encoders: StackRow[] = [];
  const shared = new Map<unknown, number>();
  const known = new Map<number, number>();
  const isEncoders = ({ site }: { readonly site: Site }) =>
    stackOf(architecture, site.component) === 'encoder';
  const rowAt = (row: number): Row => {
    const found = rows[row];
    if (!found) throw new PlanError(`Row ${row} does not exist: the plan has rows 0 to ${rows.length - 1}.`);
    return found;
  };
  const rowFor = (row: number, site: Site) => (isEncoders({ site }) ? encoderRow(row) : row);
  const redirected = (edit: Edit): Edit => {
    const { source, site } = edit;
    if (source?.kind !== 'row') return edit;
    if (isEncoders(edit) && !isEncoders(source))
      throw new PlanError(
        `'${site.component}' belongs to the encoder, which is done before the decoder begins, so it cannot be taken from '${source.site.component}'. Read that in a run of its own and give it as a tensor.`,
      );
    return { ...edit, source: { ...source, row: rowFor(source.row, source.site) } };
  };

  const sourceOf = (row: number): RowSource => {
    const { start } = rowAt(row);
    if (start.kind === 'tokens' && start.source) return start.source;
    const reads = encoder.input
      ? { image: 'an image', sound: 'a sound' }[encoder.input.kind]
      : 'a source text';
    throw new PlanError(
      `Row ${row} has no source: the encoder of a ${family} model reads ${reads}, and its decoder the tokens written so far. Give both.`,
    );
  };
  const isFork = (row: number) => rowAt(row).start.kind === 'fork';
  function encoderRow(row: number): number {
    const found = known.get(row);
    if (found !== undefined) return found;
    const { start, edits } = rowAt(row);
    const own = edits.filter(isEncoders);
    if (start.kind === 'fork' && own.length === 0) {
      const parents = encoderRow(start.parent);
      known.set(row, parents);
      return parents;
    }
    const source = start.kind === 'fork' ? undefined : sourceOf(row);
    const key = source?.kind === 'tokens' ? `${source.tokens}` : source?.data;
    const same = own.length === 0 ? shared.get(key) : undefined;
    const made = same ?? rows.length + encoders.length;
    known.set(row, made);
    if (same !== undefined) return same;
    if (own.length === 0) shared.set(key, made);
    // Its place is taken before its sources ask for places of theirs.
    encoders.push({ start: { kind: 'tokens', tokens: [] }, edits: [], stack: 'encoder' });
    encoders[made - rows.length] = {
      start:
        start.kind === 'fork' ? { ...start, parent: encoderRow(start.parent), position: 0 } : sourceOf(row),
      edits: own.map(redirected),
      stack: 'encoder',
    };
    return made;
  }

  const main = rows.map((row, index): StackRow => {
    const { start, edits } = row;
    const rest = edits.filter((edit) => !isEncoders(edit)).map(redirected);
    if (start.kind === 'kept')
      throw new PlanError(`Rows of a ${family} model cannot be kept: they are of two stacks.`);
    if (isFork(index)) {
      const changes = edits.find(isEncoders);
      if (start.kind === 'fork' && changes && start.position > 0)
        throw new PlanError(
          `Row ${index} changes '${changes.site.component}', which every position of the decoder reads, so it can only fork at position 0.`,
        );
      return {
        start: startsWaiting(start, encoder.layerCount),
        edits: rest,
        stack: 'main',
        ...(changes ? { memory: encoderRow(index) } : {}),
      };
    }
    const memory = encoderRow(index);
    return { start, edits: rest, stack: 'main', memory };
  });
  const split = reads.map((read): Read => ({ ...read, row: rowFor(read.row, read.site) }));
  return { rows: [...main, ...encoders], reads: split };
}
