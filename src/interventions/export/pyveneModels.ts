// What pyvene 0.1.8 knows of a model. It has tables of a few classes, of modules and of the widths that they return. Those of
// five model types are right, but for what `pyveneSites.ts` refuses. Of the rest it knows nothing, or has widths that are not the
// model's (Gemma, GPT-Neo, ESM, BLIP): their programs begin by telling it the modules and widths of the components that they name.

import type { Architecture, ComponentDescription } from '../../architectures/architecture.ts';
import { elderPathOf } from '../configuration/modulePaths.ts';
import { wholeOf } from '../configuration/modulePlaces.ts';
import { type ModelModules, modelModules } from '../configuration/moduleTables.ts';

/** Model types whose tables in pyvene are used as they are. */
const tabled = ['gpt2', 'gpt_neox', 'llama', 'mistral', 'qwen2'];

export const hasPyveneTables = (modelType: string): boolean => tabled.includes(modelType);

/** The class of transformers that opens a model. */
export function openerOf({
  modelType,
  encoder,
}: Pick<Architecture, 'modelType' | 'encoder'>): ModelModules['opener'] | 'BlipForQuestionAnswering' {
  const { opener = 'AutoModelForCausalLM', answerer } = modelModules(modelType) ?? {};
  return (encoder?.encoder && answerer) || opener;
}

/** What a program tells pyvene of a component. */
export interface Declared {
  /** A path as pyvene has it, `model.layers[%s].mlp`, and whether the component enters the module or leaves it. */
  readonly module: string;
  /** The module in versions of transformers before 5, where they call it otherwise. */
  readonly elder?: string;
  readonly side: 'input' | 'output';
  /** As the program names it. */
  readonly name: string;
  readonly component: Pick<ComponentDescription, 'width' | 'heads' | 'layout'>;
}

/** @param path `model.layers[{layer}].mlp.output` @param name of it in the program */
export function declared(
  path: string,
  modelType: string,
  component: Declared['component'] & Pick<ComponentDescription, 'name'>,
  name = component.name,
): Declared {
  const end = path.lastIndexOf('.');
  const elder = elderPathOf({ modelType }, wholeOf(component.name), path.includes('{layer}') ? 0 : null);
  return {
    module: path.slice(0, end).replace('[{layer}]', '[%s]'),
    ...(elder === undefined ? {} : { elder: elder.slice(0, elder.lastIndexOf('.')).replace('[0]', '[%s]') }),
    side: path.slice(end + 1) === 'input' ? 'input' : 'output',
    name,
    component,
  };
}

const hooks = { input: 'register_forward_pre_hook', output: 'register_forward_hook' } as const;

/**
 * Statements that follow those which open `model`. Where nothing is declared they clear pyvene's tables of the class: it asks
 * for them at the path of a module as well.
 */
export function declaringLines(modelType: string, components: readonly Declared[]): readonly string[] {
  if (hasPyveneTables(modelType)) return [];
  const own = [...new Map(components.map((each) => [each.name, each])).values()];
  const isHead = ({ component }: Declared) => component.layout === 'head';
  const renamed = own.some(({ module, elder }) => elder !== undefined && elder !== module);
  const modules = own.map((each) => {
    const heads = isHead(each) ? `, (split_head_and_permute, ${each.component.heads ?? 1})` : '';
    const path =
      each.elder === undefined || each.elder === each.module
        ? `"${each.module}"`
        : `"${each.module}" if is_later else "${each.elder}"`;
    return `    "${each.name}": (${path}, "${hooks[each.side]}"${heads}),`;
  });
  const table = (name: string, entries: readonly string[]) =>
    entries.length === 0
      ? [`pv.${name}[type(model)] = {}`]
      : [`pv.${name}[type(model)] = {`, ...entries, '}'];
  return [
    '# The modules and widths of this model, of which pyvene has no table or another.',
    ...(renamed ? [`is_later = ${modelModules(modelType)?.elder?.isLater}  # transformers 5`] : []),
    ...(own.some(isHead) ? ['from pyvene.models.constants import split_head_and_permute', ''] : []),
    ...table('type_to_module_mapping', modules),
    ...table(
      'type_to_dimension_mapping',
      own.map(({ name, component: { width } }) => `    "${name}": ("${width}",),`),
    ),
  ];
}
