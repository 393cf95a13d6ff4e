// The components that enter and leave one module, for what leaves a module out or stands beside it.

import { InterventionError } from '../intervention.ts';

const inputs: Readonly<Record<string, string>> = {
  block_output: 'block_input',
  attention_output: 'attention_input',
  query_output: 'attention_input',
  key_output: 'attention_input',
  value_output: 'attention_input',
  qkv_output: 'attention_input',
  mlp_output: 'mlp_input',
  cross_attention_output: 'cross_attention_input',
  cross_query_output: 'cross_attention_input',
};

/** @throws InterventionError that lists the components that are outputs of modules */
export function moduleInput(component: string, label: string): string {
  // `encoder.` of `encoder.query_output`: of a stack before the last.
  const prefix = component.slice(0, component.lastIndexOf('.') + 1);
  const input = inputs[component.slice(prefix.length)];
  if (input !== undefined) return prefix + input;
  throw new InterventionError(
    `${label}: '${component}' is not what a module returns, so no input belongs to it. Outputs of modules: ${Object.keys(inputs).join(', ')}.`,
  );
}
