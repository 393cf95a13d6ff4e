// The vectors of a steering, made of what passes their sites: all sites of a vector in one pass over its texts.

import { gaussianNoise } from '../../random/noise.ts';
import { seedOf } from '../../random/random.ts';
import type { Model } from '../../runtime/model.ts';
import { ExperimentError } from '../experimentFile.ts';
import { readKey } from '../readKeys.ts';
import { meanOf, type States } from './directions.ts';
import { lengthOf, type PassageRun, textRun } from './passageRun.ts';
import type { VectorResult } from './result.ts';
import {
  type ClassMethod,
  makeVector,
  measureClasses,
  measureStates,
  noClasses,
  toUnit,
} from './siteStatistics.ts';
import { activationAddition, readStates } from './states.ts';
import type { ResolvedVector } from './vectorSites.ts';

type SiteResult = VectorResult['sites'][number];

export interface MadeVector extends Pick<ResolvedVector, 'vector' | 'width' | 'sites' | 'stack'> {
  /** Of an activation addition as many as its texts have tokens; else 1. */
  readonly positions: number;
  /** Whether it is an activation addition: a vector for each of the first positions. */
  readonly isMatrix: boolean;
  /** By site [positions * width], at the length that it is used at. */
  readonly data: readonly Float32Array[];
  readonly measures: readonly SiteResult[];
  /** By site the mean of the negative class; empty where there are no classes. */
  readonly negativeMeans: readonly Float32Array[];
}

interface MakeOptions {
  readonly signal?: AbortSignal;
  /** Whether a token stands for no text, so that it is left out of a mean. */
  readonly isSpecial: (id: number) => boolean;
}

/** Directions drawn evenly, of unit length. */
export const randomDirection = (seed: number, draw: number, width: number): Float32Array =>
  toUnit(gaussianNoise(seedOf(seed, draw), width, 1));

/** [sites][texts] of what was read with all heads side by side. */
const bySite = ({ layers, sites, width }: ResolvedVector, read: readonly States[]): readonly States[] =>
  sites.map(({ layer, head }) => {
    const states = read[layers.indexOf(layer)] ?? [];
    return head === null ? states : states.map((state) => state.slice(head * width, (head + 1) * width));
  });

async function additionOf(model: Model, resolved: ResolvedVector, options: MakeOptions): Promise<MadeVector> {
  const { vector, layers, sites, width, stack, positive, negative } = resolved;
  const [plus = textRun([]), minus = textRun([])] = [positive[0], negative[0]];
  const data: Float32Array[] = [];
  for (const layer of layers) {
    const rows = await activationAddition(
      model,
      plus,
      minus,
      { component: vector.component, layer },
      options,
    );
    const all = new Float32Array(rows.length * width);
    rows.forEach((row, at) => {
      all.set(row, at * width);
    });
    data.push(all);
  }
  return {
    vector,
    width,
    sites,
    stack,
    positions: lengthOf(plus, stack),
    isMatrix: true,
    data,
    measures: sites.map((site, at) => ({
      ...site,
      ...measureStates(data[at] ?? new Float32Array(), []),
      ...noClasses,
    })),
    negativeMeans: [],
  };
}

function ofClasses(
  { vector, sites, width, stack }: ResolvedVector,
  method: ClassMethod,
  positive: readonly States[],
  negative: readonly States[],
): MadeVector {
  const made = sites.map(({ layer, head }, at) => {
    const [plus = [], minus = []] = [positive[at], negative[at]];
    try {
      const own = makeVector(method, plus, minus);
      const data = vector.normalize ? toUnit(own) : own;
      return { data, plus, minus };
    } catch (error) {
      if (!(error instanceof ExperimentError)) throw error;
      const where = `${layer === null ? '' : ` at layer ${layer}`}${head === null ? '' : `, head ${head}`}`;
      throw new ExperimentError(`The vector '${vector.name}'${where}: ${error.message}`);
    }
  });
  return {
    vector,
    width,
    sites,
    stack,
    positions: 1,
    isMatrix: false,
    data: made.map(({ data }) => data),
    measures: made.map(({ data, plus, minus }, at) => ({
      ...(sites[at] ?? { layer: null, head: null }),
      ...measureStates(data, [...plus, ...minus]),
      ...measureClasses(method, data, plus, minus),
    })),
    negativeMeans: made.map(({ minus }) => Float32Array.from(meanOf(minus))),
  };
}

/**
 * @param prompts whose last states measure vectors that are not made of texts
 * @throws ExperimentError when the states have no such vector, or the signal's reason
 */
export async function makeVectors(
  model: Model,
  resolved: readonly ResolvedVector[],
  prompts: readonly PassageRun[],
  options: MakeOptions,
): Promise<readonly MadeVector[]> {
  const { signal, isSpecial } = options;
  const signalled = signal ? { signal } : {};
  /** What several vectors read of the same texts is read once. */
  const known = new Map<string, Promise<readonly States[]>>();
  const read = (
    { vector: { component }, layers }: ResolvedVector,
    texts: readonly PassageRun[],
    token: number | 'mean',
  ): Promise<readonly States[]> => {
    const key = JSON.stringify([component, layers, token, texts.map(({ start }) => readKey(start))]);
    const sites = layers.map((layer) => ({ component, layer }));
    const found =
      known.get(key) ??
      (texts.length === 0
        ? Promise.resolve(sites.map(() => []))
        : readStates(model, texts, sites, token, { ...signalled, isSpecial }));
    known.set(key, found);
    return found;
  };
  const made: MadeVector[] = [];
  for (const own of resolved) {
    signal?.throwIfAborted();
    const { vector, positive, negative, width, sites, stack } = own;
    const { from } = vector;
    if ('method' in from) {
      if (from.method === 'activation-addition') {
        made.push(await additionOf(model, own, options));
        continue;
      }
      const states = await read(own, [...positive, ...negative], from.token);
      const plus = bySite(
        own,
        states.map((texts) => texts.slice(0, positive.length)),
      );
      const minus = bySite(
        own,
        states.map((texts) => texts.slice(positive.length)),
      );
      made.push(ofClasses(own, from.method, plus, minus));
      continue;
    }
    const states = bySite(own, await read(own, prompts, -1));
    const data = sites.map((_, at) => {
      const numbers =
        'random' in from
          ? randomDirection(from.random, at, width)
          : Float32Array.from(from.numbers[at] ?? []);
      return vector.normalize ? toUnit(numbers) : numbers;
    });
    made.push({
      vector,
      width,
      sites,
      stack,
      positions: 1,
      isMatrix: false,
      data,
      measures: sites.map((site, at) => ({
        ...site,
        ...measureStates(data[at] ?? new Float32Array(), states[at] ?? []),
        ...noClasses,
      })),
      negativeMeans: [],
    });
  }
  return made;
}
