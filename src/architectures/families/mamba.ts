// Mamba: each block is a mixer behind an RMS norm. The mixer's inner stream passes a short convolution and a state-space
// recurrence whose step, input and output depend on the token, and is gated by a second branch.

import { matMul } from '../../onnx/contraction.ts';
import { add, exp, mul, neg, softplus } from '../../onnx/elementwise.ts';
import { slice, transpose } from '../../onnx/layout.ts';
import { activation } from '../activation.ts';
import { type Architecture, type BlockScope, type GraphPart, tensor } from '../architecture.ts';
import { stateSpaceComponents } from '../components.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { languageModel } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { type BlockModule, part, placesUnder, prefixOf } from '../module.ts';
import { rmsNorm } from '../norms.ts';
import {
  atQueries,
  byRow,
  causalConvolution,
  recurrencePositions,
  toTokens,
  windowLength,
} from '../recurrence.ts';
import { selectiveOutput } from '../selectiveState.ts';

/** The gate's, whatever the configuration says of the convolution's. */
const silu = activation('silu');

/** @param names of the tensors in the checkpoint: older ones say `embedding` */
export function mamba(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('hidden_size');
  const innerWidth = read.size('intermediate_size', read.size('expand', 2) * width);
  const stateSize = read.size('state_size', 16);
  const kernel = read.size('conv_kernel', 4, 64);
  const rank =
    read.config.time_step_rank === 'auto'
      ? Math.ceil(width / 16)
      : read.size('time_step_rank', Math.ceil(width / 16));
  const epsilon = read.number('layer_norm_epsilon', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const bias = read.flag('use_bias', false);
  const hasConvolutionBias = read.flag('use_conv_bias', true);
  const sizes = {
    width,
    layerCount: read.layerCount('num_hidden_layers'),
    vocabularySize: read.size('vocab_size'),
    maxPositions: recurrencePositions,
  };

  const mixer = (path: string): BlockModule => {
    const at = placesUnder(path);
    const inward = linear(at('in_proj'), { inputs: width, outputs: 2 * innerWidth, bias });
    const outward = linear(at('out_proj'), { inputs: innerWidth, outputs: width, bias });
    const own = (name: string, ...shape: readonly number[]) => ({
      [name]: tensor(`${path}.${name}`, ...shape),
    });
    return {
      weights: {
        ...inward.weights,
        ...own('conv1d.weight', innerWidth, 1, kernel),
        ...(hasConvolutionBias ? own('conv1d.bias', innerWidth) : {}),
        ...own('x_proj.weight', rank + 2 * stateSize, innerWidth),
        ...own('dt_proj.weight', innerWidth, rank),
        ...own('dt_proj.bias', innerWidth),
        ...own('A_log', innerWidth, stateSize),
        ...own('D', innerWidth),
        ...outward.weights,
      },
      apply: (scope, hidden) => {
        const { site, weight, batch } = scope;
        const both = inward.apply(scope, site('mixer_input', hidden));
        const [stream, gate] = [slice(both, 1, 0, innerWidth), slice(both, 1, innerWidth, 2 * innerWidth)];
        const convolved = causalConvolution(
          byRow(stream, batch),
          {
            weight: weight('conv1d.weight'),
            bias: hasConvolutionBias ? weight('conv1d.bias') : undefined,
          },
          batch,
        );
        const x = act(convolved); // [rows, positions, innerWidth]
        const chosen = matMul(x, transpose(weight('x_proj.weight'), [1, 0]));
        const step = softplus(
          add(
            matMul(slice(chosen, 2, 0, rank), transpose(weight('dt_proj.weight'), [1, 0])),
            weight('dt_proj.bias'),
          ),
        );
        const input = slice(chosen, 2, rank, rank + stateSize);
        const output = slice(chosen, 2, rank + stateSize, rank + 2 * stateSize);
        const read = selectiveOutput(scope, { step, x, input, output, rate: neg(exp(weight('A_log'))) });
        const y = toTokens(add(read, mul(atQueries(x, batch), weight('D'))), batch);
        return site('mixer_output', outward.apply(scope, site('ssm_output', mul(y, silu(gate)))));
      },
    };
  };

  const block = (layer: number): GraphPart<BlockScope> => {
    const path = `backbone.layers.${layer}`;
    const norm = rmsNorm(placesUnder(path)('norm'), { width, epsilon });
    const mix = mixer(`${path}.mixer`);
    const built = part<BlockScope>('block', [norm, mix], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      return scope.site('block_output', add(x, mix.apply(scope, norm.apply(scope, x))));
    });
    return { ...built, hasReach: true };
  };

  return languageModel(read, {
    family: 'mamba',
    sizes,
    isCausal: true,
    headCount: 1,
    presentWidth: 2 * innerWidth,
    recurrence: {
      windowWidth: windowLength(kernel) * innerWidth,
      stateWidth: innerWidth * stateSize,
      numbersKept: (positions) => innerWidth * stateSize * positions,
    },
    // States of all positions that its graph goes along, and what each doubling makes of them.
    numbersPerRow: (_, positions) => 4 * innerWidth * stateSize * positions,
    components: stateSpaceComponents({
      ...sizes,
      innerWidth,
      state: {
        width: innerWidth * stateSize,
        description: `The recurrence's state behind the position: ${stateSize} numbers for each of ${innerWidth} channels.`,
      },
      output: 'What the recurrence puts out, gated: what the output projection reads.',
    }),
    ends: {
      tokens: prefixOf(names, '.weight', ['backbone.embeddings', 'backbone.embedding']),
      norm: rmsNorm({ name: 'norm_f', path: 'backbone.norm_f' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', true) ? 'tied' : 'lm_head',
    },
    block,
  });
}
