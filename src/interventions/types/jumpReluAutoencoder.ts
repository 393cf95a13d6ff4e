// Interchange in the latent space of a sparse autoencoder with jumping rectifiers, such as those of Gemma Scope.

import { matMul } from '../../onnx/contraction.ts';
import { add, cast, greater, mul, relu } from '../../onnx/elementwise.ts';
import type { Value } from '../../onnx/value.ts';
import { filled, type InterventionType, sizeIn } from '../intervention.ts';

/**
 * What the autoencoder does not reconstruct is lost, in pyvene and here.
 *
 *     p(x) = x W_enc + b_enc;    a(x) = (p > threshold) * relu(p);    out = swap(a(base), a(source)) W_dec + b_dec
 *
 * Parameters: `W_enc` [width, latents], `W_dec` [latents, width], `threshold` [latents], `b_enc` [latents],
 * `b_dec` [width]; zero until they are given, as the files of published autoencoders name them.
 *
 * @see Rajamanoharan et al. 2024, "Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse Autoencoders"
 */
export const jumpReluAutoencoder: InterventionType = {
  name: 'JumpReLUAutoencoderIntervention',
  source: 'run',
  units: 'separate',
  isTrainable: true,
  needs: ['lowRankDimension'],
  subspaceWidth: (_, parameters) => sizeIn(parameters, 'W_enc', 1),
  initial: ({ width, lowRankDimension: latents = 1 }) => ({
    W_enc: filled(0, width, latents),
    W_dec: filled(0, latents, width),
    threshold: filled(0, latents),
    b_enc: filled(0, latents),
    b_dec: filled(0, width),
  }),
  shapes: {
    W_enc: ['width', 'latents'],
    W_dec: ['latents', 'width'],
    threshold: ['latents'],
    b_enc: ['latents'],
    b_dec: ['width'],
  },
  build: ({ base, source, parameter, swap }) => {
    const encode = (x: Value) => {
      const before = add(matMul(x, parameter('W_enc')), parameter('b_enc'));
      return mul(cast(greater(before, parameter('threshold')), 'float32'), relu(before));
    };
    return add(matMul(swap(encode(base), encode(source)), parameter('W_dec')), parameter('b_dec'));
  },
};
