// GPT-NeoX and Pythia: partial rotary positions, attention and MLP in parallel, one fused matrix whose rows lie head by
// head (query, key and value of the first head, then of the second, ...).

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, decoder, neuronActivation } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { fusedProjection } from '../projections.ts';
import { readRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

/** @param names of the tensors in the checkpoint: newer saves call the unembedding `lm_head` */
export function gptNeox(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('hidden_size');
  const heads = read.size('num_attention_heads');
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount('num_hidden_layers'),
    heads,
    keyValueHeads: heads,
    headWidth: read.divide(width, heads, 'hidden_size by num_attention_heads'),
    innerWidth: read.size('intermediate_size'),
    vocabularySize: read.size('vocab_size'),
    maxPositions: read.size('max_position_embeddings', 2048),
  };
  const { headWidth, innerWidth, maxPositions } = sizes;
  const epsilon = read.number('layer_norm_eps', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'gelu'));
  const isParallel = read.flag('use_parallel_residual', true);
  const bias = read.flag('attention_bias', true);
  const isTied = read.flag('tie_word_embeddings', false);
  const rotary = readRotary(read, {
    headWidth,
    maxPositions,
    fraction: read.number('rotary_pct', 0.25),
    thetaName: 'rotary_emb_base',
  });
  read.refuseUnless('is_decoder', [false, true], 'is_decoder must be true or false.');
  const unembedding = names.has('lm_head.weight') ? 'lm_head' : 'embed_out';

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`gpt_neox.layers.${layer}`);
    const attentionNorm = layerNorm(at('input_layernorm'), { width, epsilon });
    const fused = linear(at('attention.query_key_value'), { inputs: width, outputs: 3 * width, bias });
    const attend = selfAttention({
      ...sizes,
      projections: fusedProjection(fused, 'grouped', sizes),
      output: linear(at('attention.dense'), { inputs: width, outputs: width, bias }),
      rotary,
      scale: headWidth ** -0.5,
    });
    const mlpNorm = layerNorm(at('post_attention_layernorm'), { width, epsilon });
    const feedForward = mlp(
      linear(at('mlp.dense_h_to_4h'), { inputs: width, outputs: innerWidth, bias: true }),
      act,
      linear(at('mlp.dense_4h_to_h'), { inputs: innerWidth, outputs: width, bias: true }),
    );
    return part('block', [attentionNorm, attend, mlpNorm, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const attended = attend.apply(scope, attentionNorm.apply(scope, x));
      const between = isParallel ? x : scope.site('block_middle', add(x, attended));
      const output = feedForward.apply(scope, mlpNorm.apply(scope, between));
      const added = isParallel ? add(add(output, attended), x) : add(output, between);
      return scope.site('block_output', added);
    });
  };

  return decoder(read, {
    family: 'gpt_neox',
    sizes,
    shape: { isParallel, isFused: true, isRotary: true, activation: neuronActivation },
    ends: {
      tokens: 'gpt_neox.embed_in',
      norm: layerNorm({ name: 'final_layer_norm', path: 'gpt_neox.final_layer_norm' }, { width, epsilon }),
      head: isTied ? 'tied' : unembedding,
      ownHead: unembedding,
      ignored: [/\.attention\.(bias|masked_bias)$/],
    },
    block,
  });
}
