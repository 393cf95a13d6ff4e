// A model as tables: its inputs and outputs, its layers by components, its other tensors.

import { quoted } from '../messages/wording.ts';
import { cutsBetween, isWeighted } from './chains.ts';
import { placementText } from './gpuStages.ts';
import type { ImportedModel } from './importedModel.ts';
import { type LayerStack, layerStacks } from './layers.ts';
import type { ValueInfo } from './onnxFile.ts';
import { positionAxes } from './places.ts';
import { SiteError } from './plan.ts';
import type { TensorFacts } from './probe.ts';
import { leftWords } from './schedule.ts';
import { companion, isIds } from './tokenInputs.ts';

/** `[batch, sequence, 384]`: what each axis grows with, or its size. */
export const formatAxes = ({ shape, roles }: Pick<TensorFacts, 'shape' | 'roles'>): string =>
  `[${shape.map((size, axis) => roles[axis] ?? String(size)).join(', ')}]`;

export interface DescribedStack {
  /** `input_ids → logits` of the chain it stands in. */
  readonly chain: string;
  readonly stack: LayerStack;
}

const described = new WeakMap<ImportedModel, readonly DescribedStack[]>();

/** The stacks of layers of all chains, each once: an encoder's stands in the chain to the decoder's end as well. */
export function describedStacks(model: ImportedModel): readonly DescribedStack[] {
  const known = described.get(model) ?? stacksOf(model);
  described.set(model, known);
  return known;
}

function stacksOf(model: ImportedModel): readonly DescribedStack[] {
  const seen = new Set<string>();
  return model.chains.flatMap((chain) =>
    layerStacks(model.graph, chain).flatMap((stack) => {
      const key = stack.components[0]?.tensors.join() ?? '';
      if (seen.has(key)) return [];
      seen.add(key);
      return [{ chain: `${chain.source} → ${chain.output}`, stack }];
    }),
  );
}

/** Rows of a table: component, layers, dtype, shape, the tensor of the first layer. */
export function componentRows(
  model: ImportedModel,
  { count, components }: LayerStack,
  onlyKnown: boolean,
): readonly (readonly string[])[] {
  return components
    .filter(({ isKnown }) => isKnown || !onlyKnown)
    .map(({ name, tensors }) => {
      const [first = ''] = tensors;
      const facts = model.probe.tensors.get(first);
      const axes = facts ? formatAxes(facts) : '(input)';
      return [name, `0-${count - 1}`, facts?.dtype ?? '', axes, first];
    });
}

/** Rows of a table of tensors whose names contain a text. */
export function tensorRows(model: ImportedModel, text: string): readonly (readonly string[])[] {
  const wanted = text.toLowerCase();
  return [...model.probe.dependent].flatMap((name) => {
    const facts = model.probe.tensors.get(name);
    if (!facts || !name.toLowerCase().includes(wanted)) return [];
    return [[name, facts.dtype, formatAxes(facts)]];
  });
}

/**
 * The tensors that a person means: a tensor's name, a component of a layer (`block_output:3`), or a component of all layers.
 * @throws SiteError that suggests what was meant
 */
export function tensorsNamed(model: ImportedModel, text: string): readonly string[] {
  const [, component = text, layer] = /^(.*):(\d+)$/.exec(text) ?? [];
  for (const { stack } of describedStacks(model)) {
    const found = stack.components.find(({ name }) => name === component);
    if (!found) continue;
    const inputs = new Set(model.graph.inputs.map(({ name }) => name));
    if (layer === undefined) return found.tensors.filter((tensor) => !inputs.has(tensor));
    const tensor = found.tensors[Number(layer)];
    if (tensor === undefined)
      throw new SiteError(`${quoted(component)} has layers 0 to ${stack.count - 1}; there is no ${layer}.`);
    return [model.resolve(tensor)];
  }
  return [model.resolve(text)];
}

