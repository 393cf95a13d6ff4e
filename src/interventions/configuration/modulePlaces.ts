// Where a component lies in PyTorch's modules when no module returns it by itself: queries, keys and values of a fused
// projection, and single heads. What other tools can hook is the module; the component is some of its entries.

import { modulePathOf } from './modulePaths.ts';

/** Which families of module paths transformers' model types have, of those whose exported programs are run in the tests. */
const families: Readonly<Record<string, string>> = {
  gpt2: 'gpt2',
  gpt_neox: 'gpt_neox',
  llama: 'llama',
  mistral: 'llama',
  qwen2: 'llama',
};

/** Whether the tests run programs of models of this type. */
export const isTriedModel = (modelType: string): boolean => Object.hasOwn(families, modelType);

export interface ModulePlace {
  /** `transformer.h[{layer}].mlp.output`: the layer is left in braces, as in Python's f-strings. */
  readonly path: string;
  /**
   * Of a fused projection, which part: query 0, key 1, value 2. GPT-2 lays the parts one after the other, GPT-NeoX
   * repeats them for every head.
   */
  readonly fused?: { readonly part: number; readonly isByHead: boolean };
}

const parts = ['query_output', 'key_output', 'value_output'];

/**
 * @param component of vectors; a per-head form lies where the component that it is of lies
 * @returns undefined where no module of this model type holds it
 */
export function modulePlace(modelType: string, component: string): ModulePlace | undefined {
  const family = families[modelType];
  if (family === undefined) return undefined;
  const whole = component.replace(/^head_/, '');
  const pathOf = (name: string) => modulePathOf({ family }, name, 0)?.replace('[0]', '[{layer}]');
  const path = pathOf(whole);
  if (path !== undefined) return { path };
  const part = parts.indexOf(whole);
  const projection = part < 0 ? undefined : pathOf('qkv_output');
  if (projection === undefined) return undefined;
  return { path: projection, fused: { part, isByHead: family === 'gpt_neox' } };
}

/** The path of a module that the model has once: `transformer.wte.output`. */
export function modelModulePath(modelType: string, component: string): string | undefined {
  const family = families[modelType];
  return family === undefined ? undefined : modulePathOf({ family }, component, null);
}
