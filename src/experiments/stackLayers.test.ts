// Where edited rows fork, and the layers that they pass, in models of one stack and of two.

import { expect, test } from 'vitest';
import { describeArchitecture } from '../architectures/registry.ts';
import { forkOf, forkPosition, wayOf } from './keptBases.ts';
import { layersAfter, layersOfPrompt, layersUpTo, layersWith, lengthsOf } from './stackLayers.ts';

const gpt2 = describeArchitecture(
  { model_type: 'gpt2', n_embd: 8, n_head: 2, n_layer: 5, n_positions: 16, vocab_size: 10 },
  new Set(),
);
const t5 = describeArchitecture({ model_type: 't5', num_layers: 3, num_decoder_layers: 2 }, new Set());

test('rows of one stack fork at a layer and pass those from there on', () => {
  const fork = forkOf(gpt2, [
    { component: 'mlp_output', layer: 3 },
    { component: 'block_output', layer: 1 },
  ]);
  expect(fork).toEqual({ layer: 2, stack: 'main' });
  expect(layersAfter(gpt2, fork)).toBe(3);
  expect(layersOfPrompt(gpt2)).toBe(5);
  expect(layersUpTo(gpt2, { component: 'mlp_output', layer: 3 })).toBe(4);
  expect(forkPosition(gpt2, [4, 2], fork.stack)).toBe(2);
});

test('a row of the decoder passes its own layers, one of the encoder hands over what it has in them too', () => {
  expect(layersWith(t5, 'encoder.mlp_output')).toEqual([0, 1, 2]);
  expect(layersWith(t5, 'mlp_output')).toEqual([0, 1]);
  // Three of the encoder, which then waits for the two of the decoder, and those.
  expect(layersOfPrompt(t5)).toBe(3 + 2 + 2);
  const decoders = forkOf(t5, [{ component: 'block_output', layer: 0 }]);
  expect(decoders).toEqual({ layer: 4, stack: 'main' });
  expect(layersAfter(t5, decoders)).toBe(1);
  expect(layersUpTo(t5, { component: 'block_output', layer: 0 })).toBe(4 + 1);
  const encoders = wayOf(t5, { component: 'encoder.block_output', layer: 1 });
  expect(encoders.site).toEqual({ component: 'encoder.block_input', layer: 2 });
  expect(layersAfter(t5, encoders.fork)).toBe(1 + 2 + 2);
  expect(layersUpTo(t5, { component: 'encoder.mlp_output', layer: 1 })).toBe(2);
  // The last block of the encoder enters no other block.
  expect(wayOf(t5, { component: 'encoder.block_output', layer: 2 }).site.component).toBe(
    'encoder.block_output',
  );
});

test('tokens pass the layers of their own stack: those of a long encoder are not counted in the decoder’s', () => {
  const whisper = describeArchitecture(
    { model_type: 'whisper', encoder_layers: 4, decoder_layers: 4, max_source_positions: 1500 },
    new Set(),
  );
  const source = { kind: 'input', data: new Float32Array() } as const;
  const lengths = lengthsOf(whisper, { start: { kind: 'tokens', tokens: [1, 2, 3, 4, 5], source } });
  // The encoder's four layers, and what it hands over in each of the decoder's.
  expect(layersOfPrompt(whisper, lengths)).toBe(1500 * (4 + 4) + 5 * 4);
  const fork = forkOf(whisper, [{ component: 'block_output', layer: 1 }]);
  expect(layersAfter(whisper, fork, lengths)).toBe(5 * 2);
  const first = lengthsOf(whisper, { start: { kind: 'tokens', tokens: [1, 2, 3, 4, 5], source } }, 3);
  expect(layersAfter(whisper, fork, first)).toBe(2 * 2);
  expect(layersUpTo(whisper, { component: 'encoder.block_output', layer: 1 }, lengths)).toBe(1500 * 2);
  expect(layersUpTo(whisper, { component: 'block_output', layer: 1 }, lengths)).toBe(1500 * 6 + 5 * 2);
});

test('rows whose encoder is edited share no position of the decoder, wherever the keys are made', () => {
  const crossed = forkOf(t5, [{ component: 'cross_key_output', layer: 1 }]);
  expect(crossed).toEqual({ layer: 4, stack: 'encoder' });
  expect(layersAfter(t5, crossed)).toBe(1 + 1);
  expect(forkPosition(t5, [5], crossed.stack)).toBe(0);
  const both = forkOf(t5, [
    { component: 'mlp_output', layer: 1 },
    { component: 'encoder.mlp_output', layer: 0 },
  ]);
  expect(both).toEqual({ layer: 0, stack: 'encoder' });
});
