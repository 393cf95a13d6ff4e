// A steering as work for a model: its vectors first, then prompt by prompt the texts, then layer by layer the sweep.

import { type Architecture, readsMore } from '../../architectures/architecture.ts';
import type { Model } from '../../runtime/model.ts';
import { numbersText } from '../align/numbersText.ts';
import { completed } from '../growth.ts';
import type { KindWork, WorkOptions } from '../kind.ts';
import { ranOn } from '../resultParts.ts';
import { tokenLabel } from '../tokens.ts';
import { layerCost, mostBytes, promptCost, stepCost, vectorsCost, wholeCost } from './cost.ts';
import { editName, type SteerExperiment } from './experiment.ts';
import { type SteerChange, steerGrowth } from './growth.ts';
import { headBiases } from './headBiases.ts';
import { type MadeVector, makeVectors } from './makeVectors.ts';
import { type PlacedEdit, placeEdit } from './placeEdits.ts';
import { steerPrograms } from './programs.ts';
import { type ResolvedPrompt, type ResolvedSteer, resolveSteer } from './resolve.ts';
import {
  type EditResult,
  type SteerResult,
  type SteerText,
  type SweepCell,
  steerResultVersion,
  type VectorResult,
} from './result.ts';
import { rowsOfSweep, runSweepLayer, sweepShape } from './sweep.ts';
import { rowsOfPrompt, runTexts } from './texts.ts';

const promptUnit = (prompt: number): string => `texts of prompt ${prompt + 1}`;
const layerUnit = (layer: number): string => `sweep of layer ${layer}`;

const sweptLayers = ({ experiment }: ResolvedSteer): readonly number[] => experiment.sweep?.layers ?? [];

function vectorResult({ vector, width, positions, data, measures }: MadeVector): VectorResult {
  const { name, component } = vector;
  const all = new Float32Array(data.length * positions * width);
  data.forEach((own, at) => {
    all.set(own, at * positions * width);
  });
  const { base64 } = numbersText(all, [data.length, positions, width]);
  return { name, component, width, positions, sites: measures, base64 };
}

function promptResult({ tokens, input, rendered, asked, towards, away }: ResolvedPrompt) {
  const isText = input?.kind === 'text';
  return {
    ...{ tokens, rendered, asked: asked?.tokens ?? null, towards, away },
    ...(isText ? { source: input.tokens } : {}),
    ...(isText && asked ? { askedSource: asked.input?.tokens ?? [] } : {}),
  };
}

interface PlacedEdits {
  /** Those that are on, as they act. */
  readonly active: readonly PlacedEdit[];
  readonly results: readonly EditResult[];
}

/** @throws ExperimentError when a strength cannot be said in its unit, or a vector names no direction */
function placeEdits({ edits }: SteerExperiment, made: readonly MadeVector[]): PlacedEdits {
  const active: PlacedEdit[] = [];
  const results = edits.flatMap((edit): EditResult[] => {
    const own = made.find(({ vector }) => vector.name === edit.vector);
    if (!own) return [];
    const { on } = edit;
    const placed = on ? placeEdit(edit, own) : undefined;
    if (placed) active.push(placed);
    return [{ name: editName(edit), vector: edit.vector, on, sites: placed?.sites ?? [] }];
  });
  return { active, results };
}

type TextOf = (id: number) => string;

const textsOf = (ids: Iterable<number>, textOf: TextOf): Readonly<Record<string, string>> =>
  Object.fromEntries([...new Set(ids)].map((id) => [String(id), textOf(id)]));

const spokenIds = (texts: readonly SteerText[]): readonly number[] =>
  texts.flatMap(({ tokens, after, before }) => [
    ...tokens,
    ...[...after, ...before].flatMap((candidates) => candidates.map(([id]) => id)),
  ]);

const sweptIds = (cells: readonly SweepCell[]): readonly number[] =>
  cells.flatMap(({ texts }) => texts.flatMap(({ tokens }) => tokens));

/** A result with its vectors and no texts, but for those of an earlier run. */
function startSteer(
  model: Model,
  { experiment, prompts, settings, notices }: ResolvedSteer,
  made: readonly MadeVector[],
  placed: Pick<SteerResult, 'edits' | 'biases' | 'programs'>,
  { earlier, textOf }: { readonly earlier: SteerResult | undefined; readonly textOf: TextOf },
): SteerResult {
  const { sampling, eosIds, origins } = settings;
  const written = prompts.map(promptResult);
  const ids = written.flatMap(({ tokens, asked, source = [], askedSource = [], towards, away }) => [
    ...[...tokens, ...source, ...askedSource],
    ...(asked ?? []),
    ...towards,
    ...away,
  ]);
  return {
    kind: 'steer-result',
    version: readsMore(model.architecture) ? steerResultVersion : 1,
    experiment,
    ...ranOn(model),
    settings: {
      sampling: Object.fromEntries(Object.entries(sampling)),
      eosIds,
      origins: Object.fromEntries(Object.entries(origins)),
    },
    prompts: written,
    vectors: made.map(vectorResult),
    ...placed,
    texts: prompts.map((_, at) => earlier?.texts[at] ?? null),
    said: null,
    sweep: experiment.sweep ? experiment.sweep.layers.map((_, at) => earlier?.sweep?.[at] ?? null) : null,
    choice: earlier?.choice ?? null,
    tokenTexts: { ...earlier?.tokenTexts, ...textsOf([...ids, ...eosIds], textOf) },
    notices: notices.map(({ code, text }) => ({ code, text })),
  };
}

