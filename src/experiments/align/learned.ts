// What was learned at a site, read on the model: how the prompts of the task lie along the learned direction, how far the
// values of the variable stand apart there, and which tokens it promotes through the unembedding.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import type { Model } from '../../runtime/model.ts';
import type { RowStart } from '../../runtime/plan/plan.ts';
import { readPrompt } from '../examplePrompts.ts';
import { ExperimentError } from '../experimentFile.ts';
import type { GivenPrompt } from '../givenPrompt.ts';
import { floatsOf, runRow } from '../planRuns.ts';
import { positionCount, type ResolvedPrompt } from '../resolvedPrompt.ts';
import { partsTogether } from '../rowParts.ts';
import { readThroughHead } from '../throughHead.ts';
import { tokenLabel } from '../tokens.ts';
import { causalPairs } from './causalData.ts';
import {
  coordinates,
  cosine,
  fromCoordinates,
  type Grouped,
  groupMeans,
  type Separation,
  separating,
  separationOf,
} from './directions.ts';
import type { Basis } from './learnedBasis.ts';
import type { Breathing, ResolvedAlign } from './resolve.ts';
import type { SitePosition } from './sitePosition.ts';
import { type AlignTaskRequest, promptWords, resolveTask } from './task.ts';

export interface LearnedRequest extends AlignTaskRequest {
  readonly component: string;
  readonly layer: number;
  readonly position: SitePosition;
  /** Those whose vectors are joined, of a component that is one for each head. */
  readonly heads?: readonly number[];
  readonly basis: Basis;
}

export interface LearnedPoint {
  readonly prompt: string;
  /** In `values`. */
  readonly value: number;
  /** Along the direction and, with more than one learned, the second. */
  readonly at: readonly number[];
}

export interface TokenShift {
  readonly text: string;
  /** Logits that one standard deviation along the direction adds. */
  readonly logit: number;
}

export interface LearnedSite {
  /** Of the variable, or what the prompts are followed by. */
  readonly values: readonly string[];
  readonly points: readonly LearnedPoint[];
  /** Distinct prompts that there are; the points are the first of them. */
  readonly promptCount: number;
  /**
   * [width], of length 1: of the learned space that direction along which the means of the values lie farthest apart, from
   * the first value to the last.
   */
  readonly direction: Float32Array;
  /** Standard deviation of the points along it. */
  readonly spread: number;
  /** Mean of each value along it. */
  readonly means: readonly number[];
  /** Null with fewer than two values. */
  readonly separation: Separation | null;
  /** With the difference of means in the whole space; NaN where there is none. */
  readonly meansCosine: number;
  /** Null where the vectors are not of the residual stream. */
  readonly tokens: {
    readonly promoted: readonly TokenShift[];
    readonly demoted: readonly TokenShift[];
  } | null;
}

const mostPrompts = 400;
const mostTokens = 10;

interface PlacedPrompt {
  readonly prompt: ResolvedPrompt;
  readonly positions: readonly number[];
  readonly value: string;
}

/** What the interchanged variables are in a prompt; of listed examples what the prompt is followed by. */
function valuesByPrompt(
  request: AlignTaskRequest,
  architecture: Architecture,
  tokenizer: Tokenizer,
): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>();
  // There may be many more examples than prompts.
  const keys = new Map<string, string>();
  const keyOf = (given: GivenPrompt, field: string): string => {
    const text = JSON.stringify(given);
    const key = keys.get(text) ?? readPrompt({ architecture, tokenizer }, given, field).prompt.key;
    keys.set(text, key);
    return key;
  };
  const all = [
    ['data', request.data],
    ['testData', request.testData],
  ] as const;
  let isDeclared = false;
  for (const [field, data] of all) {
    if (data === undefined || !('causalModel' in data)) continue;
    isDeclared = true;
    const { interchange } = data;
    const names = typeof interchange === 'string' ? [interchange] : interchange;
    for (const { example, baseSetting, sourceSetting } of causalPairs(data, tokenizer, field))
      for (const [prompt, setting] of [
        [example.base, baseSetting],
        [example.source, sourceSetting],
      ] as const)
        found.set(keyOf(prompt, field), names.map((each) => setting[each] ?? '').join(', '));
  }
  return isDeclared ? found : null;
}

function placedPrompts(
  { train, test }: ResolvedAlign,
  known: ReadonlyMap<string, string> | null,
): readonly PlacedPrompt[] {
  const found = new Map<string, PlacedPrompt>();
  for (const { base, source, baseLabel, sourceLabel, places } of [...train, ...test]) {
    const [place] = places;
    if (!place) continue;
    for (const [prompt, positions, label] of [
      [base, place.base, baseLabel],
      [source, place.source, sourceLabel],
    ] as const) {
      const value = known?.get(prompt.key) ?? label?.text ?? '';
      found.set(`${positions.join(',')}|${prompt.key}`, { prompt, positions, value });
    }
  }
  return [...found.values()];
}

