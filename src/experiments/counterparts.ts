// What a model has in the place of components that the usual figures show and it lacks.

/** A state-space model has one sublayer, the mixer, where a transformer has two. */
const counterparts = [
  ['mlp_output', 'mixer_output'],
  ['attention_output', 'ssm_output'],
] as const;

/** Sweeps of what a model has in the place of components that it lacks. */
export const counterpartsOf = <Swept extends { readonly component: string }>(
  sweeps: readonly Swept[],
  components: readonly { readonly name: string }[],
): readonly Swept[] =>
  sweeps.map((sweep) => ({ ...sweep, component: counterpartOf(sweep.component, components) }));

/** The component itself, or what a model that lacks it has in its place; the component where there is neither. */
export function counterpartOf(component: string, components: readonly { readonly name: string }[]): string {
  const has = (name: string) => components.some((each) => each.name === name);
  if (has(component)) return component;
  const pair = counterparts.find((each) => each.some((name) => name === component));
  return pair?.find(has) ?? component;
}
