// Phi (1, 1.5 and 2): attention and a plain MLP in parallel behind one norm, a part of each head rotated, a bias on every
// matrix and on the unembedding.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, neuronActivation } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { outputProjection, readSizes, threeProjections } from '../llamaWords.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { byHead, layerNorm } from '../norms.ts';
import { readRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

export function phi(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 2048 });
  const { width, innerWidth, heads, keyValueHeads, headWidth, maxPositions } = sizes;
  const epsilon = read.number('layer_norm_eps', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'gelu_new'));
  const hasQueryKeyNorm = read.flag('qk_layernorm', false);
  const fraction = read.number('partial_rotary_factor', 0.5);
  const rotary = readRotary(read, { headWidth, maxPositions, fraction });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const headNorm = (of: string, count: number) =>
      byHead(layerNorm(at(`self_attn.${of}`), { width: headWidth, epsilon }), count);
    const norm = layerNorm(at('input_layernorm'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, true),
      ...(hasQueryKeyNorm
        ? { norms: { query: headNorm('q_layernorm', heads), key: headNorm('k_layernorm', keyValueHeads) } }
        : {}),
      output: outputProjection(at, sizes, true, 'self_attn.dense'),
      rotary,
      scale: headWidth ** -0.5,
    });
    const feedForward = mlp(
      linear(at('mlp.fc1'), { inputs: width, outputs: innerWidth, bias: true }),
      act,
      linear(at('mlp.fc2'), { inputs: innerWidth, outputs: width, bias: true }),
    );
    return part('block', [norm, attend, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const normal = norm.apply(scope, x);
      const added = add(attend.apply(scope, normal), feedForward.apply(scope, normal));
      return scope.site('block_output', add(added, x));
    });
  };

  return decoder(read, {
    family: 'phi',
    sizes,
    shape: {
      isParallel: true,
      alias: 'what the MLP reads',
      isRotary: true,
      hasQueryKeyNorm,
      activation: neuronActivation,
    },
    ends: {
      tokens: 'model.embed_tokens',
      norm: layerNorm({ name: 'norm', path: 'model.final_layernorm' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', false) ? 'tied' : 'lm_head',
      headBias: 'lm_head',
    },
    block,
  });
}
