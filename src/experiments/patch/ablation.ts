// What an ablation puts in an activation's place: nothing, a mean over prompts, or what another prompt has there.

import { type Architecture, readsMore } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { standardUniform } from '../../random/noise.ts';
import type { Model } from '../../runtime/model.ts';
import type { Location } from '../../runtime/plan/plan.ts';
import { schedule } from '../../runtime/plan/schedule.ts';
import { describeComponent, resolveLocation, unitCount } from '../../runtime/plan/sites.ts';
import { ExperimentError } from '../experimentFile.ts';
import { placedInInput } from '../inputParts.ts';
import { promptRow } from '../planRuns.ts';
import { tokensOf } from '../tokens.ts';
import type { Ablation } from './experiment.ts';
import {
  inputLength,
  lengthAt,
  mainLength,
  type PromptPair,
  pictureLength,
  type SweepPanel,
} from './outline.ts';
import type { AblatedActivation } from './plan.ts';

type Tokens = readonly number[];

export type ResolvedAblation =
  | { readonly kind: 'zero' }
  | {
      readonly kind: 'mean';
      readonly prompts: readonly Tokens[];
      /** Of each position by itself, or one for all of them. */
      readonly over: 'each position' | 'all positions';
    }
  | {
      readonly kind: 'resample';
      readonly prompts: readonly Tokens[];
      /** Of each pair, places in the list of prompts. */
      readonly drawn: readonly (readonly number[])[];
    };

/**
 * For each pair, `samples` of the prompts that are not its own, none twice: of those left, the one at floor(u n), where
 * u is the next number of `numpy.random.RandomState(seed).random_sample()`.
 */
function draw(
  prompts: readonly Tokens[],
  pairs: readonly PromptPair[],
  { seed, samples }: Ablation & { readonly kind: 'resample' },
): readonly (readonly number[])[] {
  const numbers = standardUniform(seed, pairs.length * samples);
  return pairs.map(({ clean: { tokens: clean } }, pair) => {
    prompts.forEach((tokens, index) => {
      if (tokens.length === clean.length) return;
      throw new ExperimentError(
        `Prompt ${index + 1} of the ablation has ${tokens.length} tokens, the clean prompt${pairs.length > 1 ? ` of pair ${pair + 1}` : ''} ${clean.length}; to be resampled they must be as many. Choose other prompts, or a mean.`,
      );
    });
    const left = prompts.flatMap((tokens, index) => (tokens.join() === clean.join() ? [] : [index]));
    if (left.length < samples) {
      throw new ExperimentError(
        `The ablation draws ${samples} ${samples === 1 ? 'prompt' : 'prompts'} for pair ${pair + 1}, but ${left.length} of its prompts ${left.length === 1 ? 'is' : 'are'} not the clean one. Give more prompts, or lower 'samples'.`,
      );
    }
    return Array.from({ length: samples }, (_, sample) => {
      const place = Math.floor((numbers[pair * samples + sample] ?? 0) * left.length);
      return left.splice(place, 1)[0] ?? 0;
    });
  });
}

/** @throws ExperimentError or PlanError in one sentence: which prompt, what does not fit, and what would */
export function resolveAblation(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  ablation: Ablation,
  pairs: readonly PromptPair[],
  panels: readonly SweepPanel[],
): ResolvedAblation {
  if (ablation.kind === 'zero') return ablation;
  if (readsMore(architecture))
    throw new ExperimentError(
      `The ablation '${ablation.kind}' is over prompts of text alone, and this ${architecture.modelType} model reads more than a text. Ablate with 'zero', or give corrupted prompts.`,
    );
  const prompts = ablation.prompts.map((text, index) => {
    const tokens = tokensOf(text, tokenizer, `prompt ${index + 1} of the ablation`);
    schedule(architecture, { rows: [promptRow(tokens)], reads: [] });
    return tokens;
  });
  if (ablation.kind === 'resample') return { ...ablation, prompts, drawn: draw(prompts, pairs, ablation) };
  const lengths = new Set(
    [...prompts, ...pairs.map(({ clean }) => clean.tokens)].map(({ length }) => length),
  );
  const over = lengths.size === 1 ? 'each position' : 'all positions';
  const pair = panels.find(({ component }) => describeComponent(architecture, component).layout === 'pair');
  if (pair && over === 'all positions') {
    throw new ExperimentError(
      `'${pair.component}' is of pairs of positions, and has no mean over prompts of different lengths (${[...lengths].join(', ')} tokens). Give prompts as long as the clean one.`,
    );
  }
  return { kind: 'mean', prompts, over };
}

