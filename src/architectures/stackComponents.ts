// The components of an encoder-decoder: the encoder's under a prefix, then the decoder's, and those of cross-attention between
// its self-attention and its MLP.

import type { ComponentDescription, StackPlace } from './architecture.ts';
import { type DecoderShape, decoderComponents } from './components.ts';

export interface Stacks {
  readonly encoder: {
    /** `encoder.` */
    readonly prefix: string;
    readonly layerCount: number;
    readonly shape: Omit<DecoderShape, 'vocabularySize' | 'isBidirectional'>;
  };
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

function encoderComponents({
  prefix,
  layerCount,
  shape,
}: Stacks['encoder']): readonly ComponentDescription[] {
  const place: StackPlace = { stack: 'encoder', from: 0, count: layerCount };
  const all = decoderComponents({ ...shape, vocabularySize: 1, isBidirectional: true });
  const renamed = all
    .filter(({ name }) => name !== 'logits')
    .map((component): ComponentDescription => {
      const { name, headsOf, feeds } = component;
      const isNorm = name === 'final_norm_output';
      return {
        ...component,
        name: prefix + name,
        place,
        ...(headsOf === undefined ? {} : { headsOf: prefix + headsOf }),
        feeds: isNorm ? ['cross_key_output', 'cross_value_output'] : feeds.map((other) => prefix + other),
        ...(isNorm
          ? {
              scope: 'layer',
              layers: [layerCount - 1],
              description:
                'What the encoder hands to the decoder: the normalised residual stream of its last layer.',
            }
          : {}),
      };
    });
  return renamed;
}

/** Those of cross-attention; the first four have the encoder's positions. */
function crossComponents({ width, heads, keyValueHeads, headWidth }: DecoderShape) {
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

/** All components, in the order of computation. */
export function encoderDecoderComponents({ encoder, decoder }: Stacks): readonly ComponentDescription[] {
  const place: StackPlace = { stack: 'main', from: encoder.layerCount, count: decoder.layerCount };
  const described = (placed: Placed, stack: StackPlace['stack']): ComponentDescription => ({
    scope: 'layer',
    layout: 'token',
    ...placed,
    place: { ...place, stack },
  });
  const { ofEncoder, ofDecoder } = crossComponents(decoder.shape);
  const own = decoderComponents(decoder.shape).map((component): ComponentDescription => {
    if (component.scope === 'model') return component;
    const feeds = component.name === 'attention_output' ? ['cross_block_input'] : component.feeds;
    const isInput = component.name === 'block_input';
    return {
      ...component,
      feeds: isInput ? feeds.map((name) => (name === 'block_middle' ? 'cross_block_input' : name)) : feeds,
      place,
    };
  });
  const [embedding, ...layers] = own;
  const middle = layers.findIndex(({ name }) => name === 'block_middle');
  return [
    ...encoderComponents(encoder),
    ...(embedding ? [embedding] : []),
    ...ofEncoder.map((component) => described(component, 'encoder')),
    ...layers.slice(0, middle),
    ...ofDecoder.map((component) => described(component, 'main')),
    ...layers.slice(middle),
  ];
}
