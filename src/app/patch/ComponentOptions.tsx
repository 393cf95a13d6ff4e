// The components of a model as a choice: the few that most people look at first.

import { componentWords } from './spoken.ts';

/** In the order in which they are offered. */
export const usualComponents: readonly string[] = [
  'block_output',
  'attention_output',
  'mlp_output',
  'head_attention_value_output',
  'head_query_output',
  'head_key_output',
  'head_value_output',
];

export function ComponentOptions({ names }: { readonly names: readonly string[] }) {
  const options = (some: readonly string[]) =>
    some.map((name) => (
      <option key={name} value={name}>
        {componentWords(name)}
      </option>
    ));
  return (
    <>
      <optgroup label="Usual">{options(usualComponents.filter((name) => names.includes(name)))}</optgroup>
      <optgroup label="All others">
        {options(names.filter((name) => !usualComponents.includes(name)))}
      </optgroup>
    </>
  );
}