/** Units position by position, all heads of each; of a pair component [heads, positions, keys]. */
interface Mean {
  readonly isPair: boolean;
  /** Units of one position, or 1. */
  readonly heads: number;
  /** Positions that have a mean of their own. */
  readonly positions: number;
  /** Of a unit; of a pair component the keys. */
  readonly width: number;
  readonly values: Float64Array;
}

const promptsTogether = 8;
const meanKey = (component: string, layer: number): string => `${component} ${layer}`;

/** Add one prompt's activation to a mean. @param data as a read of all positions and heads gives it */
function addTo(mean: Mean, data: ArrayLike<number>, share: number): void {
  const period = mean.values.length;
  for (let i = 0; i < data.length; i++)
    mean.values[i % period] = (mean.values[i % period] ?? 0) + (data[i] ?? 0) * share;
}

/** Means of components in every layer over prompts. */
async function meansOver(
  model: Model,
  { prompts, over }: ResolvedAblation & { readonly kind: 'mean' },
  components: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Mean>> {
  const { architecture } = model;
  const means = new Map<string, Mean>();
  const all = prompts.reduce((sum, { length }) => sum + length, 0);
  const share = 1 / (over === 'each position' ? prompts.length : all);
  const positions = over === 'each position' ? (prompts[0]?.length ?? 0) : 1;
  const sites = components.flatMap((component) =>
    Array.from({ length: architecture.layerCount }, (_, layer) => ({ component, layer })),
  );
  for (const { component, layer } of sites) {
    const description = describeComponent(architecture, component);
    const isPair = description.layout === 'pair';
    const heads = description.layout === 'token' ? 1 : (description.heads ?? 1);
    const width = isPair ? positions : description.width;
    const values = new Float64Array(heads * positions * width);
    means.set(meanKey(component, layer), { isPair, heads, positions, width, values });
  }
  for (let from = 0; from < prompts.length; from += promptsTogether) {
    const some = prompts.slice(from, from + promptsTogether);
    const reads = some.flatMap((_, row) =>
      sites.map((site) => ({ row, site, location: { positions: 'all' as const } })),
    );
    await model.run(
      { rows: some.map(promptRow), reads },
      {
        ...(signal ? { signal } : {}),
        onRead: (index, { value }) => {
          const { component, layer } = reads[index]?.site ?? { component: '', layer: 0 };
          const mean = means.get(meanKey(component, layer));
          if (mean && value) addTo(mean, value.data, share);
        },
      },
    );
  }
  return means;
}

/** Units of a mean that a location names. */
function unitsOf(
  { isPair, heads: all, positions: count, width, values }: Mean,
  { positions, heads = [0] }: { readonly positions: readonly number[]; readonly heads?: readonly number[] },
): Float32Array {
  const own = positions.map((position) => (count === 1 ? 0 : position));
  const units = isPair
    ? heads.flatMap((head) => own.map((position) => head * count + position))
    : own.flatMap((position) => heads.map((head) => position * all + head));
  const data = new Float32Array(units.length * width);
  units.forEach((unit, index) => {
    data.set(values.subarray(unit * width, (unit + 1) * width), index * width);
  });
  return data;
}

/** What stands at a site instead; undefined where another run is the source. */
export async function ablatedActivations(
  model: Model,
  ablation: ResolvedAblation | undefined,
  panels: readonly { readonly component: string }[],
  signal?: AbortSignal,
): Promise<AblatedActivation | undefined> {
  const { architecture } = model;
  const resolve = (component: string, location: Location, length: number) =>
    resolveLocation(describeComponent(architecture, component), location, length);
  switch (ablation?.kind) {
    case undefined:
    case 'resample':
      return undefined;
    case 'zero':
      return ({ component }, location, run) => {
        const { layout, width, place, isCross } = describeComponent(architecture, component);
        const length = lengthAt(run, placedInInput(architecture, place));
        const units = unitCount(resolve(component, location, length));
        const crossed = place?.stack === 'encoder' ? pictureLength(run) : inputLength(run);
        const keys = isCross ? crossed : length;
        return new Float32Array(units * (layout === 'pair' ? keys : width));
      };
    case 'mean': {
      const components = [...new Set(panels.map(({ component }) => component))];
      const means = await meansOver(model, ablation, components, signal);
      return ({ component, layer }, location, run) => {
        const mean = means.get(meanKey(component, layer));
        if (!mean) throw new Error(`'${component}' of layer ${layer} has no mean.`);
        return unitsOf(mean, resolve(component, location, mainLength(run)));
      };
    }
    default:
      return ablation satisfies never;
  }
}
