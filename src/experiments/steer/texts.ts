// The texts of one prompt: all columns and samples in one batch, so that they share what they can, each with what the
// unsteered model says of it.

import { seedOf } from '../../random/random.ts';
import { actingPositions, checkEdits } from '../../runtime/generation/checkedEdits.ts';
import type { Model } from '../../runtime/model.ts';
import type { Edit, Plan, Read, Row } from '../../runtime/plan/plan.ts';
import { floatsOf } from '../planRuns.ts';
import { type BesideRow, type BesideText, besideSteps, brief, repetitionOf } from './beside.ts';
import type { SteerColumn } from './experiment.ts';
import type { SteerChange } from './growth.ts';
import { rowOf } from './passageRun.ts';
import { type PlacedEdit, rowEdits, type Variant } from './placeEdits.ts';
import type { ResolvedPrompt, ResolvedSteer } from './resolve.ts';
import type { SteerText } from './result.ts';
import { toUnit } from './siteStatistics.ts';

export interface TextRow extends BesideRow {
  readonly column: SteerColumn;
  readonly direction: number | null;
}

/** The seed of a random direction: those of one experiment differ from each other, and from the texts' own draws. */
export const directionSeed = (seed: number, direction: number): number => seedOf(seed, 1000 + direction);

/** How many rows the columns of a prompt have. */
export function rowsOfPrompt({ experiment }: Pick<ResolvedSteer, 'experiment'>): number {
  const { columns, directions, generation } = experiment;
  return (
    columns.reduce((sum, column) => sum + (column === 'random' ? directions : 1), 0) * generation.samples
  );
}

/** The rows of a prompt, by column, direction and sample. */
export function textRows(
  { experiment, tokenizer }: ResolvedSteer,
  prompt: ResolvedPrompt,
  placed: readonly PlacedEdit[],
): readonly TextRow[] {
  const { columns, directions, generation } = experiment;
  const isSpecial = (id: number) => tokenizer?.isSpecial(id) ?? false;
  const edits = (variant: Variant) => rowEdits(placed, variant, prompt, isSpecial);
  const { towards, away } = prompt;
  const own = rowOf(prompt);
  const plain = { plain: own };
  return columns.flatMap((column) => {
    const variants = column === 'random' ? Array.from({ length: directions }, (_, at) => at) : [null];
    return variants.flatMap((direction) => {
      const base = ((): Pick<BesideRow, 'tokens' | 'source' | 'edits' | 'plain'> => {
        switch (column) {
          case 'unsteered':
            return { ...own, edits: [] };
          case 'steered':
            return { ...own, edits: edits({ kind: 'vector', factor: 1 }), ...plain };
          case 'negative':
            return { ...own, edits: edits({ kind: 'vector', factor: -1 }), ...plain };
          case 'random':
            return {
              ...own,
              edits: edits({ kind: 'random', seed: directionSeed(generation.seed, direction ?? 0) }),
              ...plain,
            };
          case 'asked':
            return { ...rowOf(prompt.asked ?? prompt), edits: [], ...plain };
          default:
            return column satisfies never;
        }
      })();
      return Array.from({ length: generation.samples }, (_, sample): TextRow => {
        return { ...base, column, direction, sample, towards, away };
      });
    });
  });
}

/** A row whose edits stand at all positions where they act, as a plan has them. */
function wholeRow(model: Model, { tokens, source, edits }: TextRow, text: BesideText): Row {
  // The last token was never fed back.
  const sequence = [...tokens, ...text.tokens.slice(0, -1)];
  const read = source ? { source } : {};
  const [checked = []] = checkEdits(model.architecture, [
    { tokens: sequence, ...read, promptLength: tokens.length, edits },
  ]);
  const made = checked.flatMap((edit): Edit[] => {
    const positions = actingPositions(edit, sequence.length);
    return positions.length > 0 ? [edit.at(positions)] : [];
  });
  return { start: { kind: 'tokens', tokens: sequence, ...read }, edits: made };
}

/**
 * By row and edit the projection of each state on the edit's unit vector, after all edits; none of an activation addition, nor
 * of an edit of what an encoder reads, whose positions are no tokens of the text.
 */
