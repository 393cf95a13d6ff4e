// The library's face: a model under interventions that a configuration declares, after pyvene's IntervenableModel.

import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import type { GenerateStep } from '../runtime/generation/generate.ts';
import type { Model } from '../runtime/model.ts';
import type { Location, Read, ReadResult } from '../runtime/plan/plan.ts';
import { describeComponent } from '../runtime/plan/sites.ts';
import { numbersOf, requireChoice, requireNames, shownValue } from './arguments.ts';
import { type ConfigurationInput, readConfiguration } from './configuration/configuration.ts';
import type { Subspaces, UnitLocations } from './configuration/locations.ts';
import {
  type ResolvedConfiguration,
  type ResolveOptions,
  resolveConfiguration,
} from './configuration/resolve.ts';
import { type CompiledRows, compileCall } from './execution/compile.ts';
import { type GeneratedOutput, type GenerationCall, generateUnder } from './execution/generation.ts';
import { type RunOptions, runPhases } from './execution/phases.ts';
import { type Prompt, startOf } from './execution/prompt.ts';
import { type Inputs, readInputs } from './execution/prompts.ts';
import type { Call } from './execution/runs.ts';
import type { ExportedCode } from './export/exported.ts';
import { exportNnsight } from './export/nnsight.ts';
import { exportPyvene } from './export/pyvene.ts';
import { exportTransformerLens } from './export/transformerLens.ts';
import { exportTypeScript } from './export/typescript.ts';
import { type Intervention, InterventionError } from './intervention.ts';
import { filesOf } from './pyvene/givenFiles.ts';
import { type PyveneFiles, readPyveneFolder, writePyveneFolder } from './pyvene/pyveneFolder.ts';
import { fromPyveneFolder, toPyveneFolder } from './pyvene/savedFolder.ts';

export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface IntervenableOptions extends ResolveOptions {
  /** Needed when prompts are given as text. */
  readonly tokenizer?: Tokenizer;
}

export interface RunArguments {
  /** Prompts as text or token ids: one, or a batch of any lengths. */
  readonly base: Inputs;
  /** One for each group of interventions; null for a group that takes none; one for all groups. */
  readonly sources?: readonly (Inputs | null)[];
  readonly unitLocations?: UnitLocations | null;
  readonly subspaces?: Subspaces;
  /** Activations in place of sources, by the key of the intervention: one vector, or one for each unit. */
  readonly sourceRepresentations?: Readonly<Record<string, FloatValues>>;
  /** Run the base without interventions too. */
  readonly outputOriginalOutput?: boolean;
  /** Of which positions logits are returned; default all. */
  readonly logits?: 'all' | 'last' | 'none';
}

export interface GenerateArguments
  extends Pick<RunArguments, 'base' | 'sources' | 'unitLocations' | 'subspaces' | 'sourceRepresentations'>,
    GenerationCall {
  /** Strings before which a text ends; they need a tokenizer. */
  readonly stop?: readonly string[];
}

/** Numbers in row-major order: as they are, or with their shape, which is counted and not kept. */
export type FloatValues =
  | Float32Array
  | readonly number[]
  | {
      readonly data: Float32Array | readonly number[];
      readonly dims?: readonly number[];
      readonly shape?: readonly number[];
    };

const exporters = {
  pyvene: exportPyvene,
  transformerLens: exportTransformerLens,
  nnsight: exportNnsight,
  typescript: exportTypeScript,
};

export type CodeLanguage = keyof typeof exporters;

/** What a model returned, by example. */
export interface ModelOutputs {
  /** For each example [positions, vocabulary], of its own tokens. */
  readonly logits: readonly Tensor[];
}

export interface IntervenableOutput {
  readonly originalOutputs?: ModelOutputs;
  readonly intervenedOutputs: ModelOutputs;
  /** For each intervention that collects, in order, and each example: [units, width], or [heads, positions, keys]. */
  readonly collectedActivations: readonly (readonly Tensor[])[];
}

const callNames = [
  'base',
  'sources',
  'unitLocations',
  'subspaces',
  'sourceRepresentations',
  'outputOriginalOutput',
  'logits',
] as const satisfies readonly (keyof RunArguments)[];

const generateNames = [
  'base',
  'sources',
  'unitLocations',
  'subspaces',
  'sourceRepresentations',
  'maxNewTokens',
  'sampling',
  'eosIds',
  'placement',
  'stop',
] as const satisfies readonly (keyof GenerateArguments)[];

export class IntervenableModel {
  readonly model: Model;
  readonly #configuration: ResolvedConfiguration;
  readonly #tokenizer: Tokenizer | undefined;

