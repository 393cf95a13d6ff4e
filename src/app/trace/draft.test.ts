import { expect, test } from 'vitest';
import { readTraceExperiment } from '../../experiments/trace/experiment.ts';
import { experimentKey } from '../experiment/key.ts';
import { blankTrace, documentOf, subjectOf, type TraceDocument, withPrompt } from './document.ts';
import { deriveTrace, sharedTrace, type TraceDraft } from './draft.ts';
import { streamsOf } from './streams.ts';

const tokensOf = (...texts: readonly string[]) =>
  texts.map((text, id) => ({ id, text, isSpecial: /^<\|.*\|>$/.test(text) }));

const model = { label: 'tiny', layerCount: 8, maxPositions: 128 };
const prompt = 'The Eiffel Tower is in';
const tokens = tokensOf('The', ' E', 'iffel', ' Tower', ' is', ' in');
const surroundings = { model, tokens: [tokens] };
const document: TraceDocument = {
  ...blankTrace,
  prompt,
  subject: { kind: 'passage', text: 'Eiffel Tower', near: 4 },
};
const derive = (change: Partial<TraceDocument> = {}, around = surroundings): TraceDraft =>
  deriveTrace({ ...document, ...change }, around);
const problem = (change: Partial<TraceDocument>, around = surroundings): string | undefined =>
  [...derive(change, around).problems.values()][0];
const whole = ({ experiment }: TraceDraft) => {
  if (experiment === null) throw new Error('this draft is whole');
  return experiment;
};

test('the controls and the experiment say the same, both ways', () => {
  const set: TraceDocument = {
    ...document,
    answer: { token: ' Paris', prompt },
    distractor: { token: 7, prompt },
    level: '2.5',
    samples: '4',
    seed: '12',
    direction: 'corrupt',
    streams: document.streams.map((stream) => ({
      ...stream,
      window: '2',
      isOn: stream.component !== 'attention_output',
    })),
  };
  const own = whole(derive(set));
  // Through the schema, as a link or a file goes.
  const experiment = readTraceExperiment(JSON.parse(JSON.stringify(own)));
  expect(experiment).toMatchObject({
    subject: [1, 4],
    corruption: { kind: 'noise', level: { standardDeviations: 2.5 }, samples: 4, seed: 12 },
  });
  const back = derive(documentOf(experiment, null));
  expect(experimentKey(whole(back))).toBe(experimentKey(own));
});

const t5 = {
  ...model,
  family: 't5',
  architecture: 't5',
  isCausal: true,
  reads: { kind: 'text' },
  width: 8,
  headCount: 2,
  vocabularySize: 32,
  parameterCount: 1,
  weightBytes: 4,
  components: [
    { name: 'encoder.block_output', layers: 12, shape: [], description: '', feeds: [] },
    { name: 'block_output', layers: 4, shape: [], description: '', feeds: [] },
  ],
} as const;

test('a model of two stacks is given a target, and its source is put back in windows of its own stack', () => {
  const own = whole(derive({ target: 'Die' }, { model: t5, tokens: [tokens] }));
  expect(own).toMatchObject({ prompt, target: 'Die', subject: [1, 4] });
  expect(own.streams?.map(({ component, window }) => [component, window])).toEqual([
    ['block_output', 1],
    ['mlp_output', 3],
    ['attention_output', 3],
    ['encoder.block_output', 1],
  ]);
  // A model of one stack has no use for the target that stands in the document.
  const { reads: _, ...gpt2 } = t5;
  expect(whole(derive({ target: 'Die' }, { model: gpt2, tokens: [tokens] })).target).toBeUndefined();
});

test('a file of two stacks is opened as it is: what it does not name is not put back', () => {
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt,
    target: 'Die',
    subject: 'Eiffel Tower',
    streams: [{ component: 'cross_attention_output', window: 2 }],
  });
  const opened = whole(deriveTrace(documentOf(experiment, null), { model: t5, tokens: [tokens] }));
  expect(opened.streams).toEqual([{ component: 'cross_attention_output', window: 2 }]);
  expect(experimentKey(opened)).toBe(experimentKey(readTraceExperiment({ ...experiment, subject: [1, 4] })));
});

test('streams that nobody chose are what a state-space model has in their place, there and back', () => {
  const component = (name: string) => ({ name, layers: 4, shape: [], description: '', feeds: [] });
  const { reads: _, ...text } = t5;
  const mamba = { ...text, components: ['block_output', 'mixer_output', 'ssm_output'].map(component) };
  const shown = streamsOf(blankTrace, mamba);
  expect(shown.map(({ component }) => component)).toEqual(['block_output', 'mixer_output', 'ssm_output']);
  const transformer = {
    ...text,
    components: streamsOf(blankTrace, null).map(({ component: name }) => component(name)),
  };
  expect(streamsOf({ streams: shown, streamsFor: null }, transformer)).toEqual(blankTrace.streams);
});

