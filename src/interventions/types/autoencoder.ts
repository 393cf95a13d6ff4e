// Interchange in the latent space of an autoencoder.

import { matMul } from '../../onnx/contraction.ts';
import { add, relu, sub } from '../../onnx/elementwise.ts';
import { transpose } from '../../onnx/layout.ts';
import type { Value } from '../../onnx/value.ts';
import { standardUniform } from '../../random/noise.ts';
import { type InterventionType, sizeIn } from '../intervention.ts';

/** PyTorch's initialisation of a linear layer: uniform within 1 / sqrt(inputs). */
function linear(seed: number, count: number, inputs: number): Float32Array {
  const bound = 1 / Math.sqrt(inputs);
  return Float32Array.from(standardUniform(seed, count), (x) => (2 * x - 1) * bound);
}

/**
 * What the autoencoder does not reconstruct is lost, in pyvene and here.
 *
 *     h(x) = relu((x - b_d) W_eᵀ + b_e);    out = swap(h(base), h(source)) W_dᵀ + b_d
 *
 * Parameters: `encoder_weight` W_e [latents, width], `encoder_bias` b_e [latents], `decoder_weight` W_d [width, latents],
 * `decoder_bias` b_d [width].
 */
export const autoencoder: InterventionType = {
  name: 'AutoencoderIntervention',
  source: 'run',
  units: 'joined',
  isTrainable: true,
  needs: ['latentDimension'],
  subspaceWidth: (_, parameters) => sizeIn(parameters, 'encoder_weight', 0),
  initial: ({ width, latentDimension: latents = 1, seed }) => ({
    encoder_weight: { data: linear(seed, latents * width, width), shape: [latents, width] },
    encoder_bias: { data: linear(seed + 1, latents, width), shape: [latents] },
    decoder_weight: { data: linear(seed + 2, width * latents, latents), shape: [width, latents] },
    decoder_bias: { data: linear(seed + 3, width, latents), shape: [width] },
  }),
  shapes: {
    encoder_weight: ['latents', 'width'],
    encoder_bias: ['latents'],
    decoder_weight: ['width', 'latents'],
    decoder_bias: ['width'],
  },
  build: ({ base, source, parameter, swap }) => {
    const encode = (x: Value) =>
      relu(
        add(
          matMul(sub(x, parameter('decoder_bias')), transpose(parameter('encoder_weight'), [1, 0])),
          parameter('encoder_bias'),
        ),
      );
    return add(
      matMul(swap(encode(base), encode(source)), transpose(parameter('decoder_weight'), [1, 0])),
      parameter('decoder_bias'),
    );
  },
};
