// Mamba 2: the recurrence has one decay a head, so that what a position says to a later one is a product, as attention's
// scores are, times the decay between them. Gate and norm stand behind it.

import { matMul } from '../../onnx/contraction.ts';
import { multiplyDimensions } from '../../onnx/dimension.ts';
import { add, cast, exp, greater, less, mul, neg, softplus, sub } from '../../onnx/elementwise.ts';
import { gather, reshape, slice, transpose, unsqueeze } from '../../onnx/layout.ts';
import { cumulativeSum } from '../../onnx/reduction.ts';
import { constant, sizeAt, type Value } from '../../onnx/value.ts';
import { activation } from '../activation.ts';
import {
  type Architecture,
  type BlockScope,
  type GraphPart,
  tensor,
  UnsupportedModelError,
} from '../architecture.ts';
import { visible } from '../attention.ts';
import { stateSpaceComponents } from '../components.ts';
import type { ConfigurationReader } from '../configuration.ts';
import { decayTo, headStatesBehind, readHeadStates, readStates, visibleInRow } from '../headState.ts';
import { languageModel } from '../languageModel.ts';
import { linear } from '../linear.ts';
import { type BlockModule, part, placesUnder, prefixOf } from '../module.ts';
import { rmsNorm } from '../norms.ts';
import { atQueries, byRow, causalConvolution, owners, toTokens, windowLength } from '../recurrence.ts';

const silu = activation('silu');

/** The least and the largest step; JSON has no infinity, so that either may be written as an object or left out. */
function readLimits(read: ConfigurationReader): { readonly least: number; readonly most: number } {
  const limits = read.config.time_step_limit ?? [0, null];
  const [least, most]: readonly unknown[] = Array.isArray(limits) ? limits : [];
  const isOpen = typeof most !== 'number' || most === Number.POSITIVE_INFINITY;
  if (typeof least !== 'number' || (!isOpen && most < least)) {
    throw new UnsupportedModelError(
      "config.json of this mamba2 model needs 'time_step_limit' to be two numbers, the smaller one first.",
    );
  }
  return { least, most: isOpen ? Number.POSITIVE_INFINITY : most };
}

