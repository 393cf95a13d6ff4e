// GPT-Neo: GPT-2's block with separate projections, scores that are not scaled, and layers that see everything in turn with
// layers that see a window.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import {
  type Architecture,
  type BlockScope,
  type GraphPart,
  UnsupportedModelError,
} from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, decoder, neuronActivation } from '../languageModel.ts';
import { embedding, linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder, prefixOf } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { separateProjections } from '../projections.ts';
import { selfAttention } from '../selfAttention.ts';

/** The kinds of layers written out: `[[["global", "local"], 2]]` is four layers in turn. */
function unrolled(types: unknown): readonly unknown[] {
  if (!Array.isArray(types)) return [];
  return types.flatMap((entry: unknown) => {
    const [kinds, times] = Array.isArray(entry) ? entry : [];
    const isWhole = Array.isArray(kinds) && Number.isInteger(times) && times > 0 && times <= 4096;
    return isWhole ? Array.from({ length: times }, () => kinds).flat() : [entry];
  });
}

/** @throws UnsupportedModelError when they are not a kind for each layer, `global` or `local` */
function layerKinds(read: ConfigurationReader, layerCount: number): readonly unknown[] {
  const name = read.has('attention_layers') ? 'attention_layers' : 'attention_types';
  const kinds = read.has('attention_layers')
    ? read.config.attention_layers
    : unrolled(read.config.attention_types ?? [[['global', 'local'], 12]]);
  const isKnown = (kind: unknown) => kind === 'global' || kind === 'local';
  if (!Array.isArray(kinds) || kinds.length !== layerCount || !kinds.every(isKnown)) {
    throw new UnsupportedModelError(
      `config.json of this gpt_neo model needs '${name}' to name 'global' or 'local' for each of its ${layerCount} layers.`,
    );
  }
  return kinds;
}

/** @param names of the tensors in the checkpoint: some leave out the prefix `transformer.` */
export function gptNeo(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('hidden_size');
  const heads = read.size('num_heads');
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount('num_layers'),
    heads,
    keyValueHeads: heads,
    headWidth: read.divide(width, heads, 'hidden_size by num_heads'),
    innerWidth: read.size('intermediate_size', 4 * width),
    vocabularySize: read.size('vocab_size'),
    maxPositions: read.size('max_position_embeddings', 2048),
  };
  const { innerWidth, maxPositions, layerCount } = sizes;
  const epsilon = read.number('layer_norm_epsilon', 1e-5, 0);
  const act = activation(read.text('activation_function', 'gelu_new'));
  const kinds = layerKinds(read, layerCount);
  const window = read.size('window_size', 256);
  const prefix = prefixOf(names, 'wte.weight', ['transformer.', '']);

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`${prefix}h.${layer}`);
    const square = (name: string, bias: boolean) =>
      linear(at(`attn.attention.${name}`), { inputs: width, outputs: width, bias });
    const attentionNorm = layerNorm(at('ln_1'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: separateProjections(
        square('q_proj', false),
        square('k_proj', false),
        square('v_proj', false),
      ),
      output: square('out_proj', true),
      scale: 1,
      window: kinds[layer] === 'local' ? window : undefined,
    });
    const mlpNorm = layerNorm(at('ln_2'), { width, epsilon });
    const feedForward = mlp(
      linear(at('mlp.c_fc'), { inputs: width, outputs: innerWidth, bias: true }),
      act,
      linear(at('mlp.c_proj'), { inputs: innerWidth, outputs: width, bias: true }),
    );
    return part(`${kinds[layer]} block`, [attentionNorm, attend, mlpNorm, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      const output = feedForward.apply(scope, mlpNorm.apply(scope, between));
      return scope.site('block_output', add(between, output));
    });
  };

  const positions = embedding({ name: 'wpe', path: `${prefix}wpe` }, maxPositions, width);
  return decoder(read, {
    family: 'gpt_neo',
    sizes,
    shape: { isRotary: false, activation: neuronActivation },
    ends: {
      tokens: `${prefix}wte`,
      enter: {
        weights: positions.weights,
        apply: (scope, embedded) => add(embedded, positions.apply(scope, scope.positions)),
      },
      norm: layerNorm({ name: 'ln_f', path: `${prefix}ln_f` }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', true) ? 'tied' : 'lm_head',
      ignored: [/\.attn\.attention\.(bias|masked_bias)$/],
    },
    block,
  });
}
