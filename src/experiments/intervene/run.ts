// Runs an intervention: the base and the sources as they are, the base under its interventions, and what was asked to be
// collected. What runs as it is can be remembered between calls, since a person who moves a cable changes none of it.

import type { RunOptions } from '../../interventions/execution/phases.ts';
import { IntervenableModel, type Tensor } from '../../interventions/intervenableModel.ts';
import type { Model } from '../../runtime/model.ts';
import type { StatesOfPrompt } from '../../runtime/plan/later.ts';
import type { Read } from '../../runtime/plan/plan.ts';
import type { Samples } from '../metrics.ts';
import { finiteSamples, floatsOf } from '../planRuns.ts';
import { finiteLogits, logSumExp, topCandidates } from '../predict.ts';
import { readKey } from '../readKeys.ts';
import { ranOn } from '../resultParts.ts';
import { readThroughHead } from '../throughHead.ts';
import { tokenLabel } from '../tokens.ts';
import type { WholePrompt } from '../wholePrompt.ts';
import type { ResolvedIntervention } from './resolve.ts';
import { type InterveneResult, interveneResultVersion, type NamedCandidate } from './result.ts';

/** Logits of prompts as they are, by their tokens and what is read beside them. Whoever gives a map of his own keeps them between calls. */
export type KnownLogits = Map<string, Float32Array>;

/** Prompts whose states a model has kept; whoever gives one of his own keeps them between calls, as a hand moves cables. */
export interface KeptPrompts {
  /** @returns the states of a prompt, and the logits of a position; undefined where they are not to be kept */
  of(
    tokens: readonly number[],
    position: number,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly states: StatesOfPrompt; readonly logits: Float32Array } | undefined>;
}

export interface RunInterveneOptions {
  readonly signal?: AbortSignal;
  readonly textOf?: (id: number) => string;
  readonly known?: KnownLogits;
  readonly prompts?: KeptPrompts;
  /** Whether the later positions are looked at; default true. */
  readonly isWhole?: boolean;
}

/** One measurement of a prediction, as `measureLogits` makes it on the device. @param from [vocabulary] of the base */
export function measure(
  logits: Float32Array,
  from: Float32Array,
  answer: number,
  distractor: number | undefined,
): Samples {
  const [total, fromTotal] = [logSumExp(logits), logSumExp(from)];
  const own = logits[answer] ?? Number.NaN;
  let rank = 1;
  let divergence = 0;
  for (let id = 0; id < logits.length; id++) {
    if ((logits[id] ?? own) > own) rank += 1;
    const log = (from[id] ?? Number.NaN) - fromTotal;
    divergence += Math.exp(log) * (log - ((logits[id] ?? Number.NaN) - total));
  }
  const top = topCandidates(logits, Math.min(5, logits.length));
  return {
    answerLogit: [own],
    ...(distractor === undefined ? {} : { distractorLogit: [logits[distractor] ?? Number.NaN] }),
    logSumExp: [total],
    rank: [rank],
    divergence: [Math.max(0, divergence)],
    topIds: [top.map(({ id }) => id)],
    topLogits: [top.map(({ logit }) => logit)],
  };
}

const candidateCount = 10;
const logitsSite = { component: 'logits', layer: null };

interface PlainPrompt {
  readonly prompt: WholePrompt;
  /** At which logits are wanted. */
  readonly at: number | 'all';
}

const logitsKey = ({ prompt: { start }, at }: PlainPrompt): string => `${at} ${readKey(start)}`;

/** Logits of prompts without interventions: [positions, vocabulary] where all are wanted, else of one position. */
async function plainLogits(
  model: Model,
  prompts: readonly PlainPrompt[],
  known: KnownLogits,
  signal: AbortSignal | undefined,
): Promise<readonly Float32Array[]> {
  const missing = [...new Map(prompts.map((prompt) => [logitsKey(prompt), prompt])).values()].filter(
    (prompt) => !known.has(logitsKey(prompt)),
  );
  if (missing.length > 0) {
    const rows = missing.map(({ prompt: { start } }) => ({ start, edits: [] }));
    const reads = missing.map(({ at }, row): Read => {
      return { row, site: logitsSite, location: { positions: at === 'all' ? at : [at] } };
    });
    const results = await model.run({ rows, reads }, signal ? { signal } : {});
    missing.forEach((prompt, row) => {
      known.set(logitsKey(prompt), finiteLogits(model, floatsOf(results[row])));
    });
  }
  return prompts.map((prompt) => known.get(logitsKey(prompt)) ?? new Float32Array());
}

interface Intervened {
  /** [positions, vocabulary], or of the last position; undefined where nothing is changed. */
  readonly output?: Float32Array;
  readonly collectedActivations: readonly (readonly Tensor[])[];
}

async function intervened(
  model: Model,
  { configuration, parameters, call, experiment }: ResolvedIntervention,
  logits: 'all' | 'last',
  options: Pick<RunOptions, 'signal' | 'statesOf'>,
): Promise<Intervened> {
  if (!configuration) return { collectedActivations: [] };
  const intervenable = new IntervenableModel(configuration, model, { parameters, seed: experiment.seed });
  const { intervenedOutputs, collectedActivations } = await intervenable.run({ ...call, logits }, options);
  const [output] = intervenedOutputs.logits;
  if (!output) throw new Error('The run gave no logits.');
  return { output: output.data, collectedActivations };
}