/** @param names of the tensors in the checkpoint: older ones say `embedding` */
export function mamba2(read: ConfigurationReader, names: ReadonlySet<string>): Architecture {
  const width = read.size('hidden_size');
  const heads = read.size('num_heads', 128);
  const headWidth = read.size('head_dim', 64);
  const innerWidth = read.size('expand', 2) * width;
  const stateSize = read.size('state_size', 128);
  const groups = read.size('n_groups', 8);
  const kernel = read.size('conv_kernel', 4, 64);
  const epsilon = read.number('layer_norm_epsilon', 1e-5, 0);
  const act = activation(read.text('hidden_act', 'silu'));
  const bias = read.flag('use_bias', false);
  const hasConvolutionBias = read.flag('use_conv_bias', true);
  const limits = readLimits(read);
  read.divide(heads, groups, 'num_heads by n_groups');
  if (heads * headWidth !== innerWidth) {
    throw new UnsupportedModelError(
      `config.json of this mamba2 model: ${heads} heads of ${headWidth} do not make expand times hidden_size, ${innerWidth}.`,
    );
  }
  const sizes = {
    width,
    layerCount: read.layerCount('num_hidden_layers'),
    vocabularySize: read.size('vocab_size'),
    // No table and no limit; this only keeps absurd lengths out.
    maxPositions: 2 ** 20,
  };
  const convolved = innerWidth + 2 * groups * stateSize;

  /**
   * `bound` where a step lies beyond it. As products with 0 and 1: ONNX Runtime moves transpositions over a choice that the
   * gradient makes again, and WebGPU transposes no booleans.
   */
  const boundWhere = (isBeyond: Value, step: Value, bound: number): Value => {
    const beyond = cast(isBeyond, 'float32');
    return add(mul(step, sub(constant(1), beyond)), mul(constant(bound), beyond));
  };

  /** Steps between the limits. */
  const limited = (step: Value): Value => {
    const { least, most } = limits;
    const raised = least > 0 ? boundWhere(less(step, constant(least)), step, least) : step;
    return most < Number.POSITIVE_INFINITY
      ? boundWhere(greater(raised, constant(most)), raised, most)
      : raised;
  };

  /**
   * What the recurrence puts out at the positions that the batch carries.
   * @param x    [rows, positions, innerWidth + 2 * groups * stateSize]: stream, input and output of the state
   * @param step [rows, positions, heads]
   * @returns    [rows, queries, innerWidth]
   * @see Dao and Gu 2024, "Transformers are SSMs", the quadratic form
   */
  const recur = (scope: BlockScope, x: Value, step: Value): Value => {
    const { batch, weight } = scope;
    const [rows, positions] = [sizeAt(x.shape, 0), sizeAt(x.shape, 1)];
    const queries = sizeAt(batch.queryPositions.shape, 1);
    const stream = slice(x, 2, 0, innerWidth);
    const input = reshape(slice(x, 2, innerWidth, innerWidth + groups * stateSize), [
      rows,
      positions,
      groups,
      stateSize,
    ]);
    const output = reshape(atQueries(slice(x, 2, innerWidth + groups * stateSize, convolved), batch), [
      rows,
      queries,
      groups,
      stateSize,
    ]);
    const sum = cumulativeSum(mul(step, neg(exp(weight('A_log')))), 1);
    const toKey = unsqueeze(transpose(sum, [0, 2, 1]), [2]);
    const sumAtQueries = atQueries(sum, batch);
    const toQuery = unsqueeze(transpose(sumAtQueries, [0, 2, 1]), [3]);
    const { start, kept } = batch.handed ?? {};
    const begun = start && reshape(start.state, [rows, heads, headWidth, stateSize]);
    const isPast = start ? visibleInRow(step) : visible(batch, undefined);
    const decay = decayTo(toQuery, toKey, isPast);
    const steps = unsqueeze(transpose(step, [0, 2, 1]), [2]);
    const entries = transpose(reshape(stream, [rows, positions, heads, headWidth]), [0, 2, 1, 3]);
    if (kept) kept.takeStates(headStatesBehind(kept.places, { sum, steps, entries, input, begun }));
    const skipped = mul(atQueries(stream, batch), gather(weight('D'), owners(innerWidth, heads), 0));
    if (scope.isTouched('ssm_state'))
      return add(
        readHeadStates(scope, {
          shares: mul(decay, steps),
          entries,
          input,
          output,
          sum: sumAtQueries,
          begun,
        }),
        skipped,
      );
    const products = matMul(transpose(output, [0, 2, 1, 3]), transpose(input, [0, 2, 3, 1]));
    // One group serves all heads as it is.
    const byGroup = groups === 1 ? products : gather(products, owners(heads, groups), 1);
    const own = matMul(mul(mul(byGroup, decay), steps), entries);
    const said = begun ? add(own, mul(exp(toQuery), readStates(begun, output))) : own;
    const mixed = transpose(said, [0, 2, 1, 3]);
    return add(reshape(mixed, [rows, queries, multiplyDimensions(heads, headWidth)]), skipped);
  };

  const mixer = (path: string): BlockModule => {
    const at = placesUnder(path);
    const inward = linear(at('in_proj'), { inputs: width, outputs: innerWidth + convolved + heads, bias });
    const norm = rmsNorm(at('norm'), { width: innerWidth, epsilon });
    const outward = linear(at('out_proj'), { inputs: innerWidth, outputs: width, bias });
    const own = (name: string, ...shape: readonly number[]) => ({
      [name]: tensor(`${path}.${name}`, ...shape),
    });
    return {
      weights: {
        ...inward.weights,
        ...own('conv1d.weight', convolved, 1, kernel),
        ...(hasConvolutionBias ? own('conv1d.bias', convolved) : {}),
        ...own('dt_bias', heads),
        ...own('A_log', heads),
        ...own('D', heads),
        ...norm.weights,
        ...outward.weights,
      },
      apply: (scope, hidden) => {
        const { site, weight, batch } = scope;
        const all = inward.apply(scope, site('mixer_input', hidden));
        const gate = slice(all, 1, 0, innerWidth);
        const rows = byRow(slice(all, 1, innerWidth, innerWidth + convolved + heads), batch);
        const x = act(
          causalConvolution(
            slice(rows, 2, 0, convolved),
            {
              weight: weight('conv1d.weight'),
              bias: hasConvolutionBias ? weight('conv1d.bias') : undefined,
            },
            batch,
          ),
        );
        const step = limited(softplus(add(slice(rows, 2, convolved, convolved + heads), weight('dt_bias'))));
        const y = mul(toTokens(recur(scope, x, step), batch), silu(gate));
        return site('mixer_output', outward.apply(scope, site('ssm_output', norm.apply(scope, y))));
      },
    };
  };

  const block = (layer: number): GraphPart<BlockScope> => {
    const path = `backbone.layers.${layer}`;
    const norm = rmsNorm({ name: 'block_norm', path: `${path}.norm` }, { width, epsilon });
    const mix = mixer(`${path}.mixer`);
    return part('block', [norm, mix], (scope) => {
      const x = scope.site('block_input', scope.hidden);
      return scope.site('block_output', add(x, mix.apply(scope, norm.apply(scope, x))));
    });
  };

  return languageModel(read, {
    family: 'mamba2',
    sizes,
    isCausal: true,
    headCount: heads,
    presentWidth: 2 * (convolved + heads),
    recurrence: {
      windowWidth: windowLength(kernel) * convolved,
      stateWidth: innerWidth * stateSize,
      // A share of each position in each state, for each channel.
      numbersKept: (positions, kept) => innerWidth * kept * Math.max(positions, stateSize),
    },
    components: stateSpaceComponents({
      ...sizes,
      innerWidth,
      state: {
        width: innerWidth * stateSize,
        description: `The recurrence's state behind the position: ${headWidth} times ${stateSize} numbers for each of ${heads} heads.`,
      },
      output: 'What the recurrence puts out, gated and normalised: what the output projection reads.',
    }),
    ...(groups > 1
      ? {
          notices: [
            `This mamba2 model has ${groups} groups. The norm behind the recurrence goes over all of them at once, as in transformers 5.18; later versions (5.24) normalise each group by itself and give other logits.`,
          ],
        }
      : {}),
    ends: {
      tokens: prefixOf(names, '.weight', ['backbone.embeddings', 'backbone.embedding']),
      norm: rmsNorm({ name: 'norm_f', path: 'backbone.norm_f' }, { width, epsilon }),
      head: read.flag('tie_word_embeddings', false) ? 'tied' : 'lm_head',
    },
    block,
  });
}
