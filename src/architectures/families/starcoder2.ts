// StarCoder2: rotary positions and shared key-value heads with layer norms and a plain MLP, a bias on every matrix, a
// sliding window where the configuration asks for one.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, neuronActivation } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { outputProjection, readSizes, readWindow, threeProjections } from '../llamaWords.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { readWholeRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

export function starcoder2(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 4096 });
  const { width, innerWidth, headWidth, maxPositions } = sizes;
  const epsilon = read.number('norm_epsilon', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'gelu_pytorch_tanh'));
  const bias = read.flag('use_bias', true);
  const window = readWindow(read);
  const rotary = readWholeRotary(read, { headWidth, maxPositions });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const attentionNorm = layerNorm(at('input_layernorm'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, bias),
      output: outputProjection(at, sizes, bias),
      rotary,
      scale: headWidth ** -0.5,
      window,
    });
    const mlpNorm = layerNorm(at('post_attention_layernorm'), { width, epsilon });
    const feedForward = mlp(
      linear(at('mlp.c_fc'), { inputs: width, outputs: innerWidth, bias }),
      act,
      linear(at('mlp.c_proj'), { inputs: innerWidth, outputs: width, bias }),
    );
    return part('block', [attentionNorm, attend, mlpNorm, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      const output = feedForward.apply(scope, mlpNorm.apply(scope, between));
      return scope.site('block_output', add(between, output));
    });
  };

  return decoder(read, {
    family: 'starcoder2',
    sizes,
    shape: { isRotary: true, activation: neuronActivation },
    ends: {
      tokens: 'model.embed_tokens',
      norm: layerNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', true) ? 'tied' : 'lm_head',
    },
    block,
  });
}
