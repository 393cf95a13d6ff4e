// Which models each tool's programs are written for, by the lists of what the tests run.

import { expect, test } from 'vitest';
import { support, untriedModel } from './supportedModels.ts';

test('each tool has its own models, and what was not tried with one is refused by the tool’s name', () => {
  const models = ['gpt2', 'gpt_neox', 'llama', 'mistral', 'qwen2', 'bert', 'gemma', 'mamba', 't5', 'blip'];
  const supported = (name: keyof typeof support) => models.filter((type) => support[name].models(type));
  const five = models.slice(0, 5);
  expect(supported('pyvene')).toEqual(models);
  for (const name of ['steeringPyvene', 'nnsight', 'transformerLens', 'peft'] as const)
    expect(supported(name)).toEqual(five);
  expect(untriedModel(support.nnsight, { modelType: 'bert' })).toBe(
    "Programs for nnsight have not been tried with models of type 'bert'.",
  );
  expect(untriedModel(support.pyvene, { modelType: 'bert' })).toBeUndefined();
});
