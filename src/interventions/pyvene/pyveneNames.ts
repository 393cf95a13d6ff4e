// What components are called in a folder for pyvene, where it is something else than here. pyvene has names for one model that
// reads more than a text: BLIP as it answers questions. They are of the question's layers, where plain names are the answer's
// here; and as pyvene takes modules and edits in place, several are sums and norms: its `mlp_output` is what leaves the layer.

import type { Architecture } from '../../architectures/architecture.ts';
import { InterventionError } from '../intervention.ts';

/** pyvene's names in BLIP, and what each is. */
const questions: Readonly<Record<string, string>> = {
  block_input: 'question.block_input',
  block_output: 'question.block_output',
  attention_value_output: 'question.attention_value_output',
  attention_output: 'question.cross_block_input',
  mlp_input: 'question.block_middle',
  // The same tensors as the two above.
  attention_input: 'question.block_input',
  mlp_output: 'question.block_output',
};
/** Of the layers that write the answer or the caption, for which pyvene has no names. */
const answers = 'answer.';

/** A component's name in a folder that is written. */
export function nameInFolder({ modelType }: Pick<Architecture, 'modelType'>, component: string): string {
  if (modelType !== 'blip') return component;
  const own = Object.keys(questions).find((name) => questions[name] === component);
  if (own !== undefined) return own;
  return component.includes('.') ? component : `${answers}${component}`;
}

/** @param label for messages @throws InterventionError for a name of pyvene's that is nothing here */
export function nameFromFolder(
  { modelType, components }: Pick<Architecture, 'modelType' | 'components'>,
  name: string,
  label: string,
): string {
  if (modelType !== 'blip') return name;
  if (name.startsWith(answers)) return name.slice(answers.length);
  if (!components.some((component) => component.name.startsWith('question.'))) return name;
  if (name === 'mlp_activation')
    throw new InterventionError(
      `${label}: in BLIP pyvene's 'mlp_activation' is what enters the activation function, which is no component here. Take 'question.mlp_activation', what leaves it.`,
    );
  return questions[name] ?? name;
}
