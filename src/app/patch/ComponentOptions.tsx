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
  // Those of the stack that predicts, then those of an encoder under their own names.
  const withoutStack = (name: string) => name.replace(/^[a-z]+\./, '');
  const isOfStack = (name: string) => name !== withoutStack(name);
  const usual = [false, true].flatMap((ofStack) =>
    usualComponents.flatMap((each) =>
      names.filter((name) => withoutStack(name) === each && isOfStack(name) === ofStack),
    ),
  );
  const options = (some: readonly string[]) =>
    some.map((name) => (
      <option key={name} value={name}>
        {componentWords(name)}
      </option>
    ));
  return (
    <>
      <optgroup label="Usual">{options(usual)}</optgroup>
      <optgroup label="All others">{options(names.filter((name) => !usual.includes(name)))}</optgroup>
    </>
  );
}
