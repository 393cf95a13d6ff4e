// Sequences that grow, token by token, under edits that live through them. A decoder holds what was computed of them; a
// step runs the new tokens only, of as many rows at once as go on. Which tokens those are is another's choice.

import { numbersHeld } from '../../architectures/architecture.ts';
import type { ExecuteContext, ExecuteOptions } from '../forward/execute.ts';
import { PlanError, type RowSource } from '../plan/plan.ts';
import { GenerationCache } from './cache.ts';
import { type CheckedEdit, checkEdits } from './checkedEdits.ts';
import { runStep, type StepRow } from './decodeStep.ts';
import { lengthSwitch, positionLimit } from './limits.ts';
import { planPrompts, runPrompts } from './prompts.ts';
import type { GenerationRow } from './request.ts';

/** What a decoder runs on. */
export interface DecoderHost {
  readonly context: ExecuteContext;
  /** Waits for the model's other runs. */
  readonly take: <T>(work: () => Promise<T>) => Promise<T>;
}

interface LiveRow {
  readonly tokens: number[];
  readonly edits: readonly CheckedEdit[];
  slots: number[];
  memory: readonly number[];
  readonly source?: RowSource;
}

export class Decoder {
  readonly #host: DecoderHost;
  readonly #cache: GenerationCache;
  readonly #live = new Map<number, LiveRow>();

  private constructor(host: DecoderHost) {
    this.#host = host;
    this.#cache = new GenerationCache(host.context.backend);
  }

  /**
   * Run the prompts.
   * @returns a decoder, and for each row the logits of its last position, [vocabulary]
   * @throws PlanError when a prompt or an edit does not fit the model, before anything runs
   */
  static async start(
    host: DecoderHost,
    rows: readonly GenerationRow[],
    options: ExecuteOptions = {},
  ): Promise<{ readonly decoder: Decoder; readonly logits: readonly Float32Array[] }> {
    const { context } = host;
    const checked = checkEdits(context.architecture, rows);
    const plan = planPrompts(
      context.architecture,
      rows.map(({ tokens, source }, row) => ({
        tokens,
        ...(source ? { source } : {}),
        edits: checked[row] ?? [],
      })),
    );
    const decoder = new Decoder(host);
    try {
      const ends = await host.take(() => runPrompts(context, plan, decoder.#cache, options));
      ends.forEach(({ slots, memory }, row) => {
        const source = rows[row]?.source;
        decoder.#live.set(row, {
          tokens: [...(rows[row]?.tokens ?? [])],
          edits: checked[row] ?? [],
          slots: [...slots],
          memory,
          ...(source ? { source } : {}),
        });
      });
      return { decoder, logits: ends.map(({ logits }) => logits) };
    } catch (error) {
      decoder.dispose();
      throw error;
    }
  }

  /** Positions that are kept of all rows together, counting shared ones once. */
  get capacity(): number {
    return this.#cache.capacity;
  }

  /**
   * Append a token to rows and run it. A row without a token waits; one that will not go on should `leave`.
   * @returns the logits that follow, [vocabulary], by row
   * @throws PlanError for a row that has left, a token that does not exist, or a sequence that is as long as the model's
   */
  async step(
    tokens: ReadonlyMap<number, number>,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<number, Float32Array>> {
    const { context, take } = this.#host;
    const entries = [...tokens].map(([row, token]) => ({ row, token, live: this.#checked(row, token) }));
    const found = new Map<number, Float32Array>();
    const last = lengthSwitch(context.architecture);
    const isAtSwitch = ({ live }: { readonly live: LiveRow }) => live.slots.length === last;
    for (const { token, live } of entries) live.tokens.push(token);
    await take(async () => {
      const begun = entries.filter(isAtSwitch);
      if (begun.length > 0) await this.#beginAgain(begun, found, signal);
      for (const batch of this.#batches(entries.filter(({ row }) => !found.has(row)))) {
        const rows = batch.map(({ token, live }): StepRow => {
          const position = live.slots.length;
          live.slots.push(...this.#cache.take(1));
          const edits = live.edits.filter(({ acts }) => acts(position));
          return {
            token,
            position,
            slots: live.slots,
            memory: live.memory,
            edits: edits.map(({ scheduledAt }) => scheduledAt(position)),
          };
        });
        const logits = await runStep(context, rows, this.#cache, signal);
        batch.forEach(({ row }, index) => {
          const own = logits[index];
          if (own) found.set(row, own);
        });
      }
    });
    return found;
  }

  /** Run whole sequences whose kept states have become of no use. */
  async #beginAgain(
    entries: readonly { readonly row: number; readonly live: LiveRow }[],
    found: Map<number, Float32Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { context } = this.#host;
    const plan = planPrompts(
      context.architecture,
      entries.map(({ live }) => live),
    );
    const ends = await runPrompts(context, plan, this.#cache, signal ? { signal } : {});
    entries.forEach(({ row, live }, index) => {
      const end = ends[index];
      if (!end) return;
      this.#cache.release([...live.slots, ...live.memory]);
      live.slots = [...end.slots];
      live.memory = end.memory;
      found.set(row, end.logits);
    });
  }

  #checked(row: number, token: number): LiveRow {
    const { architecture } = this.#host.context;
    const live = this.#live.get(row);
    if (!live) throw new PlanError(`Row ${row} does not go on: it has left, or was never there.`);
    if (!Number.isInteger(token) || token < 0 || token >= architecture.vocabularySize)
      throw new PlanError(
        `Token ${token} does not exist: the vocabulary has ids 0 to ${architecture.vocabularySize - 1}.`,
      );
    if (live.slots.length >= positionLimit(architecture))
      throw new PlanError(
        `Row ${row} is as long as this model's context: ${architecture.maxPositions} positions.`,
      );
    return live;
  }

  /** As many rows together as the backend's limits allow. */
  #batches<T extends { readonly live: LiveRow }>(entries: readonly T[]): readonly (readonly T[])[] {
    const { architecture, backend, batchShare } = this.#host.context;
    const longest = entries.reduce((most, { live }) => Math.max(most, live.slots.length + 1), 1);
    const perRow = 4 * Math.max(architecture.vocabularySize, numbersHeld(architecture, 1, longest));
    const most = Math.max(
      1,
      Math.floor(batchShare * Math.min(backend.batchTokens, Math.floor(backend.batchBytes / perRow))),
    );
    return Array.from({ length: Math.ceil(entries.length / most) }, (_, index) =>
      entries.slice(index * most, (index + 1) * most),
    );
  }

  /** Let go of a row that has ended. */
  leave(row: number): void {
    const live = this.#live.get(row);
    if (live) this.#cache.release([...live.slots, ...live.memory]);
    this.#live.delete(row);
  }

  dispose(): void {
    this.#live.clear();
    this.#cache.dispose();
  }
}
