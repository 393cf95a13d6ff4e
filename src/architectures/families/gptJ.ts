// GPT-J: attention and MLP in parallel behind one norm, neighbouring entries of the first part of each head rotated together,
// a bias on the unembedding.

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
import { linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { separateProjections } from '../projections.ts';
import { plainRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

export function gptJ(read: ConfigurationReader): Architecture {
  const width = read.size('n_embd');
  const heads = read.size('n_head');
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount('n_layer'),
    heads,
    keyValueHeads: heads,
    headWidth: read.divide(width, heads, 'n_embd by n_head'),
    innerWidth: read.size('n_inner', 4 * width),
    vocabularySize: read.size('vocab_size'),
    maxPositions: read.size('n_positions', 2048),
  };
  const { innerWidth, headWidth } = sizes;
  const epsilon = read.number('layer_norm_epsilon', 1e-5, 0);
  const act = activation(read.text('activation_function', 'gelu_new'));
  // Null would turn by a table as wide as the model, which fits no head.
  const rotaryWidth = read.size('rotary_dim', read.config.rotary_dim === null ? undefined : 64);
  if (rotaryWidth % 2 !== 0 || rotaryWidth > headWidth) {
    throw new UnsupportedModelError(
      `config.json: ${rotaryWidth} rotary entries do not form pairs within a head of ${headWidth}.`,
    );
  }
  const rotary = plainRotary(rotaryWidth, 'neighbours');

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`transformer.h.${layer}`);
    const square = (name: string) =>
      linear(at(`attn.${name}`), { inputs: width, outputs: width, bias: false });
    const norm = layerNorm(at('ln_1'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: separateProjections(square('q_proj'), square('k_proj'), square('v_proj')),
      output: square('out_proj'),
      rotary,
      scale: headWidth ** -0.5,
    });
    const feedForward = mlp(
      linear(at('mlp.fc_in'), { inputs: width, outputs: innerWidth, bias: true }),
      act,
      linear(at('mlp.fc_out'), { inputs: innerWidth, outputs: width, bias: true }),
    );
    return part('block', [norm, attend, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const normal = norm.apply(scope, x);
      const added = add(attend.apply(scope, normal), feedForward.apply(scope, normal));
      return scope.site('block_output', add(added, x));
    });
  };

  return decoder(read, {
    family: 'gptj',
    sizes,
    shape: { isParallel: true, alias: 'what the MLP reads', isRotary: true, activation: neuronActivation },
    ends: {
      tokens: 'transformer.wte',
      norm: layerNorm({ name: 'ln_f', path: 'transformer.ln_f' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', false) ? 'tied' : 'lm_head',
      headBias: 'lm_head',
      ignored: [/\.attn\.(bias|masked_bias)$/, /^transformer\.rotary_emb\.embed_positions$/],
    },
    block,
  });
}