async function statesAt(
  model: Model,
  { component, layer, heads }: Pick<LearnedRequest, 'component' | 'layer' | 'heads'>,
  prompts: readonly PlacedPrompt[],
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (const part of partsTogether(prompts, ({ prompt }) => positionCount(prompt))) {
    const results = await model.run(
      {
        rows: part.map(({ prompt }) => runRow(prompt)),
        reads: part.map(({ positions }, row) => ({
          row,
          site: { component, layer },
          location: { positions, ...(heads ? { heads } : {}) },
        })),
      },
      signal ? { signal } : {},
    );
    parts.push(...results.map(floatsOf));
  }
  const width = parts[0]?.length ?? 0;
  const all = new Float32Array(width * parts.length);
  parts.forEach((state, at) => {
    all.set(state, at * width);
  });
  return all;
}

/** What one standard deviation along the direction adds to each logit, about the mean state. */
async function tokenShifts(
  model: Model,
  component: string,
  tokenizer: Tokenizer,
  { mean, direction, spread }: { mean: Float64Array; direction: Float64Array; spread: number },
  start: RowStart,
  signal: AbortSignal | undefined,
): Promise<LearnedSite['tokens']> {
  const moved = (by: number) => Float32Array.from(mean, (x, i) => x + by * (direction[i] ?? 0));
  const both = new Float32Array(2 * mean.length);
  both.set(moved(spread));
  both.set(moved(-spread), mean.length);
  const pair = { shape: [2, mean.length], data: both };
  const [up, down] = await readThroughHead(model, component, pair, start, signal);
  if (!up || !down) return null;
  const shifts = Array.from(up, (x, id) => ({ id, logit: (x - (down[id] ?? 0)) / 2 }))
    .filter(({ logit }) => Number.isFinite(logit))
    .toSorted((a, b) => b.logit - a.logit);
  const named = (some: readonly { readonly id: number; readonly logit: number }[]) =>
    some.map(({ id, logit }) => ({ text: tokenLabel(id, tokenizer), logit }));
  return {
    promoted: named(shifts.slice(0, mostTokens)),
    demoted: named(shifts.slice(-mostTokens).toReversed()),
  };
}

/**
 * Read the prompts of a task along the directions that were learned at a site.
 * @throws ExperimentError or PlanError for a task that does not fit, or a basis of another width
 */
export async function readLearned(
  model: Model,
  tokenizer: Tokenizer,
  request: LearnedRequest,
  breathing: Pick<Breathing, 'signal' | 'preprocessor'> = {},
): Promise<LearnedSite> {
  const { signal } = breathing;
  const { component, layer, position, heads, basis } = request;
  const { data, testData, split } = request;
  const task: AlignTaskRequest = { data, ...(testData ? { testData } : {}), ...(split ? { split } : {}) };
  const align = await resolveTask(model.architecture, tokenizer, task, breathing, {
    component,
    layer,
    position: [position],
    ...(heads ? { heads } : {}),
  });
  const { width } = align;
  if (basis.columns.length !== width * basis.rank)
    throw new ExperimentError(
      `The learned directions have ${basis.columns.length / basis.rank} entries, and this site of '${component}' in this model has a width of ${width}. Open the model that they were trained on.`,
    );
  const all = placedPrompts(align, valuesByPrompt(task, model.architecture, tokenizer));
  const prompts = all.slice(0, mostPrompts);
  const values = [...new Set(prompts.map(({ value }) => value))].toSorted();
  const groups = prompts.map(({ value }) => values.indexOf(value));
  const vectors = await statesAt(model, request, prompts, signal);
  const whole: Grouped = { width, vectors, groups, groupCount: values.length };
  const along: Grouped = { ...whole, width: basis.rank, vectors: coordinates(whole, basis) };
  const first = separating(along);
  const second = basis.rank > 1 ? separating(along, [first]) : null;
  const axes = second === null ? [first] : [first, second];
  const points = prompts.map(({ prompt }, n): LearnedPoint => {
    const own = along.vectors.subarray(n * basis.rank, (n + 1) * basis.rank);
    return {
      prompt: promptWords(prompt, tokenizer),
      value: groups[n] ?? 0,
      at: axes.map((axis) => axis.reduce((sum, x, i) => sum + x * (own[i] ?? 0), 0)),
    };
  });
  const line = points.map(({ at: [x = 0] }) => x);
  const direction = fromCoordinates(basis, first);
  const { means, mean } = groupMeans({
    vectors: Float64Array.from(line),
    width: 1,
    groups,
    groupCount: values.length,
  });
  const spread = Math.sqrt(
    line.reduce((sum, x) => sum + (x - (mean[0] ?? 0)) ** 2, 0) / Math.max(1, line.length - 1),
  );
  return {
    values,
    points,
    promptCount: all.length,
    direction: Float32Array.from(direction),
    spread,
    means: means.map((own) => own[0] ?? 0),
    separation: separationOf(line, groups, values.length),
    meansCosine: values.length > 1 ? cosine(direction, separating(whole)) : Number.NaN,
    tokens: await tokenShifts(
      model,
      component,
      tokenizer,
      { mean: groupMeans(whole).mean, direction, spread },
      prompts[0]?.prompt.start ?? { kind: 'tokens', tokens: [0] },
      signal,
    ),
  };
}
