// What a finetuning will cost before it runs: rows that pass layers, steps, and how much of what comes before an adapter
// finds room between the steps.

import type { Architecture } from '../../architectures/architecture.ts';
import { keptRoom } from '../keptBases.ts';
import type { Notice } from '../notice.ts';
import type { ResolvedPrompt } from '../resolvedPrompt.ts';
import { layersOfPrompt, lengthsOf } from '../stackLayers.ts';
import { forced } from '../teacherForcing.ts';
import { passesOfStep, stepsOf } from './adapterTraining.ts';
import { type AdapterPrompts, promptsOf, rowLayersOf, tokenLayersOf } from './keptPrompts.ts';
import type { ResolvedFinetune } from './resolve.ts';

/** How often the examples to test are looked at: after epochs, and at the end. */
function testsOf({ experiment }: ResolvedFinetune): number {
  const { epochs, testEvery } = experiment.training;
  return Math.floor(epochs / testEvery) + (epochs % testEvery === 0 ? 0 : 1) + 1;
}

/**
 * The work of a whole run, in rows that pass a layer: forward or back.
 * @param roomBytes that states kept between steps may take
 */
export function estimateFinetune(
  finetune: ResolvedFinetune,
  architecture: Architecture,
  roomBytes = keptRoom(architecture),
) {
  const { train, test, experiment } = finetune;
  const layers = layersOfPrompt(architecture);
  const { epochs } = experiment.training;
  const tokenLayers = (prompt: ResolvedPrompt) =>
    layersOfPrompt(architecture, lengthsOf(architecture, prompt));
  const own = (train.length + test.length) * layers;
  const ownTokens = [...train, ...test].reduce(
    (sum, { prompt, label }) => sum + tokenLayers(forced(prompt, label)),
    0,
  );
  const prompts = finetune.adapters.map((adapter) =>
    promptsOf(architecture, adapter, [...train, ...test], roomBytes),
  );
  const costs = finetune.adapters.map((adapter, index) => {
    const needed = prompts[index];
    if (!needed) return { rows: 0, tokens: 0 };
    const { bases, keptCount, placedOf } = needed;
    const kept = bases.slice(0, keptCount);
    const room = new Set(kept.map(({ key }) => key));
    const all = (of: typeof rowLayersOf) => {
      const cost = (examples: typeof train, passes: number) => {
        const own = examples.map((example) => placedOf(example).base);
        return of(architecture, adapter, own, passes, ({ key }) => room.has(key));
      };
      return epochs * cost(train, passesOfStep) + testsOf(finetune) * cost(test, 1) + cost(train, 1);
    };
    const keptTokens = kept.reduce((sum, { prompt }) => sum + tokenLayers(prompt), 0);
    return {
      rows: keptCount * layers + all(rowLayersOf),
      tokens: keptTokens + all(tokenLayersOf),
    };
  });
  const adapters = costs.map(({ rows }) => rows);
  const steps = finetune.adapters.length * stepsOf(train.length, experiment.training);
  return {
    rowLayers: adapters.reduce((sum, each) => sum + each, own),
    /** Of the same work: tokens that pass a layer. */
    tokenLayers: costs.reduce((sum, { tokens }) => sum + tokens, ownTokens),
    own,
    adapters,
    steps,
    prompts,
  };
}

const megabytes = (bytes: number): string => `${Number((bytes / 1e6).toPrecision(2))} MB`;

/** Of the adapter that needs most room, when it is more than there is. */
export function roomNotices(prompts: readonly AdapterPrompts[], roomBytes: number): readonly Notice[] {
  const [most] = prompts.toSorted((a, b) => b.neededBytes - a.neededBytes);
  if (!most || most.keptCount === most.bases.length) return [];
  const { bases, keptCount, neededBytes } = most;
  if (roomBytes === 0)
    return [
      {
        code: 'not-all-kept',
        text: `Of this model no states are kept between the steps, so the ${bases.length} prompts are run again in each. Shorter prompts or fewer examples train faster.`,
      },
    ];
  return [
    {
      code: 'not-all-kept',
      text: `The states of ${bases.length} prompts before the adapter would take ${megabytes(neededBytes)}, and ${megabytes(roomBytes)} may be kept, so ${bases.length - keptCount} of them are run again in each step. Shorter prompts, fewer examples or later layers train faster.`,
    },
  ];
}
