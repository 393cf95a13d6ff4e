// The first pass of generation: all prompts under their edits as one plan. A prompt without edits runs once, and rows
// that are edited fork from it where their edits begin, so that a sweep of strengths shares all that comes before. What
// the rows need for going on, their keys and values, is copied into the cache while the plan runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { DeviceTensor } from '../backends/backend.ts';
import { type ExecuteContext, type ExecuteOptions, execute } from '../forward/execute.ts';
import type { PlacedRow } from '../forward/placedRow.ts';
import type { RowKeeper } from '../forward/rowKeeper.ts';
import type { Plan, Row, RowSource } from '../plan/plan.ts';
import { schedule } from '../plan/schedule.ts';
import type { Schedule } from '../plan/scheduled.ts';
import { type StackPlan, stackNamed, stackOf } from '../plan/stacks.ts';
import type { Stage } from '../plan/stage.ts';
import type { GenerationCache, SlotMove } from './cache.ts';
import { actingPositions, type CheckedEdit } from './checkedEdits.ts';
import type { GenerationRow } from './request.ts';

interface Fork {
  readonly parent: number;
  readonly layer: number;
  readonly position: number;
}

interface PromptRow {
  readonly row: Row;
  readonly length: number;
  readonly fork?: Fork;
}

export interface PromptPlan {
  readonly rows: readonly PromptRow[];
  /** The row of the plan that a row of the request ends as. */
  readonly rowOf: readonly number[];
}

/** Which rows the prompts of a request need: alike ones once, edited ones as forks. */
export function planPrompts(
  architecture: Architecture,
  prompts: readonly (Pick<GenerationRow, 'tokens' | 'source'> & { readonly edits: readonly CheckedEdit[] })[],
): PromptPlan {
  const rows: PromptRow[] = [];
  const known = new Map<string, number>();
  const names = new Map<CheckedEdit['edit'], number>();
  const once = (key: string, make: () => PromptRow): number => {
    const found = known.get(key) ?? rows.push(make()) - 1;
    known.set(key, found);
    return found;
  };
  const sources = new Map<unknown, number>();
  /** Tells what encoders read apart: texts by their tokens, pictures and sounds by being the same numbers. */
  const nameOf = (source: RowSource | undefined): string => {
    if (!source) return '';
    const key = source.kind === 'tokens' ? `${nameOf(source.source)}${source.tokens}` : source.data;
    if (!sources.has(key)) sources.set(key, sources.size);
    return `${sources.get(key)}:`;
  };
  const rowOf = prompts.map(({ tokens, source, edits }) => {
    const { length } = tokens;
    const start = { kind: 'tokens', tokens, ...(source ? { source } : {}) } as const;
    const text = `${nameOf(source)}${tokens}`;
    const plain = () => once(text, () => ({ row: { start, edits: [] }, length }));
    const acting = edits.flatMap((checked) => {
      const positions = actingPositions(checked, length);
      if (positions.length === 0) return [];
      if (!names.has(checked.edit)) names.set(checked.edit, names.size);
      return [{ checked, positions, name: `${names.get(checked.edit)}@${positions}` }];
    });
    if (acting.length === 0) return plain();
    const made = acting.map(({ checked, positions }) => checked.at(positions));
    const stage = Math.min(...acting.map(({ checked }) => checked.stage));
    const key = `${text} ${acting.map(({ name }) => name).join(' ')}`;
    // The embedding comes before any layer: there is nothing to fork from.
    if (stage < 0) return once(key, () => ({ row: { start, edits: made }, length }));
    const fork: Fork = {
      parent: plain(),
      layer: Math.min(stage, architecture.layerCount - 1),
      // What is changed in the encoder is read at all positions.
      position: acting.some(({ checked }) => stackOf(architecture, checked.edit.site.component) !== 'main')
        ? 0
        : Math.min(...acting.flatMap(({ positions }) => positions)),
    };
    return once(key, () => ({ row: { start: { kind: 'fork', ...fork }, edits: made }, length, fork }));
  });
  return { rows, rowOf };
}

/** The slots of a row: of its positions `from` and on. */
interface HeldSlots {
  readonly from: number;
  readonly slots: readonly number[];
}

/**
 * Slots for each row of a schedule. Those of the prompt plan come first: what they carry of a row that is asked for, and what
 * others share with them; then the encoder's, for rows that are asked for to read.
 */
