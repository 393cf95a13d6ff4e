// Qwen3: LLaMA's block with an RMS norm over each head's query and key, and heads of a width of their own.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decoder, gateActivation } from '../decoder.ts';
import { outputProjection, readSizes, threeMatrixMlp, threeProjections } from '../llamaWords.ts';
import { part, placesUnder } from '../module.ts';
import { byHead, rmsNorm } from '../norms.ts';
import { readWholeRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';
import { windowsByType } from './llama.ts';

export function qwen3(read: ConfigurationReader): Architecture {
  const sizes = readSizes(read, { positions: 32768, headWidth: 128 });
  const { width, heads, keyValueHeads, headWidth, layerCount, maxPositions } = sizes;
  const epsilon = read.number('rms_norm_eps', 1e-6, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const bias = read.flag('attention_bias', false);
  const rotary = readWholeRotary(read, { headWidth, maxPositions });
  const windows = windowsByType(read, layerCount);

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`model.layers.${layer}`);
    const headNorm = (of: string, count: number) =>
      byHead(rmsNorm(at(`self_attn.${of}`), { width: headWidth, epsilon }), count);
    const attentionNorm = rmsNorm(at('input_layernorm'), { width, epsilon });
    const attend = selfAttention({
      ...sizes,
      projections: threeProjections(at, sizes, bias),
      norms: { query: headNorm('q_norm', heads), key: headNorm('k_norm', keyValueHeads) },
      output: outputProjection(at, sizes, bias),
      rotary,
      scale: headWidth ** -0.5,
      window: windows[layer],
    });
    const mlpNorm = rmsNorm(at('post_attention_layernorm'), { width, epsilon });
    const mlp = threeMatrixMlp(at, 'mlp', sizes, act);
    const key = windows[layer] === undefined ? 'block' : 'sliding block';
    return part(key, [attentionNorm, attend, mlpNorm, mlp], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const between = add(x, attend.apply(scope, attentionNorm.apply(scope, x)));
      return scope.site('block_output', add(between, mlp.apply(scope, mlpNorm.apply(scope, between))));
    });
  };

  return decoder(read, {
    family: 'qwen3',
    sizes,
    shape: { isRotary: true, hasQueryKeyNorm: true, activation: gateActivation },
    ends: {
      tokens: 'model.embed_tokens',
      norm: rmsNorm({ name: 'norm', path: 'model.norm' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', false) ? 'tied' : 'lm_head',
    },
    block,
  });
}