  /**
   * @param configuration pyvene's IntervenableConfig as JSON; one representation or a list of them will do
   * @throws InterventionError that names the field, what was given and what would be right
   */
  constructor(configuration: ConfigurationInput, model: Model, options: IntervenableOptions = {}) {
    requireNames('options', options, ['parameters', 'orthonormalize', 'seed', 'tokenizer']);
    // In JavaScript what loadModel returned is easily given whole.
    if (!model?.architecture)
      throw new InterventionError(
        "model: a Model is expected: the 'model' of what loadModel returns, not the whole of it.",
      );
    this.model = model;
    this.#configuration = resolveConfiguration(model.architecture, readConfiguration(configuration), options);
    this.#tokenizer = options.tokenizer;
  }

  /**
   * The interventions of a folder that pyvene saved, or `save` wrote.
   * @param files what `save` gives, files that a person picked, or on Node the path of a folder
   * @throws CheckpointError when a file is damaged or would run code, InterventionError when it does not fit the model
   */
  static async load(
    files: PyveneFiles | ReadonlyMap<string, Uint8Array> | readonly File[] | string,
    model: Model,
    options: Omit<IntervenableOptions, 'parameters'> = {},
  ): Promise<IntervenableModel> {
    const { configuration, parameters } = fromPyveneFolder(
      await readPyveneFolder(await filesOf(files)),
      model.architecture,
    );
    return new IntervenableModel(configuration, model, { ...options, parameters });
  }

