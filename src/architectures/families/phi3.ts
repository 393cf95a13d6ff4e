// Phi-3: LLaMA's block with one matrix for queries, keys and values and one for both branches of the MLP, a part of each
// head rotated, and rotations stretched by longrope.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, gateActivation } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { outputProjection, readSizes, readWindow } from '../llamaWords.ts';
import { fusedGatedMlp } from '../mlp.ts';
import { part, placesUnder } from '../module.ts';
import { rmsNorm } from '../norms.ts';
import { fusedProjection } from '../projections.ts';
import { readRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

export function phi3(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 4096 });
  const { width, innerWidth, heads, keyValueHeads, headWidth, maxPositions } = sizes;
  const epsilon = read.number('rms_norm_eps', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const window = readWindow(read);
  const rotary = readRotary(read, {
    headWidth,
    maxPositions,
    // The default of Phi3Config, which wins over the rope options.
    originalPositions: 4096,
    fraction: read.number('partial_rotary_factor', 1),
    synonyms: { su: 'longrope', yarn: 'longrope' },
  });

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const attentionNorm = rmsNorm(at('input_layernorm'), { width, epsilon });
    const outputs = (heads + 2 * keyValueHeads) * headWidth;
    const fused = linear(at('self_attn.qkv_proj'), { inputs: width, outputs, bias: false });
    const attend = selfAttention({
      ...sizes,
      projections: fusedProjection(fused, 'whole', sizes),
      output: outputProjection(at, sizes, false),
      rotary,
      scale: headWidth ** -0.5,
      window,
    });
    const mlpNorm = rmsNorm(at('post_attention_layernorm'), { width, epsilon });
    const mlp = fusedGatedMlp(
      linear(at('mlp.gate_up_proj'), { inputs: width, outputs: 2 * innerWidth, bias: false }),
      act,
      linear(at('mlp.down_proj'), { inputs: innerWidth, outputs: width, bias: false }),
    );
    return part('block', [attentionNorm, attend, mlpNorm, mlp], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = scope.site('block_middle', add(x, attend.apply(scope, attentionNorm.apply(scope, x))));
      return scope.site('block_output', add(between, mlp.apply(scope, mlpNorm.apply(scope, between))));
    });
  };

  return decoder(read, {
    family: 'phi3',
    sizes,
    shape: { isFused: true, isRotary: true, activation: gateActivation },
    ends: {
      tokens: 'model.embed_tokens',
      norm: rmsNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', false) ? 'tied' : 'lm_head',
    },
    block,
  });
}
