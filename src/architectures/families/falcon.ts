// Falcon: attention and MLP in parallel behind one norm (7B) or a norm each (40B and after), or one after the other (RW);
// rotary positions or ALiBi; one fused matrix whose rows lie by key-value head.

import { add } from '../../onnx/elementwise.ts';
import { activation } from '../activation.ts';
import { alibi, alibiScores, bfloat16 } from '../alibi.ts';
import type { Architecture, BlockScope, GraphPart } from '../architecture.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { type DecoderSizes, decoder, neuronActivation } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { mlp } from '../mlp.ts';
import { type Module, part, placesUnder } from '../module.ts';
import { layerNorm } from '../norms.ts';
import { fusedProjection } from '../projections.ts';
import { readWholeRotary } from '../rotaryConfiguration.ts';
import { selfAttention } from '../selfAttention.ts';

/** How the two sublayers stand to each other, and what each reads. */
type Arrangement = 'sequential' | 'parallel behind one norm' | 'parallel behind two norms';

function readArrangement(read: ConfigurationReader, isNew: boolean): Arrangement {
  if (isNew) {
    const norms = read.size('num_ln_in_parallel_attn', 2, 2);
    return norms === 2 ? 'parallel behind two norms' : 'parallel behind one norm';
  }
  read.refuseUnless('num_ln_in_parallel_attn', [1], 'two norms belong to new_decoder_architecture.');
  return read.flag('parallel_attn', true) ? 'parallel behind one norm' : 'sequential';
}

export function falcon(read: ConfigurationReader): Architecture {
  const width = read.size(read.has('n_embed') ? 'n_embed' : 'hidden_size');
  const headsName = read.has('num_attention_heads') ? 'num_attention_heads' : 'n_head';
  const heads = read.size(headsName);
  const isNew = read.flag('new_decoder_architecture', false);
  const isMultiQuery = !isNew && read.flag('multi_query', true);
  const keyValueHeads = isNew ? read.size('num_kv_heads', heads) : isMultiQuery ? 1 : heads;
  read.divide(heads, keyValueHeads, `${headsName} by num_kv_heads`);
  const sizes: DecoderSizes = {
    width,
    layerCount: read.layerCount(read.has('num_hidden_layers') ? 'num_hidden_layers' : 'n_layer'),
    heads,
    keyValueHeads,
    headWidth: read.divide(width, heads, `hidden_size by ${headsName}`),
    innerWidth: read.size('ffn_hidden_size', 4 * width),
    vocabularySize: read.size('vocab_size'),
    maxPositions: read.size('max_position_embeddings', 2048),
  };
  const { innerWidth, headWidth, maxPositions } = sizes;
  const epsilon = read.number('layer_norm_epsilon', 1e-5, 0);
  const act = activation(read.text('activation', 'gelu'));
  const bias = read.flag('bias', false);
  const arrangement = readArrangement(read, isNew);
  const scale = headWidth ** -0.5;
  // Added before the scores are scaled, from numbers of bfloat16.
  const slope = (of: number, position: number) => scale * bfloat16(bfloat16(of) * bfloat16(position));
  const positions = read.flag('alibi', false)
    ? { bias: alibi(heads, slope) }
    : { rotary: readWholeRotary(read, { headWidth, maxPositions }) };

  const block = (layer: number): GraphPart<BlockScope> => {
    const at = placesUnder(`transformer.h.${layer}`);
    const norm = (name: string) => layerNorm(at(name), { width, epsilon });
    const fused = linear(at('self_attention.query_key_value'), {
      inputs: width,
      outputs: (heads + 2 * keyValueHeads) * headWidth,
      bias,
    });
    const attend = selfAttention({
      ...sizes,
      ...positions,
      projections: fusedProjection(fused, 'grouped', sizes),
      output: linear(at('self_attention.dense'), { inputs: width, outputs: width, bias }),
      scale,
    });
    const feedForward = mlp(
      linear(at('mlp.dense_h_to_4h'), { inputs: width, outputs: innerWidth, bias }),
      act,
      linear(at('mlp.dense_4h_to_h'), { inputs: innerWidth, outputs: width, bias }),
    );
    if (arrangement === 'sequential') {
      const [attentionNorm, mlpNorm] = [norm('input_layernorm'), norm('post_attention_layernorm')];
      return part('block', [attentionNorm, attend, mlpNorm, feedForward], (scope) => {
        const x = scope.site('block_input', scope.hidden);
        const between = scope.site(
          'block_middle',
          add(x, attend.apply(scope, attentionNorm.apply(scope, x))),
        );
        const output = feedForward.apply(scope, mlpNorm.apply(scope, between));
        return scope.site('block_output', add(between, output));
      });
    }
    const norms: readonly Module[] =
      arrangement === 'parallel behind two norms'
        ? [norm('ln_attn'), norm('ln_mlp')]
        : [norm('input_layernorm')];
    return part('block', [...norms, attend, feedForward], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      const [normal = x, mlpNormal = normal] = norms.map((each) => each.apply(scope, x));
      const attended = attend.apply(scope, normal);
      return scope.site('block_output', add(x, add(feedForward.apply(scope, mlpNormal), attended)));
    });
  };

  return decoder(read, {
    family: 'falcon',
    sizes,
    shape: {
      isParallel: arrangement !== 'sequential',
      ...(arrangement === 'parallel behind one norm' ? { alias: 'what the MLP reads' } : {}),
      isFused: true,
      isRotary: 'rotary' in positions,
      ...('bias' in positions ? { scores: alibiScores } : {}),
      activation: neuronActivation,
    },
    ends: {
      tokens: 'transformer.word_embeddings',
      norm: layerNorm({ name: 'ln_f', path: 'transformer.ln_f' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', true) ? 'tied' : 'lm_head',
    },
    block,
  });
}
