// The cells of one layer of a sweep: prompt by prompt, all strengths and random directions as rows that fork from one run
// of the prompt.

import { actingPositions, checkEdits } from '../../runtime/generation/checkedEdits.ts';
import type { GenerationEdit } from '../../runtime/generation/request.ts';
import type { Model } from '../../runtime/model.ts';
import type { Edit, Row } from '../../runtime/plan/plan.ts';
import { stackOf } from '../../runtime/plan/stacks.ts';
import { floatsOf } from '../planRuns.ts';
import { type BesideRow, brief, generateBeside, repetitionOf } from './beside.ts';
import { type SteerEdit, sweptEdit } from './experiment.ts';
import { rowOf } from './passageRun.ts';
import { inNetworkOrder, type PlacedEdit, rowEdits, strengthAt, type Variant } from './placeEdits.ts';
import type { ResolvedPrompt, ResolvedSteer } from './resolve.ts';
import type { SweepCell, SweptText } from './result.ts';
import { toUnit } from './siteStatistics.ts';
import { directionSeed } from './texts.ts';

export interface SweepShape {
  readonly edit: SteerEdit;
  readonly layers: readonly number[];
  readonly strengths: readonly number[];
  readonly seeds: readonly number[];
  readonly random: number;
  readonly maxNewTokens: number;
}

/** The sweep with its defaults; undefined where there is none. */
export function sweepShape({ experiment }: Pick<ResolvedSteer, 'experiment'>): SweepShape | undefined {
  const { sweep, generation } = experiment;
  if (!sweep) return undefined;
  return {
    edit: sweptEdit(experiment),
    layers: sweep.layers,
    strengths: sweep.strengths,
    seeds: sweep.seeds ?? [generation.seed],
    random: sweep.random,
    maxNewTokens: sweep.maxNewTokens ?? generation.maxNewTokens,
  };
}

/** Rows of one prompt at one layer, for each seed. */
export const rowsOfSweep = ({ strengths, random }: SweepShape): number => strengths.length * (1 + random);

interface SweptRow {
  readonly strength: number;
  readonly direction: number | null;
  readonly edits: readonly GenerationEdit[];
}

/** The swept edit at one layer with one strength, in the place of its own. */
function movedEdit({ edit, made }: PlacedEdit, layer: number, strength: number): PlacedEdit {
  const places = [...made.sites.keys()].filter((at) => {
    const { layer: own, head = null } = made.sites[at] ?? {};
    return own === layer && (edit.heads === undefined || head === null || edit.heads.includes(head));
  });
  return {
    edit,
    made,
    sites: inNetworkOrder(places, made).map((at) => strengthAt(edit, made, at, strength)),
  };
}

/** The projection on the vector after the edits, where the first new token is made: of each row. */
async function reached(
  model: Model,
  prompt: ResolvedPrompt,
  rows: readonly SweptRow[],
  moved: PlacedEdit,
  signal: AbortSignal | undefined,
): Promise<readonly (number | null)[]> {
  const { made, sites } = moved;
  const site = sites.at(-1);
  const at = made.sites.findIndex(({ layer, head }) => layer === site?.layer && head === site?.head);
  const vector = made.data[at];
  // What an encoder reads stands nowhere where a token is made.
  if (!site || !vector || made.isMatrix || made.stack !== 'main') return rows.map(() => null);
  const unit = toUnit(vector);
  const { tokens } = prompt;
  const plain: Row = { start: prompt.start, edits: [] };
  const edited = rows.map(({ edits }): Row => {
    const [checked = []] = checkEdits(model.architecture, [{ ...rowOf(prompt), edits }]);
    const acting = checked.flatMap((edit) => {
      const positions = actingPositions(edit, tokens.length);
      return positions.length > 0 ? [{ edit, positions }] : [];
    });
    const made = acting.map(({ edit, positions }) => edit.at(positions));
    const stage = Math.min(...acting.map(({ edit }) => edit.stage));
    const isOfEncoder = ({ site: { component } }: Edit) => stackOf(model.architecture, component) !== 'main';
    if (made.length === 0 || stage < 0 || made.some(isOfEncoder)) return { ...plain, edits: made };
    const position = Math.min(...acting.flatMap(({ positions }) => positions));
    return { start: { kind: 'fork', parent: 0, layer: stage, position }, edits: made };
  });
  const read = { component: made.vector.component, layer: site.layer };
  const location = { positions: [tokens.length - 1], ...(site.head === null ? {} : { heads: [site.head] }) };
  const results = await model.run(
    {
      rows: [plain, ...edited],
      reads: edited.map((_, row) => ({ row: row + 1, site: read, location })),
    },
    signal ? { signal } : {},
  );
  return results.map((result) => {
    const data = floatsOf(result);
    const projection = unit.reduce((sum, entry, index) => sum + entry * (data[index] ?? 0), 0);
    return Number.isFinite(projection) ? brief(projection) : null;
  });
}