/** Counts row-layers towards one total. */
class Progress {
  readonly #tell: (done: number) => void;
  #closed = 0;

  constructor(tell: (done: number) => void) {
    this.#tell = tell;
    tell(0);
  }

  /** What is done of the work at hand, at most its whole. */
  within(rowLayers: number, whole: number): void {
    this.#tell(this.#closed + Math.min(rowLayers, whole));
  }

  close(rowLayers: number): void {
    this.#closed += rowLayers;
    this.#tell(this.#closed);
  }
}

async function* changes(
  model: Model,
  steer: ResolvedSteer,
  {
    earlier,
    leaveOut = new Set(),
    signal,
    onProgress,
    textOf = (id) => tokenLabel(id, undefined),
  }: WorkOptions<SteerResult>,
): AsyncGenerator<SteerChange, void> {
  const { architecture } = model;
  const { experiment, prompts, vectors, tokenizer } = steer;
  const signalled = signal ? { signal } : {};
  const total = wholeCost(architecture, steer).rowLayers;
  const progress = new Progress((done) => onProgress?.(done, total));
  signal?.throwIfAborted();
  const made = await makeVectors(model, vectors, prompts, {
    ...signalled,
    isSpecial: (id) => tokenizer?.isSpecial(id) ?? false,
  });
  const { active, results } = placeEdits(experiment, made);
  const taken = {
    edits: results,
    biases: await headBiases(model, active, signal),
    programs: steerPrograms({ architecture, steer, placed: active }),
  };
  yield { kind: 'started', result: startSteer(model, steer, made, taken, { earlier, textOf }) };
  progress.close(vectorsCost(architecture, steer).rowLayers);
  for (const [at, prompt] of prompts.entries()) {
    const whole = promptCost(architecture, steer, prompt).rowLayers;
    if (!leaveOut.has(promptUnit(at)) && !earlier?.texts[at]) {
      signal?.throwIfAborted();
      const step = stepCost(architecture, rowsOfPrompt(steer));
      const onStep = (steps: number) => progress.within(steps * step, whole);
      const texts = yield* runTexts(model, steer, prompt, at, active, { ...signalled, onStep, textOf });
      yield { kind: 'texts', prompt: at, texts, tokenTexts: textsOf(spokenIds(texts), textOf) };
    }
    progress.close(whole);
  }
  const shape = sweepShape(steer);
  if (!shape) return;
  const whole = layerCost(architecture, steer).rowLayers;
  const step = stepCost(architecture, rowsOfSweep(shape));
  for (const [at, layer] of shape.layers.entries()) {
    if (!leaveOut.has(layerUnit(layer)) && !earlier?.sweep?.[at]) {
      signal?.throwIfAborted();
      const onStep = (batch: number, steps: number) =>
        progress.within((batch * (1 + shape.maxNewTokens) + steps) * step, whole);
      const cells = await runSweepLayer(model, steer, shape, layer, active, { ...signalled, onStep });
      yield { kind: 'layer', layer: at, cells, tokenTexts: textsOf(sweptIds(cells), textOf) };
    }
    progress.close(whole);
  }
}

/** Run a resolved steering to its end. */
export const completeSteer = (
  model: Model,
  steer: ResolvedSteer,
  options: WorkOptions<SteerResult> = {},
): Promise<SteerResult> => completed(changes(model, steer, options), steerGrowth());

export const steerWork: KindWork<SteerExperiment, SteerResult, ResolvedSteer, SteerChange> = {
  resolve: resolveSteer,
  estimate: (architecture: Architecture, steer) => {
    const { experiment, vectors, prompts, notices } = steer;
    const cells = sweptLayers(steer).length * (experiment.sweep?.strengths.length ?? 0);
    return {
      count: vectors.length + prompts.length + cells,
      ...wholeCost(architecture, steer),
      steps: 0,
      bytes: mostBytes(architecture, steer),
      notices,
      targets: [],
    };
  },
  units: (_, steer) => [
    ...steer.prompts.map((__, at) => promptUnit(at)),
    ...sweptLayers(steer).map(layerUnit),
  ],
  unitsDone: (_, steer, result) => [
    ...steer.prompts.flatMap((__, at) => (result.texts[at] ? [promptUnit(at)] : [])),
    ...sweptLayers(steer).flatMap((layer, at) => (result.sweep?.[at] ? [layerUnit(layer)] : [])),
  ],
  run: changes,
};
