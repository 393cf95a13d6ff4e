// Runs an intervention: the base and the sources as they are, the base under its interventions, and what was asked to be
// collected. What runs as it is can be remembered between calls, since a person who moves a cable changes none of it.

import type { Architecture } from '../../architectures/architecture.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { type Configuration, readConfiguration } from '../../interventions/configuration/configuration.ts';
import {
  type ResolvedConfiguration,
  resolveConfiguration,
} from '../../interventions/configuration/resolve.ts';
import { compileCall } from '../../interventions/execution/compile.ts';
import type { RunOptions } from '../../interventions/execution/phases.ts';
import type { Prompt } from '../../interventions/execution/prompt.ts';
import { type Call, piecesOf } from '../../interventions/execution/runs.ts';
import { IntervenableModel, type RunArguments, type Tensor } from '../../interventions/intervenableModel.ts';
import type { Parameters } from '../../interventions/intervention.ts';
import type { Model } from '../../runtime/model.ts';
import type { StatesOfPrompt } from '../../runtime/plan/later.ts';
import type { Read } from '../../runtime/plan/plan.ts';
import type { Samples } from '../metrics.ts';
import type { Notice } from '../notice.ts';
import { finiteSamples, floatsOf, promptRow } from '../planRuns.ts';
import { finiteLogits, logSumExp, topCandidates } from '../predict.ts';
import { promptReader } from '../promptReader.ts';
import { ranOn } from '../resultParts.ts';
import { readThroughHead } from '../throughHead.ts';
import { type NamedToken, tokenLabel } from '../tokens.ts';
import { watchedPosition } from '../watched.ts';
import type { InterveneExperiment } from './experiment.ts';
import { type InterveneResult, interveneResultVersion, type NamedCandidate } from './result.ts';

export interface ResolvedIntervention {
  readonly experiment: InterveneExperiment;
  /** Undefined where nothing is changed. */
  readonly configuration: Configuration | undefined;
  readonly base: readonly number[];
  readonly sources: readonly (readonly number[])[];
  /** The positions whose predictions are watched: after the last token, or at the mask. */
  readonly watched: { readonly base: number; readonly sources: readonly number[] };
  readonly parameters: Readonly<Record<string, Parameters>>;
  readonly call: RunArguments;
  /** The interventions that collect, without those that the call leaves out: pyvene's key, and what is collected. */
  readonly collecting: readonly { readonly key: string; readonly component: string }[];
  readonly answer?: NamedToken;
  readonly distractor?: NamedToken;
  /** The first position of the base that an edit may change. */
  readonly firstChanged: number;
  readonly notices: readonly Notice[];
}

const parametersOf = ({ parameters = {} }: InterveneExperiment): Readonly<Record<string, Parameters>> =>
  Object.fromEntries(
    Object.entries(parameters).map(([key, own]) => [
      key,
      Object.fromEntries(
        Object.entries(own).map(([name, { shape, data }]) => [
          name,
          { shape, data: Float32Array.from(data) },
        ]),
      ),
    ]),
  );

/**
 * Where the base is first changed: by its own edits alone, which is where the change of any other run enters it.
 * @throws InterventionError or PlanError that names the intervention, what was given and what would be right
 */
function firstChangedIn(
  architecture: Architecture,
  configuration: ResolvedConfiguration,
  call: Call,
): number {
  const compiled = compileCall(architecture, configuration, call);
  const { rows, rowOf } = compiled.rows(0, new Map());
  if (!architecture.isCausal || compiled.phases > 1) return 0;
  const [base] = call.base;
  const positions = (rows[rowOf('base', 0)]?.edits ?? []).flatMap(({ location }) =>
    location.positions === 'all' ? [0] : location.positions,
  );
  return Math.min((base?.tokens.length ?? 1) - 1, ...positions);
}

/**
 * @param tokenizer may be absent when the experiment gives token ids
 * @throws ExperimentError, InterventionError or PlanError in one sentence: what does not fit, and what would
 */