function holdSlots(
  { rowOf }: PromptPlan,
  { rows, plan }: Schedule,
  cache: GenerationCache,
): readonly HeldSlots[] {
  const ends = new Set(rowOf);
  const read = new Set([...ends].map((row) => rows[row]?.memory?.row));
  const wanted = rows.map(({ length, first, stack }, row) => {
    if (stack !== 'main') return { from: 0, count: read.has(row) ? length : 0 };
    if (plan.rows[row]?.start.kind === 'fork') return { from: first, count: length - first };
    const shared = rows.map((other, index) => {
      const start = plan.rows[index]?.start;
      return start?.kind === 'fork' && start.parent === row && other.stack === 'main' ? other.first : 0;
    });
    return { from: 0, count: ends.has(row) ? length : Math.max(0, ...shared) };
  });
  cache.reserve(wanted.reduce((sum, { count }) => sum + count, 0));
  return wanted.map(({ from, count }) => ({ from, slots: cache.take(count) }));
}

/** Copies keys and values into the slots of the rows that will read them. */
class PromptKeeper implements RowKeeper {
  readonly #plan: StackPlan;
  readonly #held: readonly HeldSlots[];
  readonly #cache: GenerationCache;
  readonly #layers: { readonly from: number; readonly to: number };

  constructor(
    { plan }: Schedule,
    held: readonly HeldSlots[],
    cache: GenerationCache,
    architecture: Architecture,
  ) {
    this.#plan = plan;
    this.#held = held;
    this.#cache = cache;
    this.#layers = stackNamed(architecture, 'main');
  }

  /** The rows that take their keys and values of a layer from `row`: itself, and those that fork from it later. */
  #takers(row: number, stage: Stage): readonly HeldSlots[] {
    if (stage < this.#layers.from || stage >= this.#layers.to) return [];
    return this.#held.filter((_, other) => {
      const start = this.#plan.rows[other]?.start;
      return other === row || (start?.kind === 'fork' && start.parent === row && start.layer > stage);
    });
  }

  wantsPresent(batch: readonly number[], stage: Stage): boolean {
    return batch.some((row) => this.#takers(row, stage).some(({ slots }) => slots.length > 0));
  }

  takeHidden(): void {}

  takePresent(
    placed: readonly PlacedRow[],
    stage: Stage,
    { 'present.keys': keys, 'present.values': values }: Readonly<Record<string, DeviceTensor>>,
  ): void {
    if (!keys || !values) return;
    const moves = placed.flatMap(({ row, tokenOf }) =>
      this.#takers(row, stage).flatMap(({ from, slots }) =>
        slots.map((slot, index): SlotMove => ({ from: tokenOf(from + index) ?? 0, slot })),
      ),
    );
    this.#cache.write(stage, keys, values, moves);
  }
}

export interface PromptEnd {
  /** The slot of each position. */
  readonly slots: readonly number[];
  /** The slot of each position of the encoder that it reads; none in other models. */
  readonly memory: readonly number[];
  /** [vocabulary] of the last position. */
  readonly logits: Float32Array;
}

/**
 * Run the prompts and fill the cache.
 * @returns one entry for each row of the request; each holds its slots
 */
export async function runPrompts(
  context: ExecuteContext,
  prompts: PromptPlan,
  cache: GenerationCache,
  options: ExecuteOptions,
): Promise<readonly PromptEnd[]> {
  const { architecture } = context;
  const { rows, rowOf } = prompts;
  const ends = [...new Set(rowOf)];
  const plan: Plan = {
    rows: rows.map(({ row }) => row),
    reads: ends.map((row) => ({
      row,
      site: { component: 'logits', layer: null },
      location: { positions: [(rows[row]?.length ?? 1) - 1] },
    })),
  };
  const scheduled = schedule(architecture, plan);
  const held = holdSlots(prompts, scheduled, cache);
  const results = await execute(
    context,
    scheduled,
    options,
    new PromptKeeper(scheduled, held, cache, architecture),
  );
  const found = rowOf.map((row): PromptEnd => {
    const fork = rows[row]?.fork;
    const before = fork ? (held[fork.parent]?.slots.slice(0, fork.position) ?? []) : [];
    const logits = results[ends.indexOf(row)]?.value?.data;
    if (!(logits instanceof Float32Array)) throw new Error('The head gave no logits.');
    const memory = held[scheduled.rows[row]?.memory?.row ?? -1]?.slots ?? [];
    return { slots: [...before, ...(held[row]?.slots ?? [])], memory, logits };
  });
  for (const { slots, memory } of found) cache.share([...slots, ...memory]);
  for (const { slots } of held) cache.release(slots);
  return found;
}
