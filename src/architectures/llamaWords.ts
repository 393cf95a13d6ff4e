// The words that most decoders since LLaMA share in their configurations, and the modules that they share in their
// checkpoints: sizes, layer types, `self_attn.q_proj`, `mlp.gate_proj`.

import type { Activation } from './activation.ts';
import { UnsupportedModelError } from './architecture.ts';
import type { ConfigurationReader } from './configuration.ts';
import type { DecoderSizes } from './languageModel.ts';
import { linear } from './linear.ts';
import { gatedMlp } from './mlp.ts';
import type { Module, Place } from './module.ts';
import { type Projections, separateProjections } from './projections.ts';

/**
 * @param positions where the configuration does not say: what transformers takes
 * @param headWidth read from `head_dim` (with a fallback, or from the width where it is absent), or always width / heads
 */
export function readSizes(
  read: ConfigurationReader,
  { positions, headWidth = 'divided' }: { positions: number; headWidth?: 'divided' | 'own' | number },
): DecoderSizes {
  const width = read.size('hidden_size');
  const heads = read.size('num_attention_heads');
  const keyValueHeads = read.size('num_key_value_heads', heads);
  read.divide(heads, keyValueHeads, 'num_attention_heads by num_key_value_heads');
  const divided = () => read.divide(width, heads, 'hidden_size by num_attention_heads');
  const own = () =>
    read.has('head_dim') || typeof headWidth === 'number'
      ? read.size('head_dim', typeof headWidth === 'number' ? headWidth : undefined)
      : divided();
  return {
    width,
    layerCount: read.layerCount('num_hidden_layers'),
    heads,
    keyValueHeads,
    headWidth: headWidth === 'divided' ? divided() : own(),
    innerWidth: read.size('intermediate_size'),
    vocabularySize: read.size('vocab_size'),
    maxPositions: read.size('max_position_embeddings', positions),
  };
}

/** The window of all layers: null says none, and so does `fallback` undefined where nothing is said. */
export function readWindow(read: ConfigurationReader, fallback?: number): number | undefined {
  const isNone =
    read.config.sliding_window === null || (fallback === undefined && !read.has('sliding_window'));
  return isNone ? undefined : read.size('sliding_window', fallback);
}

export type LayerType = 'full_attention' | 'sliding_attention';

/** The type of each layer, as `layer_types` says or by the family's rule. */
export function readLayerTypes(
  read: ConfigurationReader,
  layerCount: number,
  rule: (layer: number) => LayerType,
): readonly LayerType[] {
  const types = read.config.layer_types;
  if (types === undefined || types === null)
    return Array.from({ length: layerCount }, (_, layer) => rule(layer));
  if (!Array.isArray(types) || types.length !== layerCount) {
    throw new UnsupportedModelError(`config.json: layer_types must list ${layerCount} layers.`);
  }
  return types.map((type: unknown) => {
    if (type === 'full_attention' || type === 'sliding_attention') return type;
    throw new UnsupportedModelError(
      `config.json: layer type ${JSON.stringify(type)} is not supported. Known: full_attention, sliding_attention.`,
    );
  });
}

type Places = (name: string) => Place;

/** `self_attn.q_proj`, `k_proj`, `v_proj` */
export function threeProjections(
  at: Places,
  { width, heads, keyValueHeads, headWidth }: DecoderSizes,
  bias: boolean,
): Projections {
  const to = (name: string, count: number) =>
    linear(at(`self_attn.${name}`), { inputs: width, outputs: count * headWidth, bias });
  return separateProjections(to('q_proj', heads), to('k_proj', keyValueHeads), to('v_proj', keyValueHeads));
}

/** `self_attn.o_proj`, or another name */
export function outputProjection(
  at: Places,
  { width, heads, headWidth }: DecoderSizes,
  bias: boolean,
  name = 'self_attn.o_proj',
): Module {
  return linear(at(name), { inputs: heads * headWidth, outputs: width, bias });
}

/** `gate_proj`, `up_proj` and `down_proj` below `path`. */
export function threeMatrixMlp(
  at: Places,
  path: string,
  { width, innerWidth }: Pick<DecoderSizes, 'width' | 'innerWidth'>,
  act: Activation,
  bias = false,
): Module {
  const into = { inputs: width, outputs: innerWidth, bias };
  return gatedMlp(
    linear(at(`${path}.gate_proj`), into),
    linear(at(`${path}.up_proj`), into),
    act,
    linear(at(`${path}.down_proj`), { inputs: innerWidth, outputs: width, bias }),
  );
}
