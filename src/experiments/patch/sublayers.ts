// The order in which the sublayers of a model compute, in all of its stacks: what lies between a head that sends and one that
// receives.

import type {
  Architecture,
  ComponentDescription,
  StackName,
  StackPlace,
} from '../../architectures/architecture.ts';
import type { Site } from '../../runtime/plan/plan.ts';
import { describeComponent } from '../../runtime/plan/sites.ts';

/** A layer of the model, and the place of a sublayer in it. */
export interface SublayerOrder {
  readonly stage: number;
  readonly sublayer: number;
}

export const isBefore = (a: SublayerOrder, b: SublayerOrder): boolean =>
  a.stage < b.stage || (a.stage === b.stage && a.sublayer < b.sublayer);

/** Of a stack: the outputs that its sublayers add, in their order. */
const outputs = ['attention_output', 'cross_attention_output', 'mlp_output'] as const;
const [attention, cross, mlp] = [0, 1, 2];

/** `encoder.` of `encoder.head_query_output`. */
const prefixOf = (component: string): string => /^.*\./.exec(component)?.[0] ?? '';

/** Where the layers of a component lie among those of the model. */
export function placeOf(architecture: Architecture, component: string): StackPlace {
  const { place } = describeComponent(architecture, component);
  return place ?? { stack: 'main', from: 0, count: architecture.layerCount };
}

export function orderOf(
  architecture: Architecture,
  { component, layer }: { readonly component: string; readonly layer: NonNullable<Site['layer']> },
): SublayerOrder {
  const own = component.slice(prefixOf(component).length).replace(/^head_/, '');
  const sublayer = own.startsWith('cross_') ? cross : own.startsWith('mlp_') ? mlp : attention;
  return { stage: placeOf(architecture, component).from + layer, sublayer };
}

/** What the sublayers of a component's stack add to its residual stream. */
export function sublayersOf(
  { components }: Architecture,
  component: string,
): readonly { readonly component: string; readonly isMlp: boolean }[] {
  const prefix = prefixOf(component);
  return outputs
    .map((name) => ({ component: prefix + name, isMlp: name === 'mlp_output' }))
    .filter((each) => components.some(({ name }) => name === each.component));
}

type Named = Pick<ComponentDescription, 'name' | 'place'>;
interface NamedComponents {
  readonly components: readonly Named[];
}

/** What may send: what the heads of a sublayer gather, before it is projected. */
export const sendersIn = ({ components }: NamedComponents): readonly string[] =>
  components.flatMap(({ name }) => (/(^|\.)head_(cross_)?attention_value_output$/.test(name) ? [name] : []));

/** What may receive: the prediction, and what heads read. */
export const receiversIn = ({ components }: NamedComponents): readonly string[] => [
  'logits',
  ...components.flatMap(({ name }) =>
    /(^|\.)head_(cross_)?(query|key|value)_output$/.test(name) ? [name] : [],
  ),
];

/** Whose positions a component has. */
export const positionsOf = ({ components }: NamedComponents, component: string): StackName =>
  components.find(({ name }) => name === component)?.place?.stack ?? 'main';

/** What receives of a sender without another stack's heads between: what has the same positions. */
export function reachedFrom(model: NamedComponents, sender: string): readonly string[] {
  const own = positionsOf(model, sender);
  return receiversIn(model).filter((each) => positionsOf(model, each) === own);
}
