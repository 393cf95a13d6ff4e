// The components of a model of several stacks: each encoder's under a prefix, then the decoder's, and those of cross-attention
// between the self-attention and the MLP of every stack that reads another.

import type { ComponentDescription, StackName, StackPlace } from './architecture.ts';
import { type DecoderShape, decoderComponents } from './components.ts';

export interface EncoderShape {
  /** `encoder.` */
  readonly prefix: string;
  readonly layerCount: number;
  readonly shape: Omit<DecoderShape, 'vocabularySize' | 'isBidirectional'>;
  /** What leaves its last layer is handed over as it is, without a norm. */
  readonly isUnnormed?: boolean;
}

export interface Stacks {
  /** In the order in which they run: each but the first reads the one before it. */
  readonly encoders: readonly EncoderShape[];
  readonly decoder: { readonly layerCount: number; readonly shape: DecoderShape };
}

type Placed = Omit<ComponentDescription, 'scope' | 'layout' | 'place'> & Partial<ComponentDescription>;

/** A component of all heads side by side, and its form by head. */
function withHeads(whole: Placed, heads: number): readonly Placed[] {
  const { name, width, description } = whole;
  const byHead = {
    name: `head_${name}`,
    layout: 'head',
    width: width / heads,
    heads,
    headsOf: name,
    description: `${description} One head.`,
  } as const;
  return [
    { ...whole, description: `${description} All heads side by side.` },
    { ...whole, ...byHead },
  ];
}

/** Under the prefix of a stack, what they feed and are heads of as well. */
const prefixed = (prefix: string, component: ComponentDescription): ComponentDescription => ({
  ...component,
  name: prefix + component.name,
  ...(component.headsOf === undefined ? {} : { headsOf: prefix + component.headsOf }),
  feeds: component.feeds.map((other) => prefix + other),
});

function encoderComponents(
  { layerCount, shape, isUnnormed = false }: EncoderShape,
  place: StackPlace,
): readonly ComponentDescription[] {
  return decoderComponents({ ...shape, vocabularySize: 1, isBidirectional: true })
    .filter(({ name }) => name !== 'logits' && !(isUnnormed && name === 'final_norm_output'))
    .map((component): ComponentDescription => {
      if (component.name !== 'final_norm_output') return { ...component, place };
      return {
        ...component,
        place,
        feeds: [],
        scope: 'layer',
        layers: [layerCount - 1],
        description:
          'What the encoder hands to the decoder: the normalised residual stream of its last layer.',
      };
    });
}

/** Those of cross-attention; the first four have the encoder's positions. */
function crossComponents({
  width,
  heads,
  keyValueHeads,
  headWidth,
  isPostNorm = false,
}: Omit<DecoderShape, 'vocabularySize'>) {
  const keyWidth = keyValueHeads * headWidth;
  const pairs = { layout: 'pair', width: 1, heads, isCross: true } as const;
  const made = (what: string): Pick<Placed, 'width' | 'description'> => ({
    width: keyWidth,
    description: `${what} that the layer makes of what the encoder hands over.`,
  });
  const ofEncoder = [
    ...withHeads(
      { name: 'cross_key_output', ...made('Keys'), feeds: ['cross_attention_scores'] },
      keyValueHeads,
    ),
    ...withHeads(
      { name: 'cross_value_output', ...made('Values'), feeds: ['cross_attention_value_output'] },
      keyValueHeads,
    ),
  ];
  const ofDecoder: readonly Placed[] = [
    {
      name: 'cross_block_input',
      width,
      description: 'The residual stream between attention and cross-attention.',
      feeds: ['cross_attention_input', 'block_middle'],
    },
    {
      name: 'cross_attention_input',
      width,
      ...(isPostNorm ? { alias: 'the residual stream' } : {}),
      description: 'What the queries of cross-attention are made of.',
      feeds: ['cross_query_output'],
    },
    ...withHeads(
      {
        name: 'cross_query_output',
        width: heads * headWidth,
        description: 'Queries of cross-attention.',
        feeds: ['cross_attention_scores'],
      },
      heads,
    ),
    {
      ...pairs,
      name: 'cross_attention_scores',
      description: 'Products of queries and the encoder’s keys, before softmax.',
      feeds: ['cross_attention_weight'],
    },
    {
      ...pairs,
      name: 'cross_attention_weight',
      description: 'How much each position of the decoder takes from each of the encoder.',
      feeds: ['cross_attention_value_output'],
    },
    ...withHeads(
      {
        name: 'cross_attention_value_output',
        width: heads * headWidth,
        description: 'What the heads gathered of the encoder, before the output projection.',
        feeds: ['cross_attention_output'],
      },
      heads,
    ),
    {
      name: 'cross_attention_output',
      width,
      description: 'What cross-attention adds to the residual stream.',
      feeds: ['block_middle'],
    },
  ];
  return { ofEncoder, ofDecoder };
}