export function resolveIntervene(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: InterveneExperiment,
): ResolvedIntervention {
  const notices: Notice[] = [];
  const { prompt, named } = promptReader({ architecture, tokenizer }, notices);
  const sourceName = (index: number) => (experiment.sources.length > 1 ? `source ${index}` : 'source');
  const base = prompt(experiment.base, 'base');
  const sources = experiment.sources.map((text, index) => prompt(text, sourceName(index)));
  const watchedIn = (tokens: readonly number[], what: string) =>
    watchedPosition(architecture, tokens, tokenizer, `the ${what}`);
  const watched = {
    base: watchedIn(base, 'base'),
    sources: sources.map((tokens, index) => watchedIn(tokens, sourceName(index))),
  };
  const parameters = parametersOf(experiment);
  const configuration = experiment.configuration && readConfiguration(experiment.configuration);
  const { unitLocations, subspaces, seed } = experiment;
  const call: RunArguments = {
    base,
    sources: sources.map((tokens) => tokens),
    ...(unitLocations === undefined ? {} : { unitLocations }),
    ...(subspaces === undefined ? {} : { subspaces }),
  };
  const whole = (tokens: readonly number[]): Prompt => ({ tokens, placeOf: (position) => position });
  const full: Call = {
    base: [whole(base)],
    sources: sources.map((tokens) => [whole(tokens)]),
    unitLocations,
    subspaces,
  };
  const fitted = configuration && resolveConfiguration(architecture, configuration, { parameters, seed });
  const firstChanged = fitted ? firstChangedIn(architecture, fitted, full) : base.length - 1;
  const collecting = (fitted ? piecesOf(fitted, full) : []).flatMap(
    ({ resolved: { intervention, ...own } }) =>
      intervention.type.isCollect ? [{ key: own.key, component: own.component.name }] : [],
  );
  const answer = named(experiment.answer, 'answer', experiment.base);
  const distractor = named(experiment.distractor ?? undefined, 'distractor', experiment.base);
  return {
    experiment,
    configuration,
    base,
    sources,
    watched,
    parameters,
    call,
    collecting,
    ...(answer ? { answer } : {}),
    ...(distractor ? { distractor } : {}),
    firstChanged,
    notices,
  };
}

/** Logits of prompts as they are, by their tokens. Whoever gives a map of his own keeps them between calls. */
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
  readonly tokens: readonly number[];
  /** At which logits are wanted. */
  readonly at: number | 'all';
}

const logitsKey = ({ tokens, at }: PlainPrompt): string => `${at} ${tokens.join(' ')}`;

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
    const rows = missing.map(({ tokens }) => promptRow(tokens));
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
  const { experiment, base, sources, watched, firstChanged, notices } = resolved;
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

  const withLater = isWhole && firstChanged < base.length - 1;
  const plainPrompts = [
    { tokens: base, at: watched.base },
    ...sources.map((tokens, index) => ({ tokens, at: watched.sources[index] ?? tokens.length - 1 })),
  ];
  const states = new Map<string, StatesOfPrompt>();
  for (const prompt of resolved.configuration && prompts ? plainPrompts : []) {
    const kept = await prompts?.of(prompt.tokens, prompt.at, signal);
    if (!kept) continue;
    states.set(prompt.tokens.join(), kept.states);
    known.set(logitsKey(prompt), kept.logits);
  }
  const plain = await plainLogits(model, plainPrompts, known, signal);
  const [before = new Float32Array(), ...others] = plain;
  const [wholeBefore = new Float32Array()] = withLater
    ? await plainLogits(model, [{ tokens: base, at: 'all' }], known, signal)
    : [];

  const at = (logits: Float32Array, position: number) =>
    logits.subarray(position * size, (position + 1) * size);
  const isLast = watched.base === base.length - 1;
  const wanted = withLater || !isLast ? 'all' : 'last';
  const { output, collectedActivations } = await intervened(model, resolved, wanted, {
    ...options,
    statesOf: (tokens) => states.get(tokens.join()),
  });
  const after = output ? at(output, wanted === 'all' ? watched.base : 0) : before;

  const [best] = topCandidates(others[0] ?? before, 1);
  const answer = resolved.answer ?? { id: best?.id ?? 0, text: textOf(best?.id ?? 0) };
  const [usual] = topCandidates(before, 1);
  const isUsual = experiment.distractor === undefined && usual !== undefined && usual.id !== answer.id;
  const distractor = resolved.distractor ?? (isUsual ? { id: usual.id, text: textOf(usual.id) } : undefined);
  const measured = (logits: Float32Array) => measure(logits, before, answer.id, distractor?.id);
  const later = withLater
    ? Array.from({ length: base.length - firstChanged }, (_, index) => {
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
    const seen = isWhole ? await readThroughHead(model, of.component, tensor, base[0] ?? 0, signal) : [];
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
    version: interveneResultVersion,
    experiment,
    model: ranOn(model).model,
    backend: { kind: backend.kind, description: backend.description },
    base: texts(base),
    sources: sources.map(texts),
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
