import { expect, test } from 'vitest';
import type { GenerationFiles } from '../../checkpoint/checkpoint.ts';
import { generationSettings } from './settings.ts';

const files = (generationConfig: GenerationFiles['generationConfig']): GenerationFiles => ({
  generationConfig,
  chatTemplates: new Map(),
  specialTokens: {},
});

test("a model's own options are in force where none are given, and each says where it is from", () => {
  const own = files({ do_sample: true, temperature: 0.6, top_p: 0.9, top_k: 20, eos_token_id: [5, 9] });
  expect(generationSettings({ eos_token_id: 1 }, own, { topP: 0.5 })).toEqual({
    sampling: { temperature: 0.6, topK: 20, topP: 0.5 },
    eosIds: [5, 9],
    origins: {
      temperature: 'generation_config.json',
      topK: 'generation_config.json',
      topP: 'given',
      eosIds: 'generation_config.json',
    },
  });
});

test('a model that does not sample by itself is greedy, and its penalties hold all the same', () => {
  const own = files({ do_sample: false, temperature: 0.6, repetition_penalty: 1.1 });
  expect(generationSettings({ eos_token_id: 1 }, own)).toEqual({
    sampling: { repetitionPenalty: 1.1 },
    eosIds: [1],
    origins: { repetitionPenalty: 'generation_config.json', eosIds: 'default' },
  });
  expect(generationSettings({ eos_token_id: null }, undefined).eosIds).toEqual([]);
});

test('a filter that is given where nothing is drawn is refused, and the file’s does not count there', () => {
  const own = files({ do_sample: true, top_p: 0.9, top_k: 20 });
  expect(generationSettings({}, own, { temperature: 0 }).sampling).toEqual({ temperature: 0 });
  expect(() => generationSettings({}, own, { temperature: 0, topK: 5 })).toThrow(
    "Sampling: 'topK' is 5, and changes nothing at temperature 0, where the most probable token is taken. Give a temperature above 0, or leave 'topK' out.",
  );
  expect(() => generationSettings({}, undefined, { minP: 0.1 })).toThrow(
    "'minP' is 0.1, and changes nothing",
  );
  expect(generationSettings({}, undefined, { topP: 1 }).sampling).toEqual({ topP: 1 });
});

test('options of the file that make no sense are refused', () => {
  expect(() => generationSettings({}, files({ do_sample: true, top_p: 3 }))).toThrow("'topP' is 3");
});