const brief = (x: number): number => Number(x.toPrecision(9));

/**
 * @throws InterventionError or PlanError that names what was given and what would be right, or the signal's reason
 */
export async function runIntervene(
  model: Model,
  resolved: ResolvedIntervention,
  {
    signal,
    textOf = (id) => tokenLabel(id, undefined),
    known = new Map(),
    prompts,
    isWhole = true,
  }: RunInterveneOptions = {},
): Promise<InterveneResult> {
  const { experiment, base, sources, firstChanged, notices } = resolved;
  const { architecture, backend } = model;
  const size = architecture.vocabularySize;
  const options = signal ? { signal } : {};
  const candidate = ({
    id,
    logit,
    probability,
  }: ReturnType<typeof topCandidates>[number]): NamedCandidate => {
    return { id, text: textOf(id), logit: brief(logit), probability: brief(probability) };
  };
  const top = (logits: Float32Array, count: number) =>
    topCandidates(logits, Math.min(count, logits.length)).map(candidate);

  const length = base.tokens.length;
  const withLater = isWhole && firstChanged < length - 1;
  const plainPrompts = [base, ...sources].map((prompt) => ({ prompt, at: prompt.watched }));
  const states = new Map<string, StatesOfPrompt>();
  for (const plain of resolved.configuration && prompts ? plainPrompts : []) {
    const { input, tokens } = plain.prompt;
    // States are kept of prompts that are tokens alone.
    const kept = input ? undefined : await prompts?.of(tokens, plain.at, signal);
    if (!kept) continue;
    states.set(tokens.join(), kept.states);
    known.set(logitsKey(plain), kept.logits);
  }
  const plain = await plainLogits(model, plainPrompts, known, signal);
  const [before = new Float32Array(), ...others] = plain;
  const [wholeBefore = new Float32Array()] = withLater
    ? await plainLogits(model, [{ prompt: base, at: 'all' }], known, signal)
    : [];

  const at = (logits: Float32Array, position: number) =>
    logits.subarray(position * size, (position + 1) * size);
  // A classifier has logits at one position.
  const isLast = length === 0 || base.watched === length - 1;
  const wanted = withLater || !isLast ? 'all' : 'last';
  const { output, collectedActivations } = await intervened(model, resolved, wanted, {
    ...options,
    statesOf: (tokens) => states.get(tokens.join()),
  });
  const after = output ? at(output, wanted === 'all' ? base.watched : 0) : before;

  const [best] = topCandidates(others[0] ?? before, 1);
  const answer = resolved.answer ?? { id: best?.id ?? 0, text: textOf(best?.id ?? 0) };
  const [usual] = topCandidates(before, 1);
  const isUsual = experiment.distractor === undefined && usual !== undefined && usual.id !== answer.id;
  const distractor = resolved.distractor ?? (isUsual ? { id: usual.id, text: textOf(usual.id) } : undefined);
  const measured = (logits: Float32Array) => measure(logits, before, answer.id, distractor?.id);
  const later = withLater
    ? Array.from({ length: length - firstChanged }, (_, index) => {
        const position = firstChanged + index;
        const [was, is] = [at(wholeBefore, position), at(output ?? wholeBefore, position)];
        const [topWas, topIs] = [top(was, 1)[0], top(is, 1)[0]];
        if (!topWas || !topIs) throw new Error('The vocabulary is empty.');
        const [divergence = 0] = measure(is, was, answer.id, undefined).divergence;
        return { position, divergence: brief(divergence), before: topWas, after: topIs };
      })
    : [];

  const collected = [];
  for (const [index, examples] of collectedActivations.entries()) {
    const [tensor] = examples;
    const of = resolved.collecting[index];
    if (!tensor || !of) continue;
    const seen = isWhole ? await readThroughHead(model, of.component, tensor, base.start, signal) : [];
    collected.push({
      key: of.key,
      shape: [...tensor.shape],
      data: Array.from(tensor.data, brief),
      nearest: seen.map((logits) => top(logits, 5)),
    });
  }
  const texts = (tokens: readonly number[]) => tokens.map((id) => ({ id, text: textOf(id) }));
  return {
    kind: 'intervene-result',
    version: base.input ? interveneResultVersion : 1,
    experiment,
    model: ranOn(model).model,
    backend: { kind: backend.kind, description: backend.description },
    base: texts(base.tokens),
    sources: sources.map(({ tokens }) => texts(tokens)),
    ...(base.input?.kind === 'text'
      ? {
          read: {
            base: texts(base.input.tokens),
            sources: sources.map(({ input }) => texts(input?.tokens ?? [])),
          },
        }
      : {}),
    answer: { id: answer.id, text: answer.text },
    ...(distractor ? { distractor: { id: distractor.id, text: distractor.text } } : {}),
    measured: {
      base: measured(before),
      sources: others.map(measured),
      intervened: finiteSamples(measured(after)),
    },
    before: top(before, candidateCount),
    after: top(after, candidateCount),
    later,
    collected,
    notices: notices.map(({ code, text }) => ({ code, text })),
  };
}
