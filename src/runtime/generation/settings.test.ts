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
    notices: [],
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
    notices: [],
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

test('options of the file that nothing here does are listed, those that change nothing are not', () => {
  const own = files({
    num_beams: 4,
    suppress_tokens: [3],
    bad_words_ids: [],
    min_new_tokens: null,
    encoder_repetition_penalty: 1.2,
    guidance_scale: 1,
    eta_cutoff: 0.1,
  });
  const [notice, ...more] = generationSettings({}, own).notices;
  expect(notice).toBe(
    "generation_config.json sets 'num_beams', 'suppress_tokens', 'encoder_repetition_penalty', which Patchbay does not do: transformers may write another text.",
  );
  expect(more).toEqual([]);
  // A cutoff counts where tokens are drawn.
  expect(generationSettings({}, own, { temperature: 1 }).notices[0]).toContain("'eta_cutoff'");
  expect(generationSettings({}, files({ num_beams: 1, eta_cutoff: 0 }), { temperature: 1 }).notices).toEqual(
    [],
  );
});

test('an option of the file that is of another type is refused, unless it is given', () => {
  const own = files({ do_sample: true, top_p: '0.9' });
  expect(() => generationSettings({}, own)).toThrow(
    "generation_config.json: 'top_p' is \"0.9\"; it must be a number. Correct the file, or give 'topP'.",
  );
  expect(generationSettings({}, own, { topP: 0.5 }).sampling).toEqual({ temperature: 1, topP: 0.5 });
  expect(() => generationSettings({}, files({ do_sample: 'yes' }))).toThrow('\'do_sample\' is "yes"');
  const ends = files({ eos_token_id: [1, '2'] });
  expect(() => generationSettings({}, ends)).toThrow('generation_config.json: \'eos_token_id\' is [1,"2"]');
  expect(generationSettings({}, ends, { eosIds: [2] }).eosIds).toEqual([2]);
});

test('options of the file that make no sense are refused', () => {
  expect(() => generationSettings({}, files({ do_sample: true, top_p: 3 }))).toThrow("'topP' is 3");
});