test('an example of a model of text leaves the source of another model to be put back', () => {
  const opened = documentOf(readTraceExperiment({ ...whole(derive()), model: 'other' }), null);
  const { streams } = whole(deriveTrace(opened, { model: t5, tokens: [tokens] }));
  expect(streams?.map(({ component }) => component)).toContain('encoder.block_output');
});

test('a picture is needed where one is read, its middle is the subject until another part is marked', () => {
  const vit = { ...t5, reads: { kind: 'image', patches: { across: 8, down: 4 }, isAlone: true } } as const;
  const around = { model: vit, tokens: [null] };
  const blank = { prompt: '', subject: { kind: 'guessed' } } as const;
  const image = { name: 'street.png', data: 'AAAA' };
  const reading = (change: Partial<TraceDocument>) =>
    deriveTrace({ ...document, ...blank, ...change }, around);
  expect(reading({}).problems.get('given')).toMatch(/^This model reads a picture\. Choose one/);
  expect(reading({ image: { name: 'street.png' } }).problems.get('given')).toMatch(
    /which a link does not hold/,
  );
  expect(whole(reading({ image }))).toMatchObject({ prompt: '', image, subject: { patches: [2, 1, 6, 3] } });
  const marked = { kind: 'patches', box: [0, 0, 2, 1] } as const;
  expect(whole(reading({ image, subject: marked })).subject).toEqual({ patches: [0, 0, 2, 1] });
  expect(reading({ image, parts: '0' }).problems.get('parts')).toMatch(/whole number from 1 to 64/);
  expect(reading({ image, corruption: 'exchange' }).problems.get('other')).toMatch(
    /Choose the other picture/,
  );
  const other = { name: 'other.png', data: 'BBBB' };
  expect(whole(reading({ image, corruption: 'exchange', other })).corruption).toEqual({
    kind: 'exchange',
    with: other,
  });
});

test('a question about a picture is corrupted in its words or its patches, with the picture and the answer so far beside it', () => {
  const component = (name: string) => ({ name, layers: 4, shape: [], description: '', feeds: [] });
  const asked = {
    ...t5,
    reads: { kind: 'image', patches: { across: 8, down: 4 }, isAsked: true },
    components: ['vision.block_output', 'question.block_output', 'block_output'].map(component),
  } as const;
  const around = { model: asked, tokens: [tokens] };
  const image = { name: 'street.png', data: 'AAAA' };
  expect(derive({}, around).problems.get('given')).toMatch(/^This model reads a picture\. Choose one/);
  expect(derive({ image, prompt: '' }, around).problems.get('prompt')).toBe('Type a prompt to trace.');
  const own = whole(derive({ image, target: 'Die', parts: '3' }, around));
  expect(own).toMatchObject({ prompt, image, target: 'Die', subject: [1, 4], parts: 3 });
  const put = own.streams?.map(({ component: name }) => name);
  expect(put).toContain('question.block_output');
  expect(put).not.toContain('vision.block_output');
  const marked = { kind: 'patches', box: [0, 0, 1, 1] } as const;
  const seen = whole(derive({ image, subject: marked }, around));
  expect(seen).toMatchObject({ prompt, subject: { patches: [0, 0, 1, 1] } });
  expect(seen.streams?.map(({ component: name }) => name)).toContain('vision.block_output');
});

test('an experiment is another one when a number would differ, and not for its title', () => {
  const own = whole(derive());
  const key = experimentKey(own);
  expect(experimentKey({ ...own, title: 'Another' })).toBe(key);
  expect(experimentKey(whole(derive({ subject: { kind: 'passage', text: 'Tower', near: 0 } })))).not.toBe(
    key,
  );
  expect(experimentKey(whole(derive({ answer: { token: ' Rome', prompt } })))).not.toBe(key);
});

test('what cannot be run is refused in a sentence that says what would be right', () => {
  expect(problem({})).toBeUndefined();
  expect(problem({ prompt: '  ' })).toBe('Type a prompt to trace.');
  expect(
    problem({ prompt: '🗼.', subject: { kind: 'guessed' } }, { model, tokens: [tokensOf('🗼', '.')] }),
  ).toMatch(/^Mark the subject/);
  expect(problem({ level: '0' })).toMatch(/^A level of 0 corrupts nothing/);
  expect(problem({ level: 'much' })).toMatch(/must be a number/);
  expect(problem({ samples: '0' })).toMatch(/^At least 1 sample/);
  expect(problem({ samples: '10000' })).toMatch(/^At most 1,000 samples/);
  expect(problem({ samples: '2.5' })).toMatch(/whole number/);
  expect(problem({ seed: '-1' })).toMatch(/^The seed/);
  expect(problem({ corruption: 'replace' })).toMatch(/in the subject’s place/);
  expect(problem({ streams: [] })).toBe('Choose at least one stream.');
  expect(problem({ streams: [{ component: 'mlp_output', isOn: true, window: '0' }] })).toMatch(/at least 1/);
  const many = {
    model,
    tokens: [Array.from({ length: 300 }, (_, id) => ({ id, text: 'a', isSpecial: false }))],
  };
  expect(problem({}, many)).toBe('The prompt has 300 tokens; a trace here takes at most 128.');
});