async function projectionsOf(
  model: Model,
  rows: readonly TextRow[],
  texts: readonly BesideText[],
  placed: readonly PlacedEdit[],
  signal: AbortSignal | undefined,
): Promise<readonly (readonly (readonly (number | null)[])[])[]> {
  const watched = placed.map(({ made, sites }) => {
    const site = sites.at(-1);
    const at = made.sites.findIndex(({ layer, head }) => layer === site?.layer && head === site?.head);
    const vector = made.data[at];
    return site && vector && !made.isMatrix && made.stack === 'main'
      ? { made, site, unit: toUnit(vector) }
      : undefined;
  });
  const reads = rows.flatMap((_, row) =>
    watched.flatMap((own): Read[] =>
      own
        ? [
            {
              row,
              site: { component: own.made.vector.component, layer: own.site.layer },
              location: { positions: 'all', ...(own.site.head === null ? {} : { heads: [own.site.head] }) },
            },
          ]
        : [],
    ),
  );
  if (reads.length === 0) return rows.map(() => watched.map(() => []));
  const plan: Plan = { rows: rows.map((row, at) => wholeRow(model, row, texts[at] ?? emptyText)), reads };
  const results = [...(await model.run(plan, signal ? { signal } : {}))];
  return rows.map(() =>
    watched.map((own) => {
      if (!own) return [];
      const data = floatsOf(results.shift());
      const { unit } = own;
      return Array.from({ length: data.length / unit.length }, (_, position) => {
        let sum = 0;
        unit.forEach((entry, at) => {
          sum += entry * (data[position * unit.length + at] ?? 0);
        });
        return Number.isFinite(sum) ? brief(sum) : null;
      });
    }),
  );
}

const emptyText: Pick<BesideText, 'tokens'> & BesideText = {
  ...{ tokens: [], text: '', end: 'context', logProbabilities: [], divergences: [] },
  ...{ score: null, effect: null, after: [], before: [] },
};

/** The place of the first token that two texts do not share; null where one is all of the other. */
export function partingPlace(a: readonly number[], b: readonly number[]): number | null {
  const at = a.findIndex((id, place) => id !== b[place]);
  if (at >= 0) return at;
  return b.length > a.length ? a.length : null;
}

export interface TextsOptions {
  readonly signal?: AbortSignal;
  readonly onStep?: (steps: number) => void;
  /** What stands on a token's chip. */
  readonly textOf: (id: number) => string;
}

/** What the texts of a prompt have said since the step before; the first step names them all. */
export type SaidChange = Extract<SteerChange, { kind: 'begun' | 'said' }>;

/** @throws PlanError, or the signal's reason */
async function* sayTexts(
  rows: readonly TextRow[],
  prompt: number,
  textOf: (id: number) => string,
  steps: ReturnType<typeof besideSteps>,
): AsyncGenerator<SaidChange, readonly BesideText[]> {
  yield {
    kind: 'begun',
    prompt,
    texts: rows.map(({ column, sample, direction }) => ({ column, sample, direction })),
  };
  const counts = rows.map(() => ({ tokens: 0, letters: 0 }));
  try {
    for (;;) {
      const step = await steps.next();
      if (step.done) return step.value;
      const pieces = step.value.flatMap(({ tokens, text, logProbabilities }, row) => {
        const before = counts[row] ?? { tokens: 0, letters: 0 };
        counts[row] = { tokens: tokens.length, letters: text.length };
        const piece = {
          row,
          tokens: tokens.slice(before.tokens),
          text: text.slice(before.letters),
          logProbabilities: logProbabilities.slice(before.tokens),
        };
        return piece.tokens.length > 0 || piece.text !== '' ? [piece] : [];
      });
      const ids = new Set(pieces.flatMap(({ tokens }) => tokens));
      const tokenTexts = Object.fromEntries([...ids].map((id) => [String(id), textOf(id)]));
      if (pieces.length > 0) yield { kind: 'said', pieces, tokenTexts };
    }
  } finally {
    // Between two steps a run that is stopped holds tensors.
    await steps.return([]);
  }
}

/**
 * Token by token what is said, and at the end the texts with all that was measured.
 * @param at the place of the prompt
 * @throws PlanError, or the signal's reason
 */
export async function* runTexts(
  model: Model,
  steer: ResolvedSteer,
  prompt: ResolvedPrompt,
  at: number,
  placed: readonly PlacedEdit[],
  { textOf, ...options }: TextsOptions,
): AsyncGenerator<SaidChange, readonly SteerText[]> {
  const { experiment, settings, tokenizer } = steer;
  const { generation, candidates } = experiment;
  const rows = textRows(steer, prompt, placed);
  const steps = besideSteps(
    model,
    {
      rows,
      maxNewTokens: generation.maxNewTokens,
      sampling: { ...settings.sampling, seed: generation.seed },
      eosIds: settings.eosIds,
      stop: generation.stop,
      tokenizer,
      candidates,
    },
    options,
  );
  const texts = yield* sayTexts(rows, at, textOf, steps);
  const projections = await projectionsOf(model, rows, texts, placed, options.signal);
  return rows.map(({ column, direction, sample }, at): SteerText => {
    const text = texts[at] ?? emptyText;
    const unsteered = rows.findIndex((row) => row.column === 'unsteered' && row.sample === sample);
    const beside = texts[unsteered];
    const { score, effect, logProbabilities, divergences, after, before, end, tokens } = text;
    return {
      ...{ column, sample, direction, tokens, text: text.text, end, logProbabilities, divergences },
      ...{ repetition: repetitionOf(tokens), score, effect },
      parts: beside ? partingPlace(tokens, beside.tokens) : null,
      projections: projections[at] ?? [],
      ...{ after, before },
    };
  });
}