/** A tensor as a list shows it. */
export interface TensorRow {
  readonly name: string;
  readonly dtype: string;
  /** `[batch, sequence, 384]` */
  readonly axes: string;
  /** The axes that its positions lie along, as they are found; absent of what is not computed. */
  readonly positions?: readonly number[];
}

/** A way through the model by single tensors. */
export interface FoundChain {
  readonly from: string;
  readonly to: string;
  /** What a sweep of it edits, each before a product with weights. */
  readonly tensors: readonly string[];
  /** How many equal blocks there are, in each run of them along the way. */
  readonly blocks: readonly number[];
}

/** How an input is given: as text or ids; as what goes with them and need not be given; as a picture; as numbers. */
export type InputUse = 'tokens' | 'companion' | 'picture' | 'numbers';

/** A stage, and where it runs: `GPU`, `WASM: IsNaN (float32)`. */
export interface StageRow {
  readonly from: string;
  readonly to: string;
  readonly nodes: number;
  readonly runsOn: string;
}

/** @returns undefined for a model without a GPU */
export const stageRows = ({ placedStages }: ImportedModel): readonly StageRow[] | undefined =>
  placedStages?.map(({ from, to, nodes, placement }) => ({
    from: from.length === 0 ? '(inputs)' : from.join(', '),
    to: to.join(', '),
    nodes,
    runsOn: placementText(placement),
  }));

/** A model as a page shows it, in plain data. */
export interface ImportedStructure {
  /** Why it cannot be prompted, in a sentence; absent where it can. */
  readonly noPrompts?: string;
  readonly inputs: readonly (TensorRow & { readonly use: InputUse })[];
  readonly outputs: readonly TensorRow[];
  /** What is watched unless another is named. */
  readonly usualOutput?: string;
  readonly stacks: readonly {
    readonly chain: string;
    readonly count: number;
    readonly components: readonly (TensorRow & {
      /** Named in the field's words. */
      readonly isKnown: boolean;
      /** One a layer. */
      readonly tensors: readonly string[];
    })[];
  }[];
  /** Where its stages run, of a model with a GPU. */
  readonly stages?: readonly StageRow[];
  /** Tensors at which the model's stages begin. */
  readonly chain: readonly string[];
  /** Ways to cut on: first the model's own, whose tensors are `chain`. */
  readonly chains: readonly FoundChain[];
  /** Names in the file of tensors that go by another one here. */
  readonly aliases: readonly string[];
  /** Tensors of the file that are not computed here, with why, as the rest of a sentence that begins with the name. */
  readonly left: readonly { readonly why: string; readonly names: readonly string[] }[];
  /** All that can be read and edited. */
  readonly tensors: readonly TensorRow[];
  /** What computes them, each after what it reads; weights and what depends on sizes alone are left out of what it reads. */
  readonly nodes: readonly {
    readonly op: string;
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  }[];
  /** What the entries of an output are called. */
  readonly labels?: readonly string[];
}

/** `[batch, 3, 224, 224]`, as the file declares it. */
const declaredAxes = ({ shape }: ValueInfo): string =>
  shape ? `[${shape.map((size) => size ?? '?').join(', ')}]` : '[?]';

function useOf(info: ValueInfo): InputUse {
  if (isIds(info)) return companion(info) ? 'companion' : 'tokens';
  const { shape = [], dtype } = info;
  const isPicture = shape.length === 4 && dtype === 'float32' && (shape[1] === 3 || shape[3] === 3);
  return isPicture ? 'picture' : 'numbers';
}

/** Tensors at which the stages of a model begin: all that is between its input and its output passes through each. */
export function chainTensors({ sites, chains, graph }: ImportedModel): readonly string[] {
  const ofChain = new Set(chains[0]?.tensors);
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const given = sites.stages.flatMap((stage) => stage.given.filter((name) => ofChain.has(name)));
  return [...new Set(given)].filter((name) => !inputs.has(name));
}

/** The output that says most: logits, else the one that the model's own way ends in. */
export const usualOutput = ({ graph, chains }: ImportedModel): string | undefined =>
  graph.outputs.find((name) => /logits/i.test(name)) ?? chains[0]?.output ?? graph.outputs[0];

