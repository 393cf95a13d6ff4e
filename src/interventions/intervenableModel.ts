// The library's face: a model under interventions that a configuration declares, after pyvene's IntervenableModel.

import type { Tokenizer } from '../checkpoint/checkpoint.ts';
import type { ExecuteOptions } from '../runtime/forward/execute.ts';
import type { GenerateStep } from '../runtime/generation/generate.ts';
import type { Model } from '../runtime/model.ts';
import type { Location, Read, ReadResult } from '../runtime/plan/plan.ts';
import { type ConfigurationInput, readConfiguration } from './configuration/configuration.ts';
import type { Subspaces, UnitLocations } from './configuration/locations.ts';
import {
  type ResolvedConfiguration,
  type ResolveOptions,
  resolveConfiguration,
} from './configuration/resolve.ts';
import { compileCall } from './execution/compile.ts';
import { lateKey } from './execution/edits.ts';
import { type GeneratedOutput, type GenerationCall, generateUnder } from './execution/generation.ts';
import { type Inputs, readInputs } from './execution/prompts.ts';
import type { Call } from './execution/runs.ts';
import type { ExportedCode } from './export/exported.ts';
import { exportNnsight } from './export/nnsight.ts';
import { exportPyvene } from './export/pyvene.ts';
import { exportTransformerLens } from './export/transformerLens.ts';
import { exportTypeScript } from './export/typescript.ts';
import { type Intervention, InterventionError } from './intervention.ts';
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
  readonly sourceRepresentations?: Readonly<Record<string, Float32Array>>;
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

export class IntervenableModel {
  readonly model: Model;
  readonly #configuration: ResolvedConfiguration;
  readonly #tokenizer: Tokenizer | undefined;

  /**
   * @param configuration pyvene's IntervenableConfig as JSON; one representation or a list of them will do
   * @throws InterventionError that names the field, what was given and what would be right
   */
  constructor(configuration: ConfigurationInput, model: Model, options: IntervenableOptions = {}) {
    this.model = model;
    this.#configuration = resolveConfiguration(model.architecture, readConfiguration(configuration), options);
    this.#tokenizer = options.tokenizer;
  }

  /**
   * The interventions of a folder that pyvene saved, or `save` wrote.
   * @throws CheckpointError when a file is damaged or would run code, InterventionError when it does not fit the model
   */
  static async load(
    files: PyveneFiles,
    model: Model,
    options: Omit<IntervenableOptions, 'parameters'> = {},
  ): Promise<IntervenableModel> {
    const { configuration, parameters } = fromPyveneFolder(await readPyveneFolder(files), model.architecture);
    return new IntervenableModel(configuration, model, { ...options, parameters });
  }

  /**
   * The files of a folder that pyvene loads, by name.
   * @throws CheckpointError or InterventionError that says why pyvene could not load it
   */
  save(): ReadonlyMap<string, Uint8Array> {
    return writePyveneFolder(toPyveneFolder(this.#configuration));
  }

  /** Each intervention with its parameters, by pyvene's keys: `layer_0_comp_mlp_output_unit_pos_nunit_1#0`. */
  get interventions(): ReadonlyMap<string, Intervention> {
    return new Map(this.#configuration.interventions.map(({ key, intervention }) => [key, intervention]));
  }

  /**
   * Run the base under the interventions, and the sources as far as something is taken from them.
   * @throws InterventionError or PlanError that names what was given and what would be right
   */
  async run(call: RunArguments, options: ExecuteOptions = {}): Promise<IntervenableOutput> {
    const read = this.#read(call);
    const { base } = read;
    const compiled = compileCall(this.model.architecture, this.#configuration, read);

    const given = new Map<string, Float32Array>();
    for (let phase = 0; phase < compiled.phases - 1; phase++) {
      const { rows, rowOf } = compiled.rows(phase, given);
      const wanted = compiled.late(phase);
      const results = await this.model.run(
        {
          rows,
          reads: wanted.map(({ run, example, site, location }) => ({
            row: rowOf(run, example),
            site,
            location,
          })),
        },
        options,
      );
      wanted.forEach((late, index) => {
        given.set(lateKey(late), tensorOf(results[index]).data);
      });
    }

    const { rows, rowOf } = compiled.rows(compiled.phases - 1, given);
    const all = [...rows];
    const originals = call.outputOriginalOutput
      ? base.map(({ tokens }) => all.push({ start: { kind: 'tokens', tokens }, edits: [] }) - 1)
      : [];
    const { logits = 'all' } = call;
    const reads: Read[] = [];
    const want = (row: number, length: number): number | undefined => {
      if (logits === 'none') return undefined;
      const location: Location = { positions: logits === 'all' ? 'all' : [length - 1] };
      return reads.push({ row, site: { component: 'logits', layer: null }, location }) - 1;
    };
    const intervened = base.map(({ tokens }, example) => want(rowOf('base', example), tokens.length));
    const plain = originals.map((row, example) => want(row, base[example]?.tokens.length ?? 0));
    const collected = compiled.collected.map((examples) =>
      examples.map(({ example, run, read, columns }) => ({
        at: reads.push({ row: rowOf(run, example), ...read }) - 1,
        columns,
      })),
    );
    const results = reads.length > 0 ? await this.model.run({ rows: all, reads }, options) : [];
    const outputs = (places: readonly (number | undefined)[]): ModelOutputs => ({
      logits: places.flatMap((place) => (place === undefined ? [] : [tensorOf(results[place])])),
    });
    return {
      ...(call.outputOriginalOutput ? { originalOutputs: outputs(plain) } : {}),
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
    { maxNewTokens, sampling, eosIds, placement, stop, ...call }: GenerateArguments,
    options: { readonly signal?: AbortSignal; readonly onStep?: (step: GenerateStep) => void } = {},
  ): Promise<readonly GeneratedOutput[]> {
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
    options: ExecuteOptions = {},
  ): Promise<readonly (readonly Tensor[])[]> {
    const base = readInputs(call.base, this.#tokenizer, 'base');
    const rows = base.map(({ tokens }) => ({ start: { kind: 'tokens' as const, tokens }, edits: [] }));
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
    return exporters[language]({
      model,
      architecture: this.model.architecture,
      configuration: this.#configuration,
      call: this.#read(call),
    });
  }

  #read(call: RunArguments): Call {
    const sources = (call.sources ?? []).map((inputs, index) =>
      inputs === null ? null : readInputs(inputs, this.#tokenizer, `sources.${index}`),
    );
    return {
      base: readInputs(call.base, this.#tokenizer, 'base'),
      sources,
      unitLocations: call.unitLocations,
      subspaces: call.subspaces,
      sourceRepresentations: this.#given(call.sourceRepresentations),
    };
  }

  #given(
    representations: Readonly<Record<string, Float32Array>> | undefined,
  ): ReadonlyMap<string, Float32Array> | undefined {
    if (!representations) return undefined;
    const known = this.#configuration.interventions.map(({ key }) => key);
    const unknown = Object.keys(representations).find((key) => !known.includes(key));
    if (unknown !== undefined)
      throw new InterventionError(
        `sourceRepresentations: there is no intervention '${unknown}'. There are: ${known.join(', ')}.`,
      );
    return new Map(Object.entries(representations));
  }
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
