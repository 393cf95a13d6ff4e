// Makes an intervention definite for one model: tokens instead of text, the configuration fitted to the model, and all checked
// that can be checked before it runs.

import { type Architecture, firstInput } from '../../architectures/architecture.ts';
import type { ModelConfiguration, Tokenizer } from '../../checkpoint/checkpoint.ts';
import { type Configuration, readConfiguration } from '../../interventions/configuration/configuration.ts';
import {
  type ResolvedConfiguration,
  resolveConfiguration,
} from '../../interventions/configuration/resolve.ts';
import { compileCall } from '../../interventions/execution/compile.ts';
import { type Inputs, readInputs } from '../../interventions/execution/prompts.ts';
import { type Call, piecesOf } from '../../interventions/execution/runs.ts';
import type { RunArguments } from '../../interventions/intervenableModel.ts';
import type { Parameters } from '../../interventions/intervention.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';
import { type GivenPrompt, partsOfGiven } from '../givenPrompt.ts';
import { type InputData, readInput } from '../inputData.ts';
import type { Notice } from '../notice.ts';
import { promptReader } from '../promptReader.ts';
import type { NamedToken } from '../tokens.ts';
import type { WholePrompt } from '../wholePrompt.ts';
import type { InterveneExperiment } from './experiment.ts';

export interface ResolvedIntervention {
  readonly experiment: InterveneExperiment;
  /** Undefined where nothing is changed. */
  readonly configuration: Configuration | undefined;
  readonly base: WholePrompt;
  readonly sources: readonly WholePrompt[];
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

/** What the prompts of an intervention read that is no text: undefined for those that read none. */
export interface InterveneInputs {
  readonly base?: InputData | undefined;
  readonly sources?: readonly (InputData | undefined)[];
}

/**
 * @param preprocessor what the model's files say of pictures and sounds
 * @throws ExperimentError for what the model does not read, MediaError for a file that cannot be read
 */
export async function readInterveneInputs(
  architecture: Architecture,
  { base, sources }: Pick<InterveneExperiment, 'base' | 'sources'>,
  preprocessor: () => Promise<ModelConfiguration | undefined>,
): Promise<InterveneInputs> {
  const read = (given: GivenPrompt) => readInput(architecture, partsOfGiven(given), preprocessor);
  const own = await read(base);
  const others: (InputData | undefined)[] = [];
  for (const source of sources) others.push(await read(source));
  return { base: own, sources: others };
}

const inputKind = (architecture: Architecture) => firstInput(architecture)?.kind;

/** A prompt in the words of a call of the library. */
function inputsOf({ start, tokens }: WholePrompt, reads: 'image' | 'sound' | undefined): Inputs {
  const word = reads === 'sound' ? 'inputFeatures' : 'pixelValues';
  if (start.kind === 'input') return { [word]: start.data };
  const source = start.kind === 'tokens' ? start.source : undefined;
  if (!source) return tokens;
  if (source.kind === 'input') return { [word]: source.data, decoderInputIds: tokens };
  if (source.kind !== 'tokens') throw new Error('A source begins with tokens or an input.');
  const { source: seen } = source;
  return {
    inputIds: source.tokens,
    decoderInputIds: tokens,
    ...(seen?.kind === 'input' ? { [word]: seen.data } : {}),
  };
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

const isOfOtherStack = (architecture: Architecture, component: string): boolean =>
  (describeComponent(architecture, component).place?.stack ?? 'main') !== 'main';

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
  // What another stack makes is seen by every position of this one.
  const positions = (rows[rowOf('base', 0)]?.edits ?? []).flatMap(({ site, location }) =>
    location.positions === 'all' || isOfOtherStack(architecture, site.component) ? [0] : location.positions,
  );
  return Math.min((base?.tokens.length ?? 1) - 1, ...positions);
}

/**
 * @param tokenizer may be absent when the experiment gives token ids
 * @param inputs    of a model that reads pictures or sounds
 * @throws ExperimentError, InterventionError or PlanError in one sentence: what does not fit, and what would
 */
export function resolveIntervene(
  architecture: Architecture,
  tokenizer: Tokenizer | undefined,
  experiment: InterveneExperiment,
  inputs: InterveneInputs = {},
): ResolvedIntervention {
  const notices: Notice[] = [];
  const { whole, named } = promptReader({ architecture, tokenizer }, notices);
  const sourceName = (index: number) => (experiment.sources.length > 1 ? `source ${index}` : 'source');
  const read = (given: GivenPrompt, what: string, data: InputData | undefined): WholePrompt => {
    // Base and source may read the same picture.
    for (const notice of data?.notices ?? [])
      if (!notices.some(({ text }) => text === notice.text)) notices.push(notice);
    return whole(partsOfGiven(given), what, data?.data);
  };
  const base = read(experiment.base, 'base', inputs.base);
  const sources = experiment.sources.map((given, index) =>
    read(given, sourceName(index), inputs.sources?.[index]),
  );
  const parameters = parametersOf(experiment);
  const configuration = experiment.configuration && readConfiguration(experiment.configuration);
  const { unitLocations, subspaces, seed } = experiment;
  const kind = inputKind(architecture);
  const call: RunArguments = {
    base: inputsOf(base, kind),
    sources: sources.map((source) => inputsOf(source, kind)),
    ...(unitLocations === undefined ? {} : { unitLocations }),
    ...(subspaces === undefined ? {} : { subspaces }),
  };
  const full: Call = {
    base: readInputs(call.base, { architecture, tokenizer: undefined }, 'base'),
    sources: (call.sources ?? []).map((source, index) =>
      source === null ? null : readInputs(source, { architecture, tokenizer: undefined }, sourceName(index)),
    ),
    unitLocations,
    subspaces,
  };
  const fitted = configuration && resolveConfiguration(architecture, configuration, { parameters, seed });
  const firstChanged = fitted ? firstChangedIn(architecture, fitted, full) : base.tokens.length - 1;
  const collecting = (fitted ? piecesOf(fitted, full) : []).flatMap(
    ({ resolved: { intervention, ...own } }) =>
      intervention.type.isCollect ? [{ key: own.key, component: own.component.name }] : [],
  );
  const answer = named(experiment.answer, 'answer', base.written);
  const distractor = named(experiment.distractor ?? undefined, 'distractor', base.written);
  return {
    experiment,
    configuration,
    base,
    sources,
    parameters,
    call,
    collecting,
    ...(answer ? { answer } : {}),
    ...(distractor ? { distractor } : {}),
    firstChanged,
    notices,
  };
}