/** Tensors through which all passes from one to another, each before a product with weights: where a chain of one's own is cut. */
export function chainBetween({ graph }: ImportedModel, from: string, to: string): readonly string[] {
  const cuts = cutsBetween(graph, from, to);
  if (!cuts) return [];
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const before = cuts.segments.filter(({ nodes }) => nodes.some((node) => isWeighted(graph, node)));
  return before.map((segment) => segment.from).filter((name) => !inputs.has(name));
}

/** More ways than these nobody chooses from; any other is named by its ends. */
const mostChains = 20;
/** A file may have hundreds of outputs, each with a way of its own that hardly differs. */
const mostTried = 64;

/** The model's own way, the others that hold layers, then those from other inputs to other outputs. */
function foundChains(model: ImportedModel): readonly FoundChain[] {
  const { chains, graph } = model;
  const [own, ...others] = chains.map(({ source, output, runs }) => ({
    from: source,
    to: output,
    blocks: runs.map(({ count }) => count),
  }));
  const pairs = graph.inputs.flatMap(({ name }) =>
    graph.outputs.map((to) => ({ from: name, to, blocks: [] })),
  );
  const ways = [...others, ...pairs.slice(0, mostTried)].map((way) => ({
    ...way,
    tensors: chainBetween(model, way.from, way.to),
  }));
  const first = own ? [{ ...own, tensors: chainTensors(model) }] : [];
  const isOwn = ({ from, to }: FoundChain) => from === own?.from && to === own.to;
  const apart = [...first, ...ways.filter((way) => !isOwn(way))].filter(({ tensors }) => tensors.length > 0);
  const keys = apart.map(({ tensors }) => tensors.join('\n'));
  return apart.filter((_, at) => keys.indexOf(keys[at] ?? '') === at).slice(0, mostChains);
}

function leftTensors({ graph }: ImportedModel): ImportedStructure['left'] {
  const byWhy = new Map<string, string[]>();
  for (const [name, why] of graph.left) {
    const names = byWhy.get(why) ?? [];
    names.push(name);
    byWhy.set(why, names);
  }
  return [...byWhy].map(([why, names]) => ({ why: leftWords(graph, why), names }));
}

export function structureOf(
  model: ImportedModel,
  about: Pick<ImportedStructure, 'noPrompts' | 'labels'>,
): ImportedStructure {
  const usual = usualOutput(model);
  const stages = stageRows(model);
  const known = new Set([...model.graph.inputs.map(({ name }) => name), ...model.probe.dependent]);
  const row = (name: string): TensorRow => {
    const facts = model.probe.tensors.get(name);
    if (!facts) return { name, dtype: '', axes: '' };
    const positions = positionAxes(model.graph, model.probe.tensors, name);
    return { name, dtype: facts.dtype, axes: formatAxes(facts), positions };
  };
  return {
    ...about,
    inputs: model.graph.inputs.map((info) => ({
      name: info.name,
      dtype: info.dtype ?? info.typeName,
      axes: declaredAxes(info),
      use: useOf(info),
    })),
    outputs: model.graph.outputs.map(row),
    ...(usual === undefined ? {} : { usualOutput: usual }),
    stacks: describedStacks(model).map(({ chain, stack }) => ({
      chain,
      count: stack.count,
      components: stack.components.map(({ name, isKnown, tensors }) => ({
        ...row(tensors.at(-1) ?? ''),
        name,
        isKnown,
        tensors,
      })),
    })),
    ...(stages ? { stages } : {}),
    chain: chainTensors(model),
    chains: foundChains(model),
    aliases: [...model.graph.aliases.keys()],
    left: leftTensors(model),
    tensors: [...model.probe.dependent].map(row),
    nodes: model.graph.nodes.flatMap(({ op, inputs: read, outputs }) =>
      outputs.some((name) => model.probe.dependent.has(name))
        ? [{ op, inputs: read.filter((name) => known.has(name)), outputs }]
        : [],
    ),
  };
}