const meanOrNull = (values: readonly number[]): number | null =>
  values.length === 0 ? null : brief(values.reduce((sum, x) => sum + x, 0) / values.length);

export interface SweepOptions {
  readonly signal?: AbortSignal;
  /** Steps of the text at hand, and which of the texts' batches it is. */
  readonly onStep?: (batch: number, steps: number) => void;
}

/**
 * @param placed all edits that are on, the swept one among them
 * @returns the cells of a layer, by strength
 * @throws PlanError or ExperimentError, or the signal's reason
 */
export async function runSweepLayer(
  model: Model,
  steer: ResolvedSteer,
  shape: SweepShape,
  layer: number,
  placed: readonly PlacedEdit[],
  { signal, onStep }: SweepOptions,
): Promise<readonly SweepCell[]> {
  const { experiment, prompts, settings, tokenizer } = steer;
  const isSpecial = (id: number) => tokenizer?.isSpecial(id) ?? false;
  const swept = placed.find(({ edit }) => edit === shape.edit);
  if (!swept) throw new Error('The swept edit is not among those that are on.');
  const moved = shape.strengths.map((strength) => movedEdit(swept, layer, strength));
  const texts = shape.strengths.map((): SweptText[] => []);
  const signalled = signal ? { signal } : {};
  let batch = 0;
  for (const [place, prompt] of prompts.entries()) {
    const rows = moved.flatMap((own, strength): SweptRow[] => {
      const edits = (variant: Variant) =>
        placed.flatMap((each) =>
          each === swept
            ? rowEdits([own], variant, prompt, isSpecial)
            : rowEdits([each], { kind: 'vector', factor: 1 }, prompt, isSpecial),
        );
      const drawn = Array.from({ length: shape.random }, (_, direction): SweptRow => {
        const seed = directionSeed(experiment.generation.seed, direction);
        return { strength, direction, edits: edits({ kind: 'random', seed }) };
      });
      return [{ strength, direction: null, edits: edits({ kind: 'vector', factor: 1 }) }, ...drawn];
    });
    const projections = await reached(model, prompt, rows, moved[0] ?? swept, signal);
    for (const seed of shape.seeds) {
      const made = await generateBeside(
        model,
        {
          rows: rows.map(({ edits }): BesideRow => {
            const { towards, away } = prompt;
            const own = rowOf(prompt);
            return { ...own, plain: own, edits, sample: 0, towards, away };
          }),
          maxNewTokens: shape.maxNewTokens,
          sampling: { ...settings.sampling, seed },
          eosIds: settings.eosIds,
          stop: experiment.generation.stop,
          tokenizer,
          candidates: 0,
        },
        { ...signalled, ...(onStep ? { onStep: (steps: number) => onStep(batch, steps) } : {}) },
      );
      batch += 1;
      made.forEach((text, at) => {
        const row = rows[at];
        if (!row) return;
        const { tokens, end, score, effect, logProbabilities, divergences } = text;
        texts[row.strength]?.push({
          ...{ prompt: place, seed, direction: row.direction, tokens, text: text.text, end },
          ...{ repetition: repetitionOf(tokens), score, effect },
          logProbability: meanOrNull(logProbabilities),
          divergence: meanOrNull(divergences),
          projection: projections[at] ?? null,
        });
      });
    }
  }
  return shape.strengths.map((_, at) => ({ raw: moved[at]?.sites[0]?.raw ?? 0, texts: texts[at] ?? [] }));
}
