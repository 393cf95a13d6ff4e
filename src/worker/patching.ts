// What the Patch page asks of the model while a hand moves cables: what they do, what every socket would do, and what
// stands at a site on average. Sweeps are experiments, and run as those do.

import { readsMore } from '../architectures/architecture.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { attributePatches } from '../experiments/attribute/attribute.ts';
import { ExperimentError } from '../experiments/experimentFile.ts';
import { type GivenPrompt, partsOfGiven } from '../experiments/givenPrompt.ts';
import { readInput } from '../experiments/inputData.ts';
import type { InterveneExperiment } from '../experiments/intervene/experiment.ts';
import { readInterveneInputs, resolveIntervene } from '../experiments/intervene/resolve.ts';
import type { InterveneResult } from '../experiments/intervene/result.ts';
import { type KnownLogits, runIntervene } from '../experiments/intervene/run.ts';
import { wordsOf } from '../experiments/labels.ts';
import { floatsOf, promptRow } from '../experiments/planRuns.ts';
import { promptReader } from '../experiments/promptReader.ts';
import { tokensOf } from '../experiments/tokens.ts';
import type { Model } from '../runtime/model.ts';
import { describeComponent } from '../runtime/plan/sites.ts';
import { shelfOf } from './keptPrompts.ts';
import type {
  ActivationRequest,
  CallOptions,
  InterveneOptions,
  SocketEstimateRequest,
  SocketEstimates,
} from './protocol.ts';
import type { ModelInUse } from './steps.ts';

/** Bytes of logits that are remembered: of a large vocabulary a position is some hundred kilobytes, a long prompt hundreds of them. */
const mostKnownBytes = 64 * 2 ** 20;
const knownBy = new WeakMap<Model, KnownLogits>();

function knownOf(model: Model): KnownLogits {
  const known: KnownLogits = knownBy.get(model) ?? new Map();
  knownBy.set(model, known);
  return known;
}

/** Drops the earliest until the rest fits. @param mostBytes the latest stays even where it is larger by itself */
export function forgetEarliest(known: KnownLogits, mostBytes: number): void {
  let bytes = [...known.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  for (const [key, { byteLength }] of known) {
    if (bytes <= mostBytes || known.size === 1) return;
    known.delete(key);
    bytes -= byteLength;
  }
}

/** With the files that say how pictures and sounds become numbers. */
type ReadingModel = ModelInUse & { readonly checkpoint: Pick<Checkpoint, 'preprocessor'> };

const settingsOf =
  (checkpoint: ReadingModel['checkpoint'], { signal }: CallOptions) =>
  async () =>
    checkpoint.preprocessor?.(signal);

const signalOf = ({ signal }: CallOptions) => (signal ? { signal } : {});

export async function intervene(
  experiment: InterveneExperiment,
  { isWhole = true, ...options }: InterveneOptions,
  { model, tokenizer, checkpoint }: ReadingModel,
): Promise<InterveneResult> {
  const known = knownOf(model);
  const prompts = shelfOf(model);
  try {
    const inputs = await readInterveneInputs(model.architecture, experiment, settingsOf(checkpoint, options));
    return await runIntervene(model, resolveIntervene(model.architecture, tokenizer, experiment, inputs), {
      ...signalOf(options),
      textOf: wordsOf(model.architecture, tokenizer) ?? ((id) => `#${id}`),
      known,
      prompts,
      isWhole,
    });
  } finally {
    forgetEarliest(known, mostKnownBytes);
    prompts.trim();
  }
}

export async function estimateSockets(
  { base, source, places, component, answer, distractor }: SocketEstimateRequest,
  options: CallOptions,
  { model, tokenizer, checkpoint }: ReadingModel,
): Promise<SocketEstimates> {
  const started = performance.now();
  const { architecture } = model;
  const { whole, named } = promptReader({ architecture, tokenizer }, []);
  const read = async (given: GivenPrompt, what: string) => {
    const parts = partsOfGiven(given);
    const input = await readInput(architecture, parts, settingsOf(checkpoint, options));
    return whole(parts, what, input?.data);
  };
  const [clean, corrupted] = [await read(source, 'source'), await read(base, 'base')];
  // After the base, as an intervention takes its answer.
  const idOf = (name: number | string, what: string): number => {
    const token = named(name, what, corrupted.written);
    if (!token) throw new ExperimentError(`The ${what} names no token. Name one, or give its id.`);
    return token.id;
  };
  const { attributions, baselines } = await attributePatches(
    model,
    {
      clean,
      corrupted,
      watched: { clean: clean.watched, corrupted: corrupted.watched },
      places,
      components: [component],
      answer: idOf(answer, 'answer'),
      ...(distractor === null ? {} : { distractor: idOf(distractor, 'distractor') }),
    },
    signalOf(options),
  );
  const [found] = attributions;
  return {
    shape: found?.shape ?? [],
    values: found?.values ?? new Float32Array(),
    baselines: { base: baselines.corrupted, source: baselines.clean },
    elapsedMs: performance.now() - started,
  };
}

/**
 * @throws PlanError for a component or a layer that does not exist, ExperimentError for an empty prompt, or for several heads
 *   at once
 */
export async function meanActivation(
  { prompts, component, layer, head, at, addSpecialTokens = true }: ActivationRequest,
  options: CallOptions,
  { model, tokenizer }: ModelInUse,
): Promise<Float32Array> {
  if (readsMore(model.architecture))
    throw new ExperimentError(
      `A ${model.architecture.modelType} model reads more than a text, so lines of text alone give no vector of it. Give numbers, or a file.`,
    );
  const { heads = 1 } = describeComponent(model.architecture, component);
  if (head === null && heads > 1)
    throw new ExperimentError(
      `'${component}' has ${heads} heads, and the mean over them is no head's vector. Choose one head.`,
    );
  const tokens = prompts.map((text, index) =>
    tokensOf(text, tokenizer, `prompt ${index + 1}`, { addSpecialTokens }),
  );
  const results = await model.run(
    {
      rows: tokens.map(promptRow),
      reads: tokens.map((own, row) => ({
        row,
        site: { component, layer },
        location: {
          positions: at === 'all' ? ('all' as const) : [own.length - 1],
          ...(head === null ? {} : { heads: [head] }),
        },
      })),
    },
    signalOf(options),
  );
  const width = results[0]?.value?.shape.at(-1) ?? 0;
  const sum = new Float64Array(width);
  let units = 0;
  for (const result of results) {
    const data = floatsOf(result);
    units += data.length / width;
    for (let i = 0; i < data.length; i++) sum[i % width] = (sum[i % width] ?? 0) + (data[i] ?? 0);
  }
  return Float32Array.from(sum, (x) => x / units);
}
