// Paths of PyTorch modules, as pyvene takes them in place of a component's name: `transformer.h[3].mlp.output`. Where the
// model has a component there, the path is that component.

import type { Architecture } from '../../architectures/architecture.ts';
import { InterventionError } from '../intervention.ts';
import { modelModules } from './moduleTables.ts';

export interface ModuleSite {
  readonly component: string;
  readonly layer: number | null;
  /** What enters the module whose output the component is. */
  readonly input: string | undefined;
}

/** Whether the name of a component is a module's path; those of an encoder have a point in their own names. */
export const isModulePath = ({ components }: Architecture, component: string): boolean =>
  component.includes('.') && !components.some(({ name }) => name === component);

/**
 * @param path `transformer.h[3].mlp.output`, `model.layers.3.self_attn.input`; with or without the model's own prefix
 * @throws InterventionError for a path at which the model has no component; the message lists those of a layer
 */
export function moduleSite({ modelType }: Architecture, path: string, label: string): ModuleSite {
  const tables = modelModules(modelType);
  const dotted = path.replaceAll(/\[(\d+)\]/g, '.$1');
  const side = /\.(input|output)$/.exec(dotted)?.[1];
  if (!tables || (side !== 'input' && side !== 'output'))
    throw new InterventionError(
      `${label}.component: '${path}' is neither a component nor the path of a module that ends with '.input' or '.output'.`,
    );
  const module = dotted.slice(0, -side.length - 1);
  const prefix = tables.layers.slice(0, tables.layers.indexOf('.') + 1);
  const full = (name: string) => [name, `${prefix}${name}`];
  const whole = full(module).flatMap((name) => tables.model[name] ?? [])[0];
  if (whole?.[side]) return { component: whole[side], layer: null, input: undefined };
  for (const name of full(module)) {
    const match = name.startsWith(`${tables.layers}.`)
      ? /^(\d+)\.?(.*)$/.exec(name.slice(tables.layers.length + 1))
      : null;
    const found = match ? tables.modules[match[2] ?? ''] : undefined;
    const component = found?.[side];
    if (match && component !== undefined)
      return { component, layer: Number(match[1]), input: side === 'output' ? found?.input : undefined };
  }
  const known = Object.entries(tables.modules).flatMap(([name, sides]) =>
    Object.keys(sides).map((end) => [`${tables.layers}[i]`, name, end].filter(Boolean).join('.')),
  );
  throw new InterventionError(
    `${label}.component: ${modelType} has no component at '${path}'. There are: ${known.join(', ')}.`,
  );
}

/**
 * A path of PyTorch at which a component can be read and written: `transformer.h[3].mlp.output`.
 * @returns undefined where no module takes or returns it by itself
 */
export function modulePathOf(
  { modelType }: Pick<Architecture, 'modelType'>,
  component: string,
  layer: number | null,
): string | undefined {
  const tables = modelModules(modelType);
  if (!tables) return undefined;
  const [modules, stem] =
    layer === null ? [tables.model, undefined] : [tables.modules, `${tables.layers}[${layer}]`];
  for (const side of ['output', 'input'] as const) {
    for (const [name, sides] of Object.entries(modules)) {
      if (sides[side] === component) return [stem, name, side].filter(Boolean).join('.');
    }
  }
  return undefined;
}