  /**
   * The files of a folder that pyvene loads, by name.
   * @throws CheckpointError or InterventionError that says why pyvene could not load it
   */
  save(): ReadonlyMap<string, Uint8Array> {
    return writePyveneFolder(toPyveneFolder(this.#configuration, this.model.architecture));
  }

  /** Each intervention with its parameters, by pyvene's keys: `layer_0_comp_mlp_output_unit_pos_nunit_1#0`. */
  get interventions(): ReadonlyMap<string, Intervention> {
    return new Map(this.#configuration.interventions.map(({ key, intervention }) => [key, intervention]));
  }

  /**
   * Run the base under the interventions, and the sources as far as something is taken from them.
   * @throws InterventionError or PlanError that names what was given and what would be right
   */
  async run(call: RunArguments, options: RunOptions = {}): Promise<IntervenableOutput> {
    const read = this.#read(call);
    requireNames('options', options, ['signal', 'onProgress', 'statesOf']);
    const { base } = read;
    const { logits = 'all', outputOriginalOutput = false } = call;
    const compiled = compileCall(this.model.architecture, this.#configuration, read);
    const planned = ({ rows, rowOf }: CompiledRows) => {
      const all = [...rows];
      const originals = outputOriginalOutput
        ? base.map((prompt) => all.push({ start: startOf(prompt), edits: [] }) - 1)
        : [];
      const reads: Read[] = [];
      const { positions } = describeComponent(this.model.architecture, 'logits');
      const want = (row: number, prompt: Prompt | undefined): number | undefined => {
        if (logits === 'none') return undefined;
        // A classifier's are at one position.
        const last = positions?.at(-1) ?? (prompt?.tokens.length ?? 0) - 1;
        const location: Location = { positions: logits === 'all' ? 'all' : [last] };
        return reads.push({ row, site: { component: 'logits', layer: null }, location }) - 1;
      };
      return {
        intervened: base.map((prompt, example) => want(rowOf('base', example), prompt)),
        plain: originals.map((row, example) => want(row, base[example])),
        collected: compiled.collected.map((examples) =>
          examples.map(({ example, run, read: each, columns }) => ({
            at: reads.push({ row: rowOf(run, example), ...each }) - 1,
            columns,
          })),
        ),
        plan: { rows: all, reads },
      };
    };
    let last: ReturnType<typeof planned> | undefined;
    const lastPlan = (rows: CompiledRows) => {
      last = planned(rows);
      return last.plan;
    };
    const results = await runPhases(this.model, compiled, lastPlan, options);
    const { intervened = [], plain = [], collected = [] } = last ?? {};
    const outputs = (places: readonly (number | undefined)[]): ModelOutputs => ({
      logits: places.flatMap((place) => (place === undefined ? [] : [tensorOf(results[place])])),
    });
    return {
      ...(outputOriginalOutput ? { originalOutputs: outputs(plain) } : {}),
      intervenedOutputs: outputs(intervened),
      collectedActivations: collected.map((examples) =>
        examples.map(({ at, columns }) => tensorOf(results[at], columns)),
      ),
    };
  }

  /**
   * Continue each prompt under the interventions, with a key-value cache: see `GenerationPlacement` for where they act.
   * What is taken from sources is read once, before the first token.
   * @returns for each prompt the whole sequence, the new tokens, their text and why it ended
   * @throws InterventionError or PlanError that names what was given and what would be right
   */
  async generate(
    given: GenerateArguments,
    options: { readonly signal?: AbortSignal; readonly onStep?: (step: GenerateStep) => void } = {},
  ): Promise<readonly GeneratedOutput[]> {
    requireNames('The call', given, generateNames);
    requireNames('options', options, ['signal', 'onStep']);
    const { maxNewTokens, sampling, eosIds, placement, stop, ...call } = given;
    const request = {
      maxNewTokens,
      ...(sampling ? { sampling } : {}),
      ...(eosIds ? { eosIds } : {}),
      ...(placement ? { placement } : {}),
      ...(stop ? { stop } : {}),
      ...(this.#tokenizer ? { tokenizer: this.#tokenizer } : {}),
    };
    return generateUnder(this.model, this.#configuration, this.#read(call), request, options);
  }

  /**
   * What passes sites of a plain run, without a configuration that collects.
   * @returns for each site and example [units, width]
   */
  async collect(
    call: { readonly base: Inputs; readonly sites: readonly { component: string; layer: number | null }[] },
    options: Omit<RunOptions, 'statesOf'> = {},
  ): Promise<readonly (readonly Tensor[])[]> {
    requireNames('The call', call, ['base', 'sites']);
    requireNames('options', options, ['signal', 'onProgress']);
    if (!Array.isArray(call.sites))
      throw new InterventionError(
        `sites: a list of { component, layer } is expected, not ${shownValue(call.sites)}.`,
      );
    for (const [index, site] of call.sites.entries())
      requireNames(`sites.${index}`, site, ['component', 'layer']);
    const base = readInputs(call.base, this.#reader, 'base');
    const rows = base.map((prompt) => ({ start: startOf(prompt), edits: [] }));
    const reads = call.sites.flatMap((site) =>
      base.map((_, row): Read => ({ row, site, location: { positions: 'all' } })),
    );
    const results = await this.model.run({ rows, reads }, options);
    return call.sites.map((_, site) => base.map((__, row) => tensorOf(results[site * base.length + row])));
  }

  /**
   * A program that computes the same elsewhere, or why there can be none.
   * @param model as the other program opens it: a Hub id, or a folder
   */
  exportCode(language: CodeLanguage, call: RunArguments, model: string = this.model.label): ExportedCode {
    requireChoice('The language of a program', language, Object.keys(exporters));
    return exporters[language]({
      model,
      architecture: this.model.architecture,
      configuration: this.#configuration,
      call: this.#read(call),
    });
  }

  get #reader() {
    return { architecture: this.model.architecture, tokenizer: this.#tokenizer };
  }

  #read(call: RunArguments): Call {
    requireNames('The call', call, callNames);
    requireChoice("'logits'", call.logits, ['all', 'last', 'none']);
    const { sources: given = [] } = call;
    if (!Array.isArray(given))
      throw new InterventionError(
        `sources: a list with one entry for each source is expected, not ${shownValue(given)}. Write [${shownValue(given)}].`,
      );
    const base = readInputs(call.base, this.#reader, 'base');
    const sources = given.map((inputs: Inputs | null, index) => {
      if (inputs === null) return null;
      const prompts = readInputs(inputs, this.#reader, `sources.${index}`);
      const [only] = prompts;
      // One prompt is the source of every example.
      return only && prompts.length === 1 ? base.map(() => only) : prompts;
    });
    return {
      base,
      sources,
      unitLocations: call.unitLocations,
      subspaces: call.subspaces,
      sourceRepresentations: this.#given(call.sourceRepresentations),
    };
  }

  #given(
    representations: Readonly<Record<string, FloatValues>> | undefined,
  ): ReadonlyMap<string, Float32Array> | undefined {
    if (!representations) return undefined;
    const known = this.#configuration.interventions.map(({ key }) => key);
    const unknown = Object.keys(representations).find((key) => !known.includes(key));
    if (unknown !== undefined)
      throw new InterventionError(
        `sourceRepresentations: there is no intervention '${unknown}'. There are: ${known.join(', ')}.`,
      );
    return new Map(
      Object.entries(representations).map(([key, values]) => [
        key,
        floatsOf(values, `sourceRepresentations.${key}`),
      ]),
    );
  }
}

/** @throws InterventionError for what holds no numbers */
function floatsOf(values: FloatValues, label: string): Float32Array {
  const data: unknown =
    typeof values === 'object' && values !== null && 'data' in values ? values.data : values;
  if (data instanceof Float32Array) return data;
  const numbers = numbersOf(data);
  if (!numbers)
    throw new InterventionError(
      `${label}: a Float32Array, a list of numbers or a tensor is expected, not ${shownValue(values)}.`,
    );
  return Float32Array.from(numbers);
}

/** A read of [units, width], or of some of its columns. */
function tensorOf(result: ReadResult | undefined, columns?: readonly number[]): Tensor {
  const tensor = result?.value;
  if (!tensor || !(tensor.data instanceof Float32Array)) throw new Error('Nothing was read.');
  const { shape, data } = tensor;
  if (!columns) return { shape, data };
  const width = shape.at(-1) ?? 1;
  const units = data.length / width;
  const chosen = new Float32Array(units * columns.length);
  for (let unit = 0; unit < units; unit++) {
    columns.forEach((column, place) => {
      chosen[unit * columns.length + place] = data[unit * width + column] ?? Number.NaN;
    });
  }
  return { shape: [...shape.slice(0, -1), columns.length], data: chosen };
}
