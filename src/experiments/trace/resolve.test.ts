import { describe, expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { expectedTokenizer } from '../../checkpoint/expected/smallTokenizers.ts';
import { tinyConfigurations } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { placedPrompt } from '../promptText.ts';
import { readTraceExperiment, type TraceExperimentFile } from './experiment.ts';
import { resolveTrace } from './resolve.ts';

/** Tokens of a made-up vocabulary; the euro sign is three tokens that are no characters alone. */
const vocabulary = [
  '<s>',
  'The',
  ' Eiffel',
  ' Tower',
  ' is',
  ' in',
  ' Par',
  'is',
  ' ',
  '\xe2',
  '\x82',
  '\xac',
  ' שלום',
  '!',
];

const bytesOf = (text: string) =>
  /^[\x80-\xff]$/.test(text) ? [text.charCodeAt(0)] : [...new TextEncoder().encode(text)];

/** Greedy longest match; the text of all bytes together, as byte-level tokenizers decode. */
const tokenizer: Tokenizer = {
  vocabularySize: vocabulary.length,
  encode: (text) => {
    const ids: number[] = [];
    let rest = [...new TextEncoder().encode(text)];
    while (rest.length > 0) {
      const fits = vocabulary
        .map((token, id) => ({ id, bytes: bytesOf(token) }))
        .filter(({ bytes }) => bytes.every((byte, i) => rest[i] === byte))
        .sort((a, b) => b.bytes.length - a.bytes.length);
      const [best] = fits;
      if (!best) throw new Error(`no token begins '${text}'`);
      ids.push(best.id);
      rest = rest.slice(best.bytes.length);
    }
    return ids;
  },
  places: (text) => placedPrompt(tokenizer.encode(text), tokenizer).places,
  decode: (ids) =>
    new TextDecoder().decode(Uint8Array.from(ids.flatMap((id) => bytesOf(vocabulary[id] ?? '')))),
  tokenText: (id) => vocabulary[id] ?? '',
  isSpecial: (id) => id === 0,
};

const architecture = describeArchitecture(tinyConfigurations.gpt2, new Set());

const resolve = (more: Partial<TraceExperimentFile> = {}) =>
  resolveTrace(
    architecture,
    tokenizer,
    readTraceExperiment({
      kind: 'trace',
      version: 1,
      model: 'tiny',
      prompt: 'The Eiffel Tower is in',
      subject: 'Eiffel Tower',
      ...more,
    }),
  );

describe('the subject', () => {
  test('is found by its text, with or without the space before it', () => {
    expect(resolve().subject).toEqual([1, 3]);
    expect(resolve({ subject: ' Eiffel Tower' }).subject).toEqual([1, 3]);
    expect(resolve({ subject: 'iff' }).subject).toEqual([1, 2]);
  });

  test('is not found in a special token, which the template put before the prompt', async () => {
    const split = await expectedTokenizer('split');
    const large = describeArchitecture({ ...tinyConfigurations.gpt2, vocab_size: 400 }, new Set());
    const marked = (subject: string) => {
      const experiment = readTraceExperiment({
        kind: 'trace',
        version: 1,
        model: 'tiny',
        prompt: 'gin of the town',
        subject,
      });
      const { tokens, subject: range } = resolveTrace(large, split, experiment);
      return tokens.slice(...(range ?? [])).map((id) => split.tokenText(id));
    };
    // The template's token is <|endoftext|>.
    expect(marked('of')).toEqual([' of']);
    expect(() => marked('end')).toThrow(/'end' does not occur in the prompt/);
  });

  test('covers all tokens of a character that several tokens make up', () => {
    const { tokens, subject } = resolve({ prompt: 'The € is', subject: '€' });
    expect(tokens).toEqual([1, 8, 9, 10, 11, 4]);
    expect(subject).toEqual([2, 5]);
  });

  test('may be written from right to left', () => {
    expect(resolve({ prompt: 'The שלום is', subject: 'שלום' }).subject).toEqual([1, 2]);
  });

  test('may span all, and then a notice says what that means', () => {
    const { subject, notices } = resolve({ prompt: 'The', subject: 'The' });
    expect(subject).toEqual([0, 1]);
    expect(notices.map(({ code }) => code)).toEqual(['subject-is-last']);
  });
});

test('defaults are those of the published procedure', () => {
  const { samples, direction, positions, experiment } = resolve();
  expect({ samples, direction }).toEqual({ samples: 10, direction: 'restore' });
  expect(experiment.corruption).toEqual({
    kind: 'noise',
    level: { standardDeviations: 3 },
    samples: 10,
    seed: 1,
  });
  for (const [layers, window] of [
    [48, 10],
    [30, 10],
    [8, 3],
    [1, 1],
  ] as const) {
    const deep = describeArchitecture({ ...tinyConfigurations.gpt2, n_layer: layers }, new Set());
    expect(resolveTrace(deep, tokenizer, experiment).streams).toEqual([
      { component: 'block_output', window: 1 },
      { component: 'mlp_output', window },
      { component: 'attention_output', window },
    ]);
  }
  expect(positions).toEqual([0, 1, 2, 3, 4]);
});

test('a state-space model is traced by what it has in the place of MLP and attention, unless streams are named', () => {
  const mamba = describeArchitecture(
    { model_type: 'mamba', hidden_size: 8, num_hidden_layers: 12, vocab_size: vocabulary.length },
    new Set(),
  );
  const unnamed = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model: 'm',
    prompt: 'The Eiffel Tower is',
    subject: ' Eiffel',
  });
  const { streams, experiment } = resolveTrace(mamba, tokenizer, unnamed);
  expect(streams).toEqual([
    { component: 'block_output', window: 1 },
    { component: 'mixer_output', window: 4 },
    { component: 'ssm_output', window: 4 },
  ]);
  // A result holds the experiment as it was given, by which an unfinished one is known again.
  expect(experiment).toBe(unnamed);
  // The usual streams with a window, as the command line asks for them.
  const wide = ['block_output', 'mlp_output', 'attention_output'].map((component) => ({
    component,
    window: 2,
  }));
  expect(resolveTrace(mamba, tokenizer, { ...unnamed, streams: wide }).streams).toEqual(
    ['block_output', 'mixer_output', 'ssm_output'].map((component) => ({ component, window: 2 })),
  );
  expect(() =>
    resolveTrace(mamba, tokenizer, { ...unnamed, streams: [{ component: 'mlp_output' }] }),
  ).toThrow("'mixer_output' is what its one sublayer adds");
});

