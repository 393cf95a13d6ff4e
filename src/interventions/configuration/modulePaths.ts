// Paths of PyTorch modules, as pyvene takes them in place of a component's name: `transformer.h[3].mlp.output`. Where the
// model has a component there, the path is that component.

import type { Architecture } from '../../architectures/architecture.ts';
import { InterventionError } from '../intervention.ts';
import { modelModules } from './moduleTables.ts';
import type { ModelModules, Modules, StackModules } from './moduleWords.ts';

export interface ModuleSite {
  readonly component: string;
  readonly layer: number | null;
  /** What enters the module whose output the component is. */
  readonly input: string | undefined;
}

/** Whether the name of a component is a module's path; those of an encoder have a point in their own names. */
export const isModulePath = ({ components }: Architecture, component: string): boolean =>
  component.includes('.') && !components.some(({ name }) => name === component);

/** Every stack of a model; the one that is asked for logits first. */
const stacksOf = (tables: ModelModules): readonly StackModules[] => [
  tables,
  ...(tables.encoders ?? []),
  ...(tables.elder ? [tables.elder] : []),
];

/** The path of a module in full: as it is given, with the prefix of the model, and by its own name in place of an alias. */
function fullNames(tables: ModelModules, module: string): readonly string[] {
  const [first = '', ...rest] = module.split('.');
  const alias = tables.aliases?.[first];
  if (alias !== undefined) return [[alias, ...rest].join('.')];
  const prefixes = new Set(stacksOf(tables).map(({ layers }) => layers.slice(0, layers.indexOf('.') + 1)));
  // Where stacks have prefixes of their own, a path without one could be of each.
  const [prefix = ''] = prefixes.size === 1 ? prefixes : [];
  return [module, `${prefix}${module}`];
}

/**
 * @param path `transformer.h[3].mlp.output`, `model.layers.3.self_attn.input`; with or without the model's own prefix
 * @throws InterventionError for a path at which the model has no component; the message lists those of a layer
 */
export function moduleSite({ modelType, components }: Architecture, path: string, label: string): ModuleSite {
  const tables = modelModules(modelType);
  const dotted = path.replaceAll(/\[(\d+)\]/g, '.$1');
  const side = /\.(input|output)$/.exec(dotted)?.[1];
  if (!tables || (side !== 'input' && side !== 'output'))
    throw new InterventionError(
      `${label}.component: '${path}' is neither a component nor the path of a module that ends with '.input' or '.output'.`,
    );
  const names = fullNames(tables, dotted.slice(0, -side.length - 1));
  for (const { layers, modules, model, behind = {} } of stacksOf(tables)) {
    const component = names.flatMap((name) => model[name]?.[side] ?? behind[name]?.[side] ?? [])[0];
    // What stands behind the layers is the last one's.
    const only = components.find(({ name }) => name === component)?.layers?.[0];
    if (component !== undefined) return { component, layer: only ?? null, input: undefined };
    for (const name of names) {
      const match = name.startsWith(`${layers}.`)
        ? /^(\d+)\.?(.*)$/.exec(name.slice(layers.length + 1))
        : null;
      const found = match ? modules[match[2] ?? ''] : undefined;
      const own = found?.[side];
      if (match && own !== undefined)
        return {
          component: own,
          layer: Number(match[1]),
          input: side === 'output' ? found?.input : undefined,
        };
    }
  }
  const known = stacksOf(tables).flatMap(({ layers, modules }) =>
    Object.entries(modules).flatMap(([name, sides]) =>
      Object.entries(sides).flatMap(([end, component]) =>
        components.some((own) => own.name === component)
          ? [[`${layers}[i]`, name, end].filter(Boolean).join('.')]
          : [],
      ),
    ),
  );
  throw new InterventionError(
    `${label}.component: ${modelType} has no component at '${path}'. There are: ${known.join(', ')}.`,
  );
}

function pathIn(
  { layers, modules, model, behind = {} }: StackModules,
  component: string,
  layer: number | null,
): string | undefined {
  const places: readonly (readonly [Modules, string | undefined])[] =
    layer === null
      ? [[model, undefined]]
      : [
          [modules, `${layers}[${layer}]`],
          [behind, undefined],
        ];
  for (const [own, stem] of places) {
    for (const side of ['output', 'input'] as const) {
      for (const [name, sides] of Object.entries(own)) {
        if (sides[side] === component) return [stem, name, side].filter(Boolean).join('.');
      }
    }
  }
  return undefined;
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
  return [tables, ...(tables.encoders ?? [])].flatMap((stack) => pathIn(stack, component, layer) ?? [])[0];
}

/** The same place in versions of transformers before 5, where they call it otherwise. */
export function elderPathOf(
  { modelType }: Pick<Architecture, 'modelType'>,
  component: string,
  layer: number | null,
): string | undefined {
  const elder = modelModules(modelType)?.elder;
  return elder && pathIn(elder, component, layer);
}
