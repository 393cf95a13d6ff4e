// The first pass of generation: all prompts under their edits as one plan. A prompt without edits runs once, and rows
// that are edited fork from it where their edits begin, so that a sweep of strengths shares all that comes before. What
// the rows need for going on, their keys and values, is copied into the cache while the plan runs.

import type { Architecture } from '../../architectures/architecture.ts';
import type { DeviceTensor } from '../backends/backend.ts';
import { type ExecuteContext, type ExecuteOptions, execute } from '../forward/execute.ts';
import type { PlacedRow } from '../forward/placedRow.ts';
import type { RowKeeper } from '../forward/rowKeeper.ts';
import type { Plan, Row } from '../plan/plan.ts';
import { schedule } from '../plan/schedule.ts';
import type { Stage } from '../plan/stage.ts';
import type { GenerationCache, SlotMove } from './cache.ts';
import { actingPositions, type CheckedEdit } from './checkedEdits.ts';

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
  prompts: readonly { readonly tokens: readonly number[]; readonly edits: readonly CheckedEdit[] }[],
): PromptPlan {
  const rows: PromptRow[] = [];
  const known = new Map<string, number>();
  const names = new Map<CheckedEdit['edit'], number>();
  const once = (key: string, make: () => PromptRow): number => {
    const found = known.get(key) ?? rows.push(make()) - 1;
    known.set(key, found);
    return found;
  };
  const rowOf = prompts.map(({ tokens, edits }) => {
    const { length } = tokens;
    const start = { kind: 'tokens', tokens } as const;
    const plain = () => once(`${tokens}`, () => ({ row: { start, edits: [] }, length }));
    const acting = edits.flatMap((checked) => {
      const positions = actingPositions(checked, length);
      if (positions.length === 0) return [];
      if (!names.has(checked.edit)) names.set(checked.edit, names.size);
      return [{ checked, positions, name: `${names.get(checked.edit)}@${positions}` }];
    });
    if (acting.length === 0) return plain();
    const made = acting.map(({ checked, positions }) => checked.at(positions));
    const stage = Math.min(...acting.map(({ checked }) => checked.stage));
    const key = `${tokens} ${acting.map(({ name }) => name).join(' ')}`;
    // The embedding comes before any layer: there is nothing to fork from.
    if (stage < 0) return once(key, () => ({ row: { start, edits: made }, length }));
    const fork: Fork = {
      parent: plain(),
      layer: Math.min(stage, architecture.layerCount - 1),
      position: Math.min(...acting.flatMap(({ positions }) => positions)),
    };
    return once(key, () => ({ row: { start: { kind: 'fork', ...fork }, edits: made }, length, fork }));
  });
  return { rows, rowOf };
}

/** The slots of a row of the plan: of its positions `from` and on. */
interface HeldSlots {
  readonly from: number;
  readonly slots: readonly number[];
}

function holdSlots({ rows, rowOf }: PromptPlan, cache: GenerationCache): readonly HeldSlots[] {
  const ends = new Set(rowOf);
  const wanted = rows.map(({ length, fork }, row) => {
    if (fork) return { from: fork.position, count: length - fork.position };
    const shared = rows.map((other) => (other.fork?.parent === row ? other.fork.position : 0));
    return { from: 0, count: ends.has(row) ? length : Math.max(0, ...shared) };
  });
  cache.reserve(wanted.reduce((sum, { count }) => sum + count, 0));
  return wanted.map(({ from, count }) => ({ from, slots: cache.take(count) }));
}

/** Copies keys and values into the slots of the rows that will read them. */
class PromptKeeper implements RowKeeper {
  readonly #plan: PromptPlan;
  readonly #held: readonly HeldSlots[];
  readonly #cache: GenerationCache;
  readonly #layerCount: number;

  constructor(
    plan: PromptPlan,
    held: readonly HeldSlots[],
    cache: GenerationCache,
    { layerCount }: Architecture,
  ) {
    this.#plan = plan;
    this.#held = held;
    this.#cache = cache;
    this.#layerCount = layerCount;
  }

  /** The rows that take their keys and values of a layer from `row`: itself, and those that fork from it later. */
  #takers(row: number, stage: Stage): readonly HeldSlots[] {
    if (stage < 0 || stage >= this.#layerCount) return [];
    return this.#held.filter((_, other) => {
      const fork = this.#plan.rows[other]?.fork;
      return other === row || (fork?.parent === row && fork.layer > stage);
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
  const held = holdSlots(prompts, cache);
  const results = await execute(
    context,
    schedule(architecture, plan),
    options,
    new PromptKeeper(prompts, held, cache, architecture),
  );
  const found = rowOf.map((row): PromptEnd => {
    const fork = rows[row]?.fork;
    const before = fork ? (held[fork.parent]?.slots.slice(0, fork.position) ?? []) : [];
    const logits = results[ends.indexOf(row)]?.value?.data;
    if (!(logits instanceof Float32Array)) throw new Error('The head gave no logits.');
    return { slots: [...before, ...(held[row]?.slots ?? [])], logits };
  });
  for (const { slots } of found) cache.share(slots);
  for (const { slots } of held) cache.release(slots);
  return found;
}
