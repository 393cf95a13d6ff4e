// A finetuning as work for a model: from its experiment to the changes of its result, one adapter a unit.

import { readsMore } from '../../architectures/architecture.ts';
import type { Model } from '../../runtime/model.ts';
import { numbersOfText } from '../align/numbersText.ts';
import { keptRoom } from '../keptBases.ts';
import type { KindWork, WorkOptions } from '../kind.ts';
import { ranOn } from '../resultParts.ts';
import { tokenLabel } from '../tokens.ts';
import { nameRead } from '../wholePrompt.ts';
import { estimateFinetune, roomNotices } from './estimate.ts';
import type { FinetuneExperiment } from './experiment.ts';
import { endNotices, type FinetuneChange } from './growth.ts';
import { type ResolvedFinetune, resolveFinetuneFiles } from './resolve.ts';
import {
  type AdapterResult,
  type FinetuneResult,
  isAdapterDone,
  type TestedExample,
  versionOf,
} from './result.ts';
import { type Before, type RunFinetuneOptions, runFinetune, type Stopped } from './run.ts';

/** What of an adapter a later run goes on from: its curves up to the step at which its state was kept. */
function goneOn(adapter: AdapterResult | null | undefined): AdapterResult | null {
  if (!adapter || isAdapterDone(adapter)) return adapter ?? null;
  if (!adapter.state) return null;
  const { step } = adapter.state;
  const { loss, rate } = adapter.steps;
  return {
    ...adapter,
    steps: { loss: loss.slice(0, step), rate: rate.slice(0, step) },
    epochs: adapter.epochs.filter((epoch) => epoch.step <= step),
  };
}

/** @throws ExperimentError where the numbers of the result are damaged */
function stoppedAt(adapter: AdapterResult | null | undefined): Stopped | undefined {
  const known = goneOn(adapter);
  if (!known?.state || isAdapterDone(known)) return undefined;
  const { step: steps, numbers } = known.state;
  const read = Object.entries(numbers).map(([name, text]) => [name, numbersOfText(text, name)] as const);
  return { state: { steps, numbers: Object.fromEntries(read) }, losses: known.steps.loss };
}

function startFinetune(
  model: Model,
  finetune: ResolvedFinetune,
  { train, test, answers }: Before,
  { earlier, leaveOut, textOf = (id) => tokenLabel(id, undefined) }: WorkOptions<FinetuneResult>,
): FinetuneResult {
  const { experiment, testedAt } = finetune;
  const tested = finetune.test.map(({ prompt, label }): TestedExample => {
    const read = nameRead(prompt.input);
    return {
      prompt: prompt.tokens,
      continuation: label.ids,
      ...(prompt.input?.kind === 'text' ? { source: prompt.input.tokens } : {}),
      ...(read === undefined ? {} : { read }),
    };
  });
  const adapters = finetune.adapters.map(({ name }, index) => {
    const known = goneOn(earlier?.adapters[index]);
    // What is left out this time is kept as it was.
    return leaveOut?.has(name) ? (earlier?.adapters[index] ?? null) : known;
  });
  const ids = [
    ...tested.flatMap(({ prompt, continuation, source = [] }) => [...source, ...prompt, ...continuation]),
    ...answers.flat(),
  ];
  const known = Object.entries(earlier?.texts ?? {});
  const names = finetune.adapters.map(({ name }) => name);
  return {
    kind: 'finetune-result',
    version: versionOf({ testedAt }, readsMore(model.architecture)),
    experiment,
    ...ranOn(model),
    trainCount: finetune.train.length,
    tested,
    ...(testedAt ? { testedAt } : {}),
    before: { train, test, answers },
    texts: Object.fromEntries([...known, ...ids.map((id) => [String(id), textOf(id)] as const)]),
    names,
    layers: finetune.adapters.map(({ layers }) => layers),
    adapters,
    notices: [
      ...finetune.notices,
      ...roomNotices(estimateFinetune(finetune, model.architecture).prompts, keptRoom(model.architecture)),
      ...adapters.flatMap((adapter, index) =>
        adapter ? endNotices(adapter, names[index] ?? '', experiment.training.learningRate) : [],
      ),
    ],
  };
}

/** @throws the signal's reason when it is aborted, after what there was of the adapter in training */
async function* changes(
  model: Model,
  finetune: ResolvedFinetune,
  options: WorkOptions<FinetuneResult>,
): AsyncGenerator<FinetuneChange, void> {
  const { earlier, leaveOut, signal, onProgress, textOf = (id) => tokenLabel(id, undefined) } = options;
  const run: RunFinetuneOptions = {
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress } : {}),
    isDone: (index) =>
      isAdapterDone(earlier?.adapters[index]) || leaveOut?.has(finetune.adapters[index]?.name ?? '') === true,
    stopped: (index) => stoppedAt(earlier?.adapters[index]),
  };
  for await (const update of runFinetune(model, finetune, run)) {
    if (update.kind === 'before') {
      yield { kind: 'started', result: startFinetune(model, finetune, update, options) };
    } else if (update.kind === 'end') {
      const said = [...new Set(update.answers.flat())].map((id) => [String(id), textOf(id)] as const);
      yield { ...update, texts: Object.fromEntries(said) };
    } else yield update;
  }
}

export const finetuneWork: KindWork<FinetuneExperiment, FinetuneResult, ResolvedFinetune, FinetuneChange> = {
  resolve: resolveFinetuneFiles,
  estimate: (architecture, finetune) => {
    const { rowLayers, tokenLayers, steps, prompts } = estimateFinetune(finetune, architecture);
    return {
      count: finetune.adapters.length,
      rowLayers,
      tokenLayers,
      steps,
      bytes: Math.max(0, ...prompts.map(({ neededBytes }) => Math.min(neededBytes, keptRoom(architecture)))),
      notices: finetune.notices,
      targets: [],
    };
  },
  units: (_, { adapters }) => adapters.map(({ name }) => name),
  unitsDone: (_, { adapters }, result) =>
    adapters.filter((__, index) => isAdapterDone(result.adapters[index])).map(({ name }) => name),
  run: changes,
};