test('a control that is not in use does not stand in the way', () => {
  expect(problem({ corruption: 'zero', level: 'x', samples: '' })).toBeUndefined();
  expect(problem({ levelUnit: 'number', level: '0,13' })).toBeUndefined();
});

test('a subject is kept by its characters when another model splits them otherwise', () => {
  const other = {
    model: { ...model, label: 'other' },
    tokens: [tokensOf('The', ' Eif', 'fel', ' Tow', 'er', ' is', ' in')],
  };
  expect(derive({}, other)).toMatchObject({ subject: [1, 5], isSubjectGuessed: false });
});

test('the text of a subject is looked for as it stands, as the command line does', () => {
  const text = 'Other than the Tower';
  const around = { model, tokens: [tokensOf('<|begin|>', 'Other', ' than', ' the', ' Tower')] };
  const experiment = readTraceExperiment({
    kind: 'trace',
    version: 1,
    model: 'tiny',
    prompt: text,
    subject: ' the',
  });
  expect(deriveTrace(documentOf(experiment, null), around).subject).toEqual([3, 4]);
  const inSpecial = { ...experiment, subject: 'begin' };
  expect(deriveTrace(documentOf(inSpecial, null), around)).toMatchObject({ isSubjectGuessed: true });
});

test('a special token can be marked by hand, for the model that has it', () => {
  const special = tokensOf('<|begin|>', 'The', ' Tower', ' is');
  const subject = subjectOf('The Tower is', special, [0, 1], 'tiny');
  const marked = { ...blankTrace, prompt: 'The Tower is', subject };
  expect(deriveTrace(marked, { model, tokens: [special] }).subject).toEqual([0, 1]);
  const other = { model: { ...model, label: 'other' }, tokens: [tokensOf('The', ' Tower', ' is')] };
  expect(deriveTrace(marked, other)).toMatchObject({ subject: [1, 2], isSubjectGuessed: true });
});

test('a marked subject moves with its words, is guessed while they are gone, and comes back with them', () => {
  const marked: TraceDocument = { ...document, subject: { kind: 'passage', text: 'Tower', near: 11 } };
  const longer = withPrompt(marked, 'Look, the Eiffel Tower is in');
  expect(longer.subject).toMatchObject({ near: 17 });
  const gone = withPrompt(marked, 'The Eiffel Tow');
  expect(deriveTrace(gone, { model, tokens: [tokensOf('The', ' Eiffel', ' Tow')] }).isSubjectGuessed).toBe(
    true,
  );
  expect(derive(withPrompt(gone, prompt))).toMatchObject({ subject: [3, 4], isSubjectGuessed: false });
});

test('windows that nobody typed are the usual ones of whatever model is in use', () => {
  const windows = (layerCount: number) =>
    whole(derive({}, { ...surroundings, model: { ...model, layerCount } })).streams?.map(
      ({ window }) => window,
    );
  expect(windows(48)).toEqual([1, 10, 10]);
  expect(windows(6)).toEqual([1, 2, 2]);
});

test('a link says a subject by its text, and by its tokens only where the text occurs before', () => {
  const text = 'the cat and the cat';
  const around = { model, tokens: [tokensOf('the', ' cat', ' and', ' the', ' cat')] };
  const at = (near: number) => {
    const draft = deriveTrace(
      { ...blankTrace, prompt: text, subject: { kind: 'passage', text: 'cat', near } },
      around,
    );
    return sharedTrace(whole(draft), around);
  };
  expect(at(4).subject).toBe('cat');
  expect(at(16).subject).toEqual([4, 5]);
  expect(at(4).streams).toEqual([
    { component: 'block_output' },
    { component: 'mlp_output' },
    { component: 'attention_output' },
  ]);
});

test('a link keeps a window that is not the usual one of its own stack', () => {
  const component = (name: string, layers: number) => ({ name, layers });
  const stacks = {
    ...model,
    layerCount: 12,
    components: [component('encoder.mlp_output', 6), component('mlp_output', 6)],
  };
  const experiment = {
    ...whole(derive({})),
    target: 'the',
    streams: [
      { component: 'mlp_output', window: 4 },
      { component: 'encoder.mlp_output', window: 2 },
    ],
  };
  const shared = (known: unknown) =>
    sharedTrace(experiment, { model: known as typeof model, tokens: [] }).streams; // Only depths are read of it.
  expect(shared(stacks)).toEqual([
    { component: 'mlp_output', window: 4 },
    { component: 'encoder.mlp_output' },
  ]);
  expect(shared({ ...model, layerCount: 12 })).toEqual(experiment.streams);
});