test('an answer of several tokens is its first token, and a notice says so', () => {
  const { answer, notices } = resolve({ answer: ' Paris' });
  expect(answer).toEqual({ id: 6, text: ' Par' });
  expect(notices.map(({ text }) => text)).toEqual([
    '" Paris" has 2 tokens; its first, " Par", is the answer.',
  ]);
});

test('a space at the end of the prompt is noticed', () => {
  expect(resolve({ prompt: 'The Eiffel Tower is in ' }).notices[0]?.code).toBe('trailing-space');
});

test.each<[string, Partial<TraceExperimentFile>, string]>([
  ['an empty prompt', { prompt: '' }, 'The prompt has no tokens. Give at least one word.'],
  [
    'a subject that is not there',
    { subject: 'Louvre' },
    "The subject 'Louvre' does not occur in the prompt.",
  ],
  ['an empty range', { subject: [2, 2] }, "The subject's range [2, 2] is empty"],
  ['a range past the end', { subject: [2, 9] }, 'reaches past the prompt, which has 5 tokens'],
  [
    'too long a prompt',
    { prompt: new Array(25).fill(1) as number[], subject: [0, 1] },
    'has 25 tokens, but this model has 24 positions',
  ],
  ['an unknown token', { prompt: [1, 99], subject: [0, 1] }, 'Token 99 does not exist'],
  [
    'an answer outside the vocabulary',
    { answer: 31 },
    'Token 31, the answer, does not exist: the vocabulary has ids 0 to 30.',
  ],
  ['an unknown component', { streams: [{ component: 'mlp_ouput' }] }, "Did you mean 'mlp_output'"],
  [
    'a component of the whole model',
    { streams: [{ component: 'logits' }] },
    "'logits' exists once in the model",
  ],
  [
    'heads where there are none',
    { streams: [{ component: 'mlp_output', heads: [0] }] },
    'has no heads to choose from',
  ],
  ['a head that does not exist', { streams: [{ component: 'head_value_output', heads: [4] }] }, 'Head 4'],
  [
    'a position past the end',
    { positions: [5] },
    'Position 5 does not exist: the prompt has positions 0 to 4.',
  ],
  [
    'a replacement of another length',
    { corruption: { kind: 'replace', tokens: ' Eiffel' } },
    'The replacement has 1 token (" Eiffel"), the subject 2',
  ],
])('%s is refused in a sentence', (_, more, message) => {
  expect(() => resolve(more)).toThrow(message);
});

test.each<[string, unknown, string]>([
  ['no object', 7, 'This is not an experiment of Patchbay'],
  ['another kind', { kind: 'trade', version: 1 }, "The kind 'trade' is not 'trace'. Did you mean 'trace'?"],
  [
    'a newer version',
    { kind: 'trace', version: 2 },
    "This 'trace' has version 2, and this Patchbay reads up to 1.",
  ],
  [
    'no samples',
    { corruption: { kind: 'noise', samples: 0 } },
    "'corruption.samples': There must be at least 1 sample",
  ],
  [
    'too many samples',
    { corruption: { kind: 'noise', samples: 10_000 } },
    'There can be at most 1000 samples',
  ],
  ['level 0', { corruption: { kind: 'noise', level: 0 } }, 'A level must be above 0'],
  [
    'a window of no width',
    { streams: [{ component: 'mlp_output', window: 0 }] },
    "'streams.0.window': A window must be at least 1 layer wide",
  ],
  ['a key that does not exist', { windows: 3 }, "'windows'"],
])('a file with %s is refused in a sentence', (_, more, message) => {
  const file =
    typeof more === 'object'
      ? { kind: 'trace', version: 1, model: 'tiny', prompt: 'The', subject: 'The', ...more }
      : more;
  expect(() => readTraceExperiment(file)).toThrow(message);
});

test('a model without a tokenizer takes token ids', () => {
  const file = { kind: 'trace', version: 1, model: 'tiny', prompt: [1, 2], subject: [0, 1] } as const;
  expect(resolveTrace(architecture, undefined, readTraceExperiment(file)).tokenTexts).toEqual(['#1', '#2']);
  const text = readTraceExperiment({ ...file, prompt: 'The' });
  expect(() => resolveTrace(architecture, undefined, text)).toThrow(
    'This model brings no tokenizer, so the prompt must be given as token ids.',
  );
});