/** Those of a stack that reads another, between its own: @param before what it reads */
function withCross(
  own: readonly ComponentDescription[],
  shape: Omit<DecoderShape, 'vocabularySize'>,
  place: StackPlace,
  before: StackPlace['stack'],
): readonly ComponentDescription[] {
  const described = (placed: Placed, stack: StackPlace['stack']): ComponentDescription => ({
    scope: 'layer',
    layout: 'token',
    ...placed,
    place: { ...place, stack },
  });
  const { ofEncoder, ofDecoder } = crossComponents(shape);
  const [embedding, ...layers] = own.map((component): ComponentDescription => {
    const { name, feeds } = component;
    if (name === 'attention_output') return { ...component, feeds: ['cross_block_input'] };
    if (name !== 'block_input') return component;
    return { ...component, feeds: feeds.map((to) => (to === 'block_middle' ? 'cross_block_input' : to)) };
  });
  const middle = layers.findIndex(({ name }) => name === 'block_middle');
  return [
    ...(embedding ? [embedding] : []),
    ...ofEncoder.map((component) => described(component, before)),
    ...layers.slice(0, middle),
    ...ofDecoder.map((component) => described(component, place.stack)),
    ...layers.slice(middle),
  ];
}

/** The encoders' names in the order in which they run, by their number. */
const encoderNames: readonly (readonly StackName[])[] = [[], ['encoder'], ['first', 'encoder']];

/** All components, in the order of computation. */
export function encoderDecoderComponents({ encoders, decoder }: Stacks): readonly ComponentDescription[] {
  const names = encoderNames[encoders.length] ?? [];
  let from = 0;
  const placeOf = (stack: StackName, count: number): StackPlace => {
    const place = { stack, from, count };
    from += count;
    return place;
  };
  const all = encoders.flatMap((encoder, index) => {
    const { prefix, layerCount, shape, isUnnormed = false } = encoder;
    const place = placeOf(names[index] ?? 'encoder', layerCount);
    const own = encoderComponents(encoder, place);
    const before = names[index - 1];
    const whole = before === undefined ? own : withCross(own, shape, place, before);
    const reader = encoders[index + 1]?.prefix ?? '';
    const handed = isUnnormed ? 'block_output' : 'final_norm_output';
    return whole.map((component) => {
      const renamed = prefixed(prefix, component);
      if (component.name !== handed) return renamed;
      const feeds = renamed.feeds.filter((name) => !name.endsWith('final_norm_output'));
      return { ...renamed, feeds: [...feeds, `${reader}cross_key_output`, `${reader}cross_value_output`] };
    });
  });
  const place = placeOf('main', decoder.layerCount);
  const own = decoderComponents(decoder.shape).map((component) =>
    component.scope === 'model' ? component : { ...component, place },
  );
  return [...all, ...withCross(own, decoder.shape, place, names.at(-1) ?? 'encoder')];
}
