// Blocks whose sublayers read the normalised residual stream one after the other: an encoder's, and a decoder's with
// cross-attention in the middle. The last block of an encoder leaves what its decoder reads.

import { add } from '../onnx/elementwise.ts';
import type { BlockScope, GraphPart } from './architecture.ts';
import { withPrefix } from './crossAttention.ts';
import { type BlockModule, type Module, part } from './module.ts';

interface Sublayers {
  readonly attentionNorm: Module;
  readonly attention: BlockModule;
  readonly mlpNorm: Module;
  readonly mlp: Module;
}

/**
 * x += A(N x); x += M(N x)
 * @param prefix of its components, in an encoder-decoder
 * @param final  norm of what leaves the last layer of an encoder
 */
export function preNormBlock(
  { attentionNorm, attention, mlpNorm, mlp }: Sublayers,
  prefix = '',
  final?: Module,
): GraphPart<BlockScope> {
  const modules = [attentionNorm, attention, mlpNorm, mlp, ...(final ? [final] : [])];
  return part(`${prefix}block${final ? ' and norm' : ''}`, modules, (outer) => {
    const scope = withPrefix(outer, prefix);
    const { site } = scope;
    const x = site('block_input', scope.hidden);
    const middle = site('block_middle', add(attention.apply(scope, attentionNorm.apply(scope, x)), x));
    const output = site('block_output', add(mlp.apply(scope, mlpNorm.apply(scope, middle)), middle));
    return final ? site('final_norm_output', final.apply(scope, output)) : output;
  });
}

/** x += A(N x); x += C(N x); x += M(N x), with C the attention to the encoder */
export function preNormDecoderBlock({
  attentionNorm,
  attention,
  crossNorm,
  cross,
  mlpNorm,
  mlp,
}: Sublayers & { readonly crossNorm: Module; readonly cross: BlockModule }): GraphPart<BlockScope> {
  return part('block', [attentionNorm, attention, crossNorm, cross, mlpNorm, mlp], (scope) => {
    const { site, hidden } = scope;
    const x = site('block_input', hidden);
    const first = site('cross_block_input', add(attention.apply(scope, attentionNorm.apply(scope, x)), x));
    const second = site('block_middle', add(cross.apply(scope, crossNorm.apply(scope, first)), first));
    return site('block_output', add(mlp.apply(scope, mlpNorm.apply(scope, second)), second));
  });
}
