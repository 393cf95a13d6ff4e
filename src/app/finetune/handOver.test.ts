// What of a trained vector the Steer page opens: the prompts that were held out, and where the vector acts.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import type { ModelConfiguration, Tokenizer } from '../../checkpoint/checkpoint.ts';
import { readFinetuneExperiment } from '../../experiments/finetune/experiment.ts';
import { finetuneGrowth } from '../../experiments/finetune/growth.ts';
import { resolveFinetune } from '../../experiments/finetune/resolve.ts';
import { readFinetuneResult } from '../../experiments/finetune/result.ts';
import { adapterFiles } from '../../experiments/finetune/saved.ts';
import { finetuneWork } from '../../experiments/finetune/work.ts';
import { completed } from '../../experiments/growth.ts';
import { readSteerExperiment } from '../../experiments/steer/experiment.ts';
import { createNodeBackend } from '../../runtime/backends/nodeBackend.ts';
import { tinyCheckpoint, tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { Model } from '../../runtime/model.ts';
import { steeringOf } from './handOver.ts';

let model: Model;
beforeAll(async () => {
  model = await Model.load(tinyCheckpoint(tinyConfigurations.gpt2), createNodeBackend(1));
});
afterAll(async () => {
  await model.dispose();
  await model.backend.close();
});

/** Reads words as numbers, whatever the space and the case between and in them. */
const words: Tokenizer = {
  vocabularySize: 30,
  encode: (text) => (text.toLowerCase().match(/w\d+/g) ?? []).map((word) => Number(word.slice(1))),
  places: () => [],
  decode: (ids) => ids.map((id) => `w${id}`).join(' '),
  tokenText: (id) => ` w${id}`,
  isSpecial: () => false,
};

async function trained(split: { readonly testShare: number; readonly seed: number }) {
  // Each prompt in two spellings.
  const data = [...Array(6).keys()].flatMap((at) =>
    [`w${at} w${at + 7}`, `W${at}  W${at + 7}`].map((prompt) => ({ prompt, continuation: at + 1 })),
  );
  const experiment = readFinetuneExperiment({
    ...{ kind: 'finetune', version: 1, model: 'tiny', data, split },
    adapters: [{ type: 'SteeringVector', layers: [1] }],
    training: { batchSize: 2, epochs: 1 },
  });
  const resolved = resolveFinetune(model.architecture, words, experiment);
  const result = await completed(finetuneWork.run(model, resolved, {}), finetuneGrowth());
  return { resolved, written: JSON.parse(JSON.stringify(result)) };
}

test.each([0, 1, 2])(
  'of prompts that are spelled in several ways a run taught none that is handed over, split by seed %i',
  async (seed) => {
    const { resolved, written } = await trained({ testShare: 0.3, seed });
    const result = readFinetuneResult(written);
    expect([result.version, result.tested.length]).toEqual([3, 4]);
    const handed = (of: typeof result) =>
      readSteerExperiment(steeringOf(of, 0, null)).prompts.map((prompt) =>
        words.encode(String(prompt)).join(),
      );
    const taught = new Set(resolved.train.map(({ prompt }) => prompt.tokens.join()));
    expect(handed(result)).toEqual(result.tested.map(({ prompt }) => prompt.join()));
    expect(handed(result).filter((prompt) => taught.has(prompt))).toEqual([]);
    // By their spelling others would be held out.
    const { testedAt: _, ...older } = result;
    expect(handed(older).filter((prompt) => taught.has(prompt))).not.toEqual([]);
  },
);

test('of a model of texts what a split trained has the folder that pyvene and pyreft open', async () => {
  const result = readFinetuneResult((await trained({ testShare: 0.3, seed: 0 })).written);
  expect([...adapterFiles(result, 0).keys()]).toEqual(
    expect.arrayContaining(['numbers.safetensors', 'adapter.json', 'config.json']),
  );
});

test('a result is refused where the places of what was tested cannot be right', async () => {
  const { written } = await trained({ testShare: 0.3, seed: 0 });
  const { testedAt } = readFinetuneResult(written);
  const [first = 0, ...others] = testedAt ?? [];
  for (const wrong of [others, [12, ...others], [first, first, ...others.slice(1)]])
    expect(() => readFinetuneResult({ ...written, testedAt: wrong })).toThrow("'testedAt' must give each");
  const { split: _, ...experiment } = written.experiment;
  const apart = { ...experiment, testData: experiment.data.slice(0, 4) };
  expect(() => readFinetuneResult({ ...written, experiment: apart })).toThrow("stands beside no 'testData'");
});

test.each<readonly [string, ModelConfiguration, readonly string[], readonly string[]]>([
  ['gpt2', tinyConfigurations.gpt2, ['block_output', 'mlp_output'], []],
  [
    't5',
    { model_type: 't5', num_layers: 2 },
    ['block_output', 'cross_query_output'],
    ['encoder.block_output', 'cross_key_output', 'cross_value_output', 'head_cross_key_output'],
  ],
  [
    'blip',
    { model_type: 'blip', text_config: {}, vision_config: {} },
    ['block_output', 'cross_query_output'],
    ['vision.block_output', 'question.block_output', 'question.cross_key_output', 'cross_key_output'],
  ],
])(
  'a vector of all positions acts at each step of a %s, unless it is of what is read before the first',
  async (_, config, written, readOnce) => {
    const { components } = describeArchitecture(config, new Set(['text_encoder.x', 'text_decoder.x']));
    const result = readFinetuneResult((await trained({ testShare: 0.3, seed: 0 })).written);
    const [adapter] = result.experiment.adapters;
    if (!adapter) throw new Error('There is no adapter.');
    const stepsAt = (component: string, inUse: Parameters<typeof steeringOf>[2]) => {
      expect(components.map((each) => each.name)).toContain(component);
      const adapters = [{ ...adapter, component, positions: 'all' as const }];
      const moved = { ...result, experiment: { ...result.experiment, adapters } };
      return readSteerExperiment(steeringOf(moved, 0, inUse)).edits[0]?.steps;
    };
    // Also where no model is in use, or one that has not such a component.
    for (const inUse of [{ components }, null, { components: [] }]) {
      expect(written.map((each) => stepsAt(each, inUse))).toEqual(written.map(() => 'all'));
      expect(readOnce.map((each) => stepsAt(each, inUse))).toEqual(readOnce.map(() => 'none'));
    }
  },
);
