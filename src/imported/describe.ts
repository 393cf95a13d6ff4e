// A model as tables: its inputs and outputs, its layers by components, its other tensors.

import { quoted } from '../messages/wording.ts';
import type { ImportedModel } from './importedModel.ts';
import { type LayerStack, layerStacks } from './layers.ts';
import { SiteError } from './plan.ts';
import type { TensorFacts } from './probe.ts';

/** `[batch, sequence, 384]`: what each axis grows with, or its size. */
const formatAxes = ({ shape, roles }: Pick<TensorFacts, 'shape' | 'roles'>): string =>
  `[${shape.map((size, axis) => roles[axis] ?? String(size)).join(', ')}]`;

export interface DescribedStack {
  /** `input_ids → logits` of the chain it stands in. */
  readonly chain: string;
  readonly stack: LayerStack;
}

/** The stacks of layers of all chains, each once: an encoder's stands in the chain to the decoder's end as well. */
export function describedStacks(model: ImportedModel): readonly DescribedStack[] {
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
