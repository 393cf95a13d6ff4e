import { describe, expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { placedPrompt } from '../promptText.ts';
import { readPatchExperiment } from './experiment.ts';
import { readPathExperiment } from './pathExperiment.ts';
import { resolvePatch } from './resolve.ts';

const words = ['When', ' Mary', ' John', ' Jo', 'hn', ' met', ' gave', ' to', ' ', ' her'];

/** The longest word that fits, from the left. */
const tokenizer: Tokenizer = {
  vocabularySize: words.length,
  encode: (text) => {
    const ids: number[] = [];
    let rest = text;
    while (rest !== '') {
      const fits = words.filter((word) => rest.startsWith(word)).sort((a, b) => b.length - a.length);
      const [word] = fits;
      if (word === undefined) throw new Error(`no token begins '${rest}'`);
      ids.push(words.indexOf(word));
      rest = rest.slice(word.length);
    }
    return ids;
  },
  places: (text) => placedPrompt(tokenizer.encode(text), tokenizer).places,
  decode: (ids) => ids.map((id) => words[id]).join(''),
  tokenText: (id) => words[id] ?? '',
  isSpecial: () => false,
};

const architecture = describeArchitecture(tinyConfigurations.llama, new Set());

const pair = {
  clean: 'When Mary met John',
  corrupted: 'When Mary met Mary',
  answer: ' Mary',
  distractor: ' John',
};
const patch = (more: object = {}) =>
  resolvePatch(
    architecture,
    tokenizer,
    readPatchExperiment({ kind: 'patch', version: 1, model: 'tiny', pairs: [pair], ...more }),
  );
const path = (more: object = {}) =>
  resolvePatch(
    architecture,
    tokenizer,
    readPathExperiment({ kind: 'path', version: 1, model: 'tiny', pairs: [pair], ...more }),
  );

test('a patch of a state-space model restores what it has in the place of attention and MLP', () => {
  const config = { model_type: 'mamba', hidden_size: 8, num_hidden_layers: 2, state_size: 4, vocab_size: 31 };
  const experiment = readPatchExperiment({ kind: 'patch', version: 1, model: 'tiny', pairs: [pair] });
  const { panels } = resolvePatch(describeArchitecture(config, new Set()), tokenizer, experiment);
  expect(panels.map(({ component }) => component)).toEqual(['block_output', 'ssm_output', 'mixer_output']);
});

test('a patch restores three streams by position unless it says otherwise', () => {
  const { direction, panels, cases, pairs } = patch();
  expect(direction).toBe('restore');
  expect(panels).toEqual(
    ['block_output', 'attention_output', 'mlp_output'].map((component) => ({
      kind: 'sweep',
      component,
      by: 'position',
      window: 1,
      positions: [0, 1, 2, 3],
    })),
  );
  const run = (tokens: readonly number[]) => ({ start: { kind: 'tokens', tokens }, tokens });
  expect(cases).toEqual([
    { pair: 0, base: run([0, 1, 5, 1]), source: run([0, 1, 5, 2]), firstDifference: 3, sharesInput: true },
  ]);
  expect(pairs[0]).toMatchObject({ answer: { id: 1, text: ' Mary' }, distractor: { id: 2, text: ' John' } });
});

test('a named sender that some of the receivers do not follow is said, and one of all heads is not', () => {
  const receivers = [
    { component: 'head_query_output', heads: [[1, 2]] },
    { component: 'head_query_output', heads: [[2, 0]] },
    { component: 'logits' },
  ];
  const senders = [
    [0, 1],
    [1, 3],
  ];
  expect(
    path({ receivers, senders }).notices.filter(({ code }) => code === 'sender-without-receiver'),
  ).toEqual([
    {
      code: 'sender-without-receiver',
      text: "No way leads from [1, 3] to 'head_query_output' of [1, 2], which does not come after: no effect is shown there.",
    },
  ]);
  expect(path({ receivers }).notices.map(({ code }) => code)).not.toContain('sender-without-receiver');
});

test('components made of heads are swept by head, keys and values by those that heads share', () => {
  const { panels } = patch({
    sweeps: [
      { component: 'head_query_output' },
      { component: 'head_key_output' },
      { component: 'attention_weight' },
    ],
  });
  expect(panels.map(({ by, heads, positions }) => ({ by, heads, positions }))).toEqual([
    { by: 'head', heads: [0, 1, 2, 3], positions: 'all' },
    { by: 'head', heads: [0, 1], positions: 'all' },
    { by: 'head', heads: [0, 1, 2, 3], positions: 'all' },
  ]);
});

test('paths lead from every head to the prediction, from the corrupted run into the clean one', () => {
  const { direction, panels } = path();
  expect(direction).toBe('corrupt');
  expect(panels).toEqual([
    {
      kind: 'path',
      component: 'head_attention_value_output',
      by: 'head',
      window: 1,
      heads: [0, 1, 2, 3],
      positions: 'all',
      receiver: { component: 'logits' },
      freezesMlps: false,
    },
  ]);
});

test('what several pairs have in common is reported once', () => {
  const { notices } = patch({
    pairs: [pair, { ...pair, answer: ' John met' }, { ...pair, answer: ' her her' }].map(
      ({ distractor: _, ...rest }) => rest,
    ),
  });
  expect(notices).toEqual([
    {
      code: 'answer-of-several-tokens',
      text: 'Pair 2: " John met" has 2 tokens; its first, " John", is the answer. (So it is with 2 of 3 pairs.)',
    },
  ]);
});

test('a prompt that ends with a space is reported', () => {
  const spaced = { clean: 'When Mary met John ', corrupted: 'When Mary met Mary ' };
  const { notices } = patch({ pairs: [spaced] });
  expect(notices.map(({ code }) => code)).toEqual(['trailing-space']);
  expect(notices[0]?.text).toMatch(/^The clean prompt ends with a space.* The corrupted prompt ends/);
});

const other = { clean: 'When Mary met John to', corrupted: 'When John met John to' };

describe('what does not fit is refused in one sentence', () => {
  const refused: readonly (readonly [string, () => unknown, string])[] = [
    [
      'unequal token counts',
      () => patch({ pairs: [other, { clean: 'When Mary met', corrupted: 'When John met her' }] }),
      'Pair 2: the clean prompt has 3 tokens, the corrupted one 4 (" Mary" " met" against " John" " met" " her"); they must be as many. Choose words of as many tokens, or give token ids.',
    ],
    [
      'prompts that are the same',
      () => patch({ pairs: [{ clean: 'When Mary', corrupted: 'When Mary' }] }),
      'Pair 1: the clean prompt and the corrupted one are the same',
    ],
    ['no pair', () => patch({ pairs: [] }), "'pairs': There is no pair; give at least one"],
    [
      'a corrupted prompt that is not there',
      () => patch({ pairs: [{ clean: 'When Mary' }] }),
      "'pairs.0.corrupted' is missing: a patch takes its activations from there. Give a corrupted prompt, or an ablation.",
    ],
    [
      'a distractor for some',
      () => patch({ pairs: [pair, other] }),
      'Pair 2 has no distractor, and others have one. Give every pair one, or none.',
    ],
    [
      'a distractor that is the answer',
      () => patch({ pairs: [{ ...pair, distractor: ' Mary' }] }),
      'Pair 1: answer and distractor are both " Mary"',
    ],
    [
      'an unknown component',
      () => patch({ sweeps: [{ component: 'mlp_outputs' }] }),
      "Component 'mlp_outputs' does not exist in llama. Did you mean 'mlp_output'",
    ],
    [
      'a name of TransformerLens',
      () => patch({ sweeps: [{ component: 'resid_pre' }] }),
      "'sweeps.0': what TransformerLens calls 'resid_pre' is 'block_input' here.",
    ],
    [
      'a component that the model has once',
      () => patch({ sweeps: [{ component: 'logits' }] }),
      "'sweeps.0': 'logits' exists once in the model",
    ],
    [
      'a sweep by head of a component without heads',
      () => patch({ sweeps: [{ component: 'mlp_output', by: 'head' }] }),
      "'sweeps.0.by' is 'head', but 'mlp_output' has no heads. Sweep it by 'position'.",
    ],
    [
      'a sweep by head of a component that has a per-head form',
      () => patch({ sweeps: [{ component: 'query_output', by: 'head-position' }] }),
      "'sweeps.0.by' is 'head-position', but 'query_output' has no heads. Take 'head_query_output', or sweep by position.",
    ],
    [
      'heads where there are none',
      () => patch({ sweeps: [{ component: 'value_output', heads: [0] }] }),
      "Component 'value_output' has no heads to choose from. Its per-head form, where it has one, is 'head_value_output'.",
    ],
    [
      'a head that does not exist',
      () => patch({ sweeps: [{ component: 'block_output' }, { component: 'head_key_output', heads: [2] }] }),
      "'sweeps.1.heads' names head 2, but 'head_key_output' has heads 0 to 1 in this model.",
    ],
    [
      'a position out of range',
      () => patch({ sweeps: [{ component: 'mlp_output', positions: [1, 4] }] }),
      "'sweeps.0.positions' names position 4, but the prompt has positions 0 to 3.",
    ],
    [
      'a window wider than the model',
      () => patch({ sweeps: [{ component: 'mlp_output', window: 4 }] }),
      "'sweeps.0.window' is 4, but the model has 3 layers. Give 1 to 3.",
    ],
    [
      'positions of prompts that are not as long',
      () => patch({ pairs: [{ clean: 'When Mary', corrupted: 'When John' }, other] }),
      "'sweeps.0' is by position, but the pairs have 2 and 5 tokens, so their positions do not correspond. Sweep by head, or give pairs of one length.",
    ],
    [
      'an ablation that restores',
      () => patch({ pairs: [{ clean: 'When Mary' }], direction: 'restore', ablation: { kind: 'zero' } }),
      "'direction': An ablation is of the clean run and restores nothing; leave the direction out, or make it 'corrupt'.",
    ],
    [
      'an ablation beside corrupted prompts',
      () => patch({ ablation: { kind: 'zero' } }),
      "'ablation': An ablation takes nothing from a corrupted prompt",
    ],
    [
      'a prompt to be resampled of another length',
      () =>
        patch({
          pairs: [{ clean: 'When Mary met' }],
          ablation: { kind: 'resample', prompts: ['When John met', 'When John'] },
        }),
      'Prompt 2 of the ablation has 2 tokens, the clean prompt 3; to be resampled they must be as many.',
    ],
    [
      'more draws than prompts',
      () =>
        patch({
          pairs: [{ clean: 'When Mary' }],
          ablation: { kind: 'resample', prompts: ['When Mary', 'When John'], samples: 2 },
        }),
      "The ablation draws 2 prompts for pair 1, but 1 of its prompts is not the clean one. Give more prompts, or lower 'samples'.",
    ],
    [
      'a mean of patterns of several lengths',
      () =>
        patch({
          pairs: [{ clean: 'When Mary' }],
          ablation: { kind: 'mean', prompts: ['When Mary met'] },
          sweeps: [{ component: 'attention_weight' }],
        }),
      "'attention_weight' is of pairs of positions, and has no mean over prompts of different lengths (3, 2 tokens).",
    ],
    [
      'a receiver that reads nothing from heads',
      () => path({ receivers: [{ component: 'head_query_outputs', heads: [[1, 0]] }] }),
      "'receivers.0.component' is 'head_query_outputs', which does not receive a path. Did you mean 'head_query_output'",
    ],
    [
      'a receiver without its heads',
      () => path({ receivers: [{ component: 'logits' }, { component: 'head_query_output' }] }),
      "'receivers.1.heads' is missing: name the heads whose 'head_query_output' receives",
    ],
    [
      'receivers that nothing comes before',
      () => path({ receivers: [{ component: 'head_query_output', heads: [[0, 1]] }] }),
      "'receivers.0.heads' are all in layer 0, and no head comes before them.",
    ],
    [
      'a receiver of a layer that does not exist',
      () => path({ receivers: [{ component: 'head_query_output', heads: [[9, 1]] }] }),
      "'receivers.0.heads' names layer 9, but the model has layers 0 to 2. A head is written [layer, head].",
    ],
    [
      'a sender that no receiver comes after',
      () =>
        path({
          senders: [
            [0, 1],
            [1, 0],
            [2, 3],
          ],
          receivers: [1, 2].map((layer) => ({ component: 'head_query_output', heads: [[layer, 1]] })),
        }),
      "'senders' names [2, 3], and no receiver comes after it. Leave it out, or name receivers in later layers.",
    ],
    [
      'a sender that does not exist',
      () => path({ senders: [[1, 4]] }),
      "'senders' names head 4, but 'head_attention_value_output' has heads 0 to 3 in this model.",
    ],
  ];
  test.each(refused)('%s', (_, attempt, sentence) => {
    expect(attempt).toThrow(sentence);
  });
});
