import { expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import { readInterveneExperiment } from '../../experiments/intervene/experiment.ts';
import { tinyT5 } from '../../runtime/fixtures/tinyCheckpoint.ts';
import { modelInfo } from '../../worker/modelInfo.ts';
import type { ModelInfo, ModelReads, TokenInfo } from '../../worker/protocol.ts';
import { givenAt, isGiven, missingAt } from './beside.ts';
import { emptyDocument, swappedRuns, withBeside, withoutSource, withPairs } from './document.ts';
import { draftOf, lengthIn } from './draft.ts';
import { whyNotFit } from './fitting.ts';
import { documentOf, experimentIn } from './opened.ts';
import { patchPage } from './page.ts';
import { documentFor, whyNotFor } from './promptExamples.ts';
import { withoutEmpty } from './reading.ts';
import { pairKeyOf } from './socketStore.ts';
import { isAtSocket, placeOf } from './sockets.ts';
import { columnsAt, inputUnits, lengthsOf, unitsAt } from './stacks.ts';
import { patchExperimentOf, shownPair } from './sweeps.ts';

const tokens = (...ids: readonly number[]): readonly TokenInfo[] =>
  ids.map((id) => ({ id, text: `w${id}`, isSpecial: false }));

/** What the engine says of a model of these options. */
function infoOf(config: Readonly<Record<string, unknown>>): ModelInfo {
  const architecture = describeArchitecture(config, new Set());
  return modelInfo({
    model: { architecture, parameterCount: 1, heldBytes: 1, residencyReason: undefined, fingerprint: 'f' },
    checkpoint: { label: 'small' },
    tokenizer: { tokenText: (id) => `w${id}` },
    notices: [],
  });
}
const t5 = infoOf(tinyT5);
const vit = infoOf({
  ...{ model_type: 'vit', num_hidden_layers: 2, image_size: 32, patch_size: 2, hidden_size: 16 },
  ...{ num_attention_heads: 4, id2label: { 0: 'cat', 1: 'dog' } },
});
const image = (name: string) => ({ name, sha256: '0'.repeat(64), data: 'AAAA' });

const twoTexts = withBeside(
  withBeside({ ...emptyDocument, base: 'a b c', sources: ['a d c e'] }, 0, { target: 'x' }),
  1,
  { target: 'y z' },
);
const prediction = {
  tokens: [],
  candidates: [{ ...tokens(5)[0], id: 5, text: 'w5', isSpecial: false, probability: 1, logit: 1 }],
  elapsedMs: 1,
};
const other = {
  ...prediction,
  candidates: [{ id: 6, text: 'w6', isSpecial: false, probability: 1, logit: 1 }],
};
const readings = [
  { text: 'a b c', tokens: tokens(1, 2, 3), written: tokens(0, 9), prediction },
  { text: 'a d c e', tokens: tokens(1, 4, 3, 8), written: tokens(0, 7, 9), prediction: other },
];

test('each stack has its own positions, lengths and matches', () => {
  const draft = draftOf(twoTexts, readings, t5);
  expect(draft.tokens?.lengths).toEqual([
    { encoder: 3, main: 2 },
    { encoder: 4, main: 3 },
  ]);
  expect(draft.unitsOf('base', 'encoder.block_output').map(({ text }) => text)).toEqual(['w1', 'w2', 'w3']);
  expect(draft.unitsOf('source_0', 'block_output').map(({ text }) => text)).toEqual(['w0', 'w7', 'w9']);
  // The keys that the decoder makes of the source have the source's positions.
  expect(draft.unitsOf('base', 'cross_key_output')).toHaveLength(3);
  expect(draft.matchingOf('encoder.block_output')).toEqual([0, 1, 2]);
  expect(draft.matchingOf('block_output')).toEqual([0, 2]);
  if (!draft.tokens || !draft.outline) throw new Error('The prompts are read.');
  const length = lengthIn(draft.tokens, draft.outline);
  expect(length({ run: 'source_0', component: 'encoder.block_output' })).toBe(4);
  expect(length({ run: 'base', component: 'block_output' })).toBe(2);
});

test('a cable of an encoder is checked against the source, and one of the decoder against the target', () => {
  const draft = draftOf(twoTexts, readings, t5);
  const { outline, tokens: own } = draft;
  if (!own || !outline) throw new Error('The prompts are read.');
  const at = (run: string, component: string, layer: number, position: number) => ({
    ...{ run, component, layer, positions: [position] },
  });
  const why = (component: string, layer: number, from: number, to: number) =>
    whyNotFit(
      outline,
      twoTexts,
      at('source_0', component, layer, from),
      at('base', component, layer, to),
      own,
    );
  expect(why('encoder.block_output', 2, 3, 2)).toBeNull();
  expect(why('encoder.block_output', 2, 3, 3)).toMatch(/^Position 3 does not exist: .* 0 to 2/);
  expect(why('block_output', 1, 2, 1)).toBeNull();
  expect(why('block_output', 2, 2, 1)).toMatch(/^Layer 2 of 'block_output' does not exist/);
  expect(why('block_output', 1, 3, 1)).toMatch(/^Position 3 does not exist/);
});

test('cables of the decoder are shared by their positions; only all of them wait for what is written', () => {
  const at = (run: string, positions: readonly number[] | 'all') => ({
    ...{ run, component: 'block_output', layer: 1, positions },
  });
  const derived = (positions: readonly number[] | 'all') => {
    const [from, to] = [at('source_0', positions), at('base', positions)];
    const cable = { id: 1, type: 'VanillaIntervention', from, to, settings: {} };
    const surroundings = { model: t5, tokens: readings.map(({ tokens: own }) => own) };
    return patchPage([]).derive({ ...twoTexts, cables: [cable] }, surroundings);
  };
  expect(derived([1])).toMatchObject({
    experiment: { unitLocations: { 'sources->base': [[[[1]]], [[[1]]]] } },
    problems: new Map(),
  });
  expect(derived('all').experiment).toBeNull();
  expect(derived('all').problems.get('cables')).toMatch(
    /^A cable hangs at all positions of 'block_output', .* Name its positions\.$/,
  );
});

test('a picture’s columns are its parts, and a place stands in each that it touches', () => {
  const reads: ModelReads | undefined = vit.reads;
  if (!reads) throw new Error('A ViT reads a picture.');
  expect(reads).toMatchObject({ kind: 'image', positions: 257, isAlone: true });
  const units = inputUnits(reads);
  // Sixteen patches across and down in eight parts each, and the class.
  expect(units).toHaveLength(65);
  expect(units[0]).toMatchObject({ text: 'class', positions: [0] });
  expect(units[10]).toEqual({ id: 10, text: '2·2', words: 'row 2, column 2', positions: [35, 36, 51, 52] });
  expect(columnsAt(units, [36, 0])).toEqual([0, 10]);
  expect(unitsAt({ tokens: [] }, 'main', reads)).toBe(units);
  expect(lengthsOf({ tokens: [] }, reads)).toEqual({ main: 257 });
  // Before it is read there is nothing to take from.
  expect(unitsAt({ tokens: null }, 'main', reads)).toEqual([]);
  expect(lengthsOf({ tokens: null }, reads)).toEqual({ main: 0 });
});

test('a cable ends at the socket of its part, and not at the one whose number is a position of it', () => {
  const { reads } = vit;
  const draft = draftOf(emptyDocument, [], vit);
  const component = draft.outline?.components.find(({ name }) => name === 'block_output');
  if (!reads || !component) throw new Error('A ViT reads a picture.');
  const shelf = { view: emptyDocument.view, component, layerCount: 2, parts: inputUnits(reads) };
  const place = placeOf(shelf, 'base', 1, [10]);
  const ends = shelf.parts.flatMap((_, column) =>
    isAtSocket(shelf, place, { run: 'base', layer: 1, column }) ? [column] : [],
  );
  expect(place.positions).toEqual([35, 36, 51, 52]);
  expect(ends).toEqual([10]);
  expect(isAtSocket(shelf, place, { run: 'base', layer: 0, column: 10 })).toBe(false);
  expect(isAtSocket(shelf, place, { run: 'source_0', layer: 1, column: 10 })).toBe(false);
});

test('a cable from a source without its picture says what it waits for', () => {
  const at = (run: string) => ({ run, component: 'block_output', layer: 1, positions: [3] });
  const cable = { id: 1, type: 'VanillaIntervention', from: at('source_0'), to: at('base'), settings: {} };
  const document = withBeside({ ...emptyDocument, sources: ['a text'], cables: [cable] }, 0, {
    image: image('a.png'),
  });
  const seen = { text: '', tokens: [], prediction };
  const { experiment, misfits } = draftOf(
    document,
    [seen, { text: '', tokens: null, prediction: null }],
    vit,
  );
  expect(experiment).toBeNull();
  expect(misfits).toEqual([
    { id: 1, why: 'The source has no picture yet. Choose it, and the cable acts again.' },
  ]);
  const both = withBeside(document, 1, { image: image('b.png') });
  expect(draftOf(both, [seen, seen], vit)).toMatchObject({ misfits: [], experiment: { kind: 'intervene' } });
});

test('a source that is not read yet is none to take from, and no number belongs to it', () => {
  const watched = { ...twoTexts, answer: 5, distractor: 6 };
  const unread = { text: 'a d c e', tokens: null, written: null, prediction: null };
  const draft = draftOf(watched, [...readings.slice(0, 1), unread], t5);
  expect(draft.tokens && withoutEmpty(draft.tokens)).toEqual({
    ...{ base: [1, 2, 3], sources: [], lengths: [{ encoder: 3, main: 2 }] },
  });
  expect(pairKeyOf(watched, draft)).toBeNull();
  expect(pairKeyOf(watched, draftOf(watched, readings, t5))).not.toBeNull();
});

test('a table of texts and what stands beside one prompt are not swept together', () => {
  const table = withPairs({ ...twoTexts, sources: [...twoTexts.sources, 'c'] }, [
    { clean: 's', corrupted: 'b' },
    { clean: 't', corrupted: 'c' },
  ]);
  // Targets of the prompts before are none of the table's.
  expect(table).toMatchObject({ base: 'b', sources: ['s', 'c'], beside: [] });
  expect(table.pairs).toHaveLength(2);
  const kept = withBeside({ ...twoTexts, sources: ['a', 'b'] }, 2, { target: 'of another' });
  expect(withPairs(kept, [{ clean: 's', corrupted: 'b' }]).beside).toEqual([
    {},
    {},
    { target: 'of another' },
  ]);
  // With a target typed, the pair that is shown is what is swept.
  expect(withBeside(table, 0, { target: 'x' }).pairs).toBeNull();
});

test('what a model does not read is not stated, and what it lacks is said', () => {
  const document = withBeside({ ...emptyDocument, base: 'a' }, 0, { image: image('a.png'), target: 'x' });
  expect(givenAt(document, 0, t5.reads)).toEqual({ prompt: 'a', target: 'x' });
  expect(givenAt(document, 0, vit.reads)).toEqual({ prompt: '', image: image('a.png') });
  expect(givenAt(document, 0, null)).toBe('a');
  expect([0, 1].map((place) => isGiven(document, place, vit.reads))).toEqual([true, false]);
  expect(missingAt(document, 1, vit.reads)).toBe(
    'This model reads a picture. Choose one, or drop it on the page.',
  );
  expect(missingAt(document, 1, t5.reads)).toBe('Type the text that the encoder reads.');
});

test('what stands beside prompts follows them when they change places or go', () => {
  expect(swappedRuns(twoTexts).beside).toEqual([{ target: 'y z' }, { target: 'x' }]);
  const added = { ...twoTexts, sources: ['a d c e', 'new'], against: 1 };
  expect(swappedRuns(added).beside).toEqual([{}, { target: 'y z' }, { target: 'x' }]);
  expect(withoutSource(added, 0).beside).toEqual([{ target: 'x' }]);
  expect(withBeside(withBeside(twoTexts, 0, { target: '' }), 1, { target: undefined }).beside).toEqual([]);
});

test('a document comes back from its experiment, with what stands beside its prompts', () => {
  const experiment = readInterveneExperiment(experimentIn(twoTexts, 'small', t5.reads, null));
  expect(experiment).toMatchObject({ base: { prompt: 'a b c', target: 'x' } });
  expect(documentOf(experiment)).toEqual(twoTexts);
});

test('the pair of a sweep states once what both read, and lengths are those of the stack that is swept', () => {
  const pictures = withBeside(
    withBeside({ ...emptyDocument, sources: [''] }, 0, { image: image('a.png') }),
    1,
    { image: image('b.png') },
  );
  const seen = [
    { text: '', tokens: [], prediction },
    { text: '', tokens: [], prediction: other },
  ];
  expect(shownPair(pictures, draftOf(pictures, seen, vit))).toEqual({
    ...{ clean: '', image: image('b.png'), corruptedImage: image('a.png'), answer: 6, distractor: 5 },
  });
  const draft = draftOf(twoTexts, readings, t5);
  const sweepOf = (name: string) => {
    const component = draft.outline?.components.find((each) => each.name === name);
    if (!component) throw new Error(`There is no ${name}.`);
    return patchExperimentOf(twoTexts, draft, { view: emptyDocument.view, component, layerCount: 3 });
  };
  expect(sweepOf('encoder.block_output')).toMatchObject({
    why: expect.stringContaining('The prompts have 3 and 4 tokens'),
  });
  expect(sweepOf('block_output')).toMatchObject({ why: expect.stringContaining('have 2 and 3 tokens') });
});

test('prompts to begin with are what a model can read', () => {
  const esm = { ...t5, family: 'esm', reads: undefined, isCausal: false, mask: { id: 32, text: '<mask>' } };
  // Left out, as the engine leaves it out.
  const { reads: _, ...masked } = esm;
  expect(documentFor(masked).base).toMatch(/^[A-Z]+<mask>[A-Z]+$/);
  expect(documentFor({ ...masked, family: 'bert' }).base).toBe('The capital of Italy is <mask>.');
  expect(documentFor(t5)).toMatchObject({ view: { component: 'encoder.block_output' } });
  expect(documentFor(vit)).toMatchObject({ base: '', sources: [''] });
  const example = { base: 'After Paul', beside: [] };
  expect(whyNotFor(example, masked, [])).toMatch(/predicts what stands at <mask>, and the base has none/);
  expect(whyNotFor({ ...example, base: 'MK<mask>' }, masked, [])).toBeNull();
  expect(whyNotFor(example, t5, ['After Paul'])).toMatch(/reads more than a text/);
  expect(whyNotFor(example, t5, [])).toBeNull();
});
