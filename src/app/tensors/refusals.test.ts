import { expect, test } from 'vitest';
import type { TensorsExperiment } from '../../experiments/tensors/experiment.ts';
import { fieldOf } from './refusals.ts';

const experiment: TensorsExperiment = {
  kind: 'tensors',
  version: 1,
  model: 'm',
  clean: { x: { text: 'a' } },
  corrupted: { x: { text: 'b' } },
  noise: undefined,
  names: { gate: '/h.{layer}/Mul', door: ['/a', '/b'] },
  chain: { from: 'x', to: 'end' },
  watched: { kind: 'squared' },
  sites: [{ site: 'gate' }, { site: 'block_output:3' }, { site: '/h.0/Add' }],
  by: 'position',
  patches: [8, 8],
};

test.each([
  ["The model needs the input 'mask', float32 [1, 2], of which nobody knows what it is.", 'clean mask'],
  ["Input 'x' is [1, 4] in the clean run and [1, 5] in the corrupted one. States are ...", 'corrupted x'],
  ["Input 'x' is int64 [1, 4] in the model; what is given is [1, 5].", 'clean x'],
  ["'gate' is named as '/h.{layer}/Mul', and the model has no tensor '/h.0/Mul'.", 'name gate'],
  ["The model has no tensor '/b'. It has 12 that can be read.", 'name door'],
  ["'block_output' has layers 0 to 2 that can be edited; 3 is none of them.", 'site block_output:3'],
  ["'/h.0/Add' holds int64 numbers", 'site /h.0/Add'],
  ["There is no chain from 'x' to 'end': the one does not depend on the other", 'chain'],
  ["The model has no tensor 'end'. It has 12 that can be read.", 'chain'],
  ['The cells would take 4 GB.', null],
])('%s', (message, field) => {
  expect(fieldOf(message, experiment)).toBe(field);
});
