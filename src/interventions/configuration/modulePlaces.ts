// Where a component lies in PyTorch's modules when no module returns it by itself: queries, keys and values of a fused
// projection, and single heads. What other tools can hook is the module; the component is some of its entries.

import { modulePathOf } from './modulePaths.ts';
import { modelModules } from './moduleTables.ts';

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

/** `encoder.head_query_output` lies where `encoder.query_output` does. */
export const wholeOf = (component: string): string => component.replace(/(^|\.)head_/, '$1');

/**
 * @param component of vectors; a per-head form lies where the component that it is of lies
 * @returns undefined where no module of this model type holds it
 */
export function modulePlace(modelType: string, component: string): ModulePlace | undefined {
  const whole = wholeOf(component);
  const pathOf = (name: string) => modulePathOf({ modelType }, name, 0)?.replace('[0]', '[{layer}]');
  const path = pathOf(whole);
  if (path !== undefined) return { path };
  const tables = modelModules(modelType);
  const name = whole.slice(whole.lastIndexOf('.') + 1);
  const fusedPath = pathOf(`${whole.slice(0, -name.length)}qkv_output`);
  const stacks = tables ? [tables, ...(tables.encoders ?? [])] : [];
  const fused = stacks.find(({ layers }) => fusedPath?.startsWith(`${layers}[`))?.fused;
  const part = parts.indexOf(name);
  const projection = part < 0 || !fused ? undefined : fusedPath;
  if (projection === undefined) return undefined;
  return { path: projection, fused: { part, isByHead: fused === 'by head' } };
}

/** The path of a module that the model has once: `transformer.wte.output`. */
export const modelModulePath = (modelType: string, component: string): string | undefined =>
  modulePathOf({ modelType }, component, null);
