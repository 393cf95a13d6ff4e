// The components of a model that reads tokens, in the terms of the engine: which tensor each is, how it lies in memory, and
// which of its entries are the units that a person names.

import type { ComponentDescription, Layout } from '../architectures/architecture.ts';
import { headForm } from '../architectures/architecture.ts';
import { describedStacks } from './describe.ts';
import { batchName, tableReads } from './exampleInputs.ts';
import type { ImportedModel } from './importedModel.ts';
import type { TensorFacts } from './probe.ts';
import type { TokenInputs } from './tokenInputs.ts';

/** How a component's numbers lie: [positions, width], [positions, heads, width], [heads, positions, width or keys]. */
type Order = 'positions' | 'positions, heads' | 'heads, positions' | 'heads, queries, keys';

export interface TokenComponent {
  readonly description: ComponentDescription;
  readonly order: Order;
  /** One for each layer; of a component of the whole model, one. */
  readonly tensors: readonly string[];
}

export interface TokenComponents {
  readonly layerCount: number;
  readonly width: number;
  readonly headCount: number;
  readonly vocabularySize: number;
  readonly components: readonly TokenComponent[];
}

interface Placed {
  readonly layout: Layout;
  readonly order: Order;
  readonly width: number;
  readonly heads?: number;
}

/** How a tensor lies, by what its axes grow with; undefined for one that has no vector for each position. */
function placed({ shape, roles, dtype }: TensorFacts, axisName: string): Placed | undefined {
  if (dtype !== 'float32' && dtype !== 'float16') return undefined;
  const words = roles
    .map((role, axis) => role ?? shape[axis] ?? 0)
    .map((role) => (typeof role === 'number' ? '#' : role));
  const width = shape.at(-1) ?? 0;
  const heads = shape[1] ?? 0;
  switch (words.join(' ')) {
    case `${batchName} ${axisName} #`:
    case `${batchName}*${axisName} #`:
      return { layout: 'token', order: 'positions', width };
    case `${batchName} # ${axisName} #`:
      return { layout: 'head', order: 'heads, positions', width, heads };
    case `${batchName} # ${axisName} ${axisName}`:
      return { layout: 'pair', order: 'heads, queries, keys', width: 1, heads };
    default:
      return undefined;
  }
}

const described = (
  name: string,
  scope: 'layer' | 'model',
  { layout, width, heads }: Placed,
  description: string,
): ComponentDescription => ({
  name,
  scope,
  layout,
  width,
  ...(heads === undefined ? {} : { heads }),
  description,
  feeds: [],
});

/** The rows that are taken from the table of tokens. */
function embeddingTensor(
  { graph, probe }: ImportedModel,
  { ids, axisName }: TokenInputs,
): string | undefined {
  return tableReads(graph, ids)
    .map(({ node }) => node.outputs[0] ?? '')
    .find((name) => {
      const facts = probe.tensors.get(name);
      return facts && placed(facts, axisName)?.layout === 'token';
    });
}

/** The output with a number for each token at each position. */
function logitsTensor(
  { graph, probe }: ImportedModel,
  { axisName, vocabularySize }: TokenInputs,
): string | undefined {
  const outputs = graph.outputs.filter((name) => {
    const facts = probe.tensors.get(name);
    return facts && placed(facts, axisName)?.order === 'positions';
  });
  const sizeOf = (name: string): number => probe.tensors.get(name)?.shape.at(-1) ?? 0;
  return (
    outputs.find((name) => /logits/i.test(name)) ?? outputs.find((name) => sizeOf(name) === vocabularySize)
  );
}

export function tokenComponents(model: ImportedModel, inputs: TokenInputs): TokenComponents {
  const { axisName } = inputs;
  const factsOf = (name: string): TensorFacts | undefined => model.probe.tensors.get(name);
  const [main] = describedStacks(model);
  const components: TokenComponent[] = [];
  const add = (name: string, scope: 'layer' | 'model', tensors: readonly string[], words: string): void => {
    const places = tensors.map(factsOf).map((facts) => facts && placed(facts, axisName));
    const [first] = places;
    const isAlike = places.every((place) => place?.order === first?.order && place?.width === first?.width);
    if (first && isAlike)
      components.push({ description: described(name, scope, first, words), order: first.order, tensors });
  };
  const embedding = embeddingTensor(model, inputs);
  if (embedding !== undefined)
    add('embedding_output', 'model', [embedding], 'The rows of the table of tokens.');
  for (const { name, isKnown, tensors } of main?.stack.components ?? []) {
    const words = isKnown ? 'Named by how it is computed.' : `Tensor ${tensors[0]} and its like.`;
    add(name, 'layer', tensors, words);
  }
  const logits = logitsTensor(model, inputs);
  if (logits !== undefined) add('logits', 'model', [logits], 'A number for each token of the vocabulary.');
  const find = (name: string) => components.find(({ description }) => description.name === name);
  const headWidth = find('head_attention_value_output')?.description.width;
  const withHeads =
    headWidth === undefined ? components : [...components, ...headForms(components, headWidth)];
  return {
    layerCount: main?.stack.count ?? 0,
    width: find('block_output')?.description.width ?? 0,
    headCount: find('attention_weight')?.description.heads ?? 1,
    vocabularySize: find('logits')?.description.width ?? inputs.vocabularySize,
    components: withHeads,
  };
}

const madeOfHeads = ['query_output', 'key_output', 'value_output', 'attention_value_output'];

/** Components whose vectors are the heads' side by side, once more head by head. */
function headForms(components: readonly TokenComponent[], headWidth: number): readonly TokenComponent[] {
  const names = new Set(components.map(({ description }) => description.name));
  return components.flatMap(({ description, order, tensors }): readonly TokenComponent[] => {
    const { name, width } = description;
    const form = headForm(name);
    if (!madeOfHeads.includes(name) || order !== 'positions' || names.has(form) || width % headWidth !== 0)
      return [];
    return [
      {
        description: {
          ...description,
          name: form,
          layout: 'head',
          width: headWidth,
          heads: width / headWidth,
          headsOf: name,
        },
        order: 'positions, heads',
        tensors,
      },
    ];
  });
}

export interface Units {
  readonly entries: Int32Array;
  readonly shape: readonly number[];
}

/**
 * The entries of a component's tensor that are some units, in the engine's order: position by position and head by head, and
 * of pairs head by head.
 * @param length positions of the sequence
 */
export function unitsOf(
  { description, order }: TokenComponent,
  positions: readonly number[],
  heads: readonly number[] | undefined,
  length: number,
): Units {
  const { width, heads: headCount = 1 } = description;
  const chosen = heads ?? Array.from({ length: headCount }, (_, head) => head);
  const entries: number[] = [];
  const take = (start: number, count: number): void => {
    for (let at = 0; at < count; at++) entries.push(start + at);
  };
  switch (order) {
    case 'positions':
      for (const position of positions) take(position * width, width);
      return { entries: Int32Array.from(entries), shape: [positions.length, width] };
    case 'positions, heads':
      for (const position of positions)
        for (const head of chosen) take((position * headCount + head) * width, width);
      return { entries: Int32Array.from(entries), shape: [positions.length * chosen.length, width] };
    case 'heads, positions':
      for (const position of positions)
        for (const head of chosen) take((head * length + position) * width, width);
      return { entries: Int32Array.from(entries), shape: [positions.length * chosen.length, width] };
    case 'heads, queries, keys':
      for (const head of chosen)
        for (const position of positions) take((head * length + position) * length, length);
      return { entries: Int32Array.from(entries), shape: [chosen.length, positions.length, length] };
    default:
      return order satisfies never;
  }
}
