import { expect, test } from 'vitest';
import { blankTrace, type TraceDocument } from './document.ts';
import { deriveTrace } from './draft.ts';
import { type Known, traceWarnings } from './warnings.ts';

const token = (id: number, text: string) => ({ id, text, isSpecial: false });
const candidate = (id: number, text: string, probability: number) => ({
  ...token(id, text),
  probability,
  logit: 0,
});
const prompt = 'The Eiffel is';
const tokens = [token(1, 'The'), token(2, ' E'), token(3, 'iffel'), token(4, ' is')];
const tiny = { label: 'tiny', layerCount: 8, maxPositions: 128 };
const draftOf = (document: TraceDocument) => deriveTrace(document, { model: tiny, tokens: [tokens] });
const document: TraceDocument = {
  ...blankTrace,
  prompt,
  subject: { kind: 'passage', text: 'Eiffel', near: 4 },
};
const estimate = { notices: [], targets: [{ answer: null, distractor: null }] };
const known: Known = {
  document,
  draft: draftOf(document),
  isAsOpened: true,
  layerCount: 8,
  estimate,
  prediction: {
    tokens: [],
    candidates: [candidate(9, ' Paris', 0.7), candidate(8, ' Rome', 0.1)],
    elapsedMs: 1,
  },
  result: null,
};
const withChange = (change: Partial<TraceDocument>): Partial<Known> => {
  const changed = { ...document, ...change };
  return { document: changed, draft: draftOf(changed) };
};
const codes = (change: Partial<Known>): readonly string[] =>
  traceWarnings({ ...known, ...change }).map(({ code }) => code);

test('a usual trace has nothing to warn of', () => {
  expect(codes({})).toEqual([]);
});

test('an answer that is not the prediction is reported with its probability', () => {
  const answer = { id: 8, text: ' Rome' };
  const asked = { notices: [], targets: [{ answer, distractor: answer }] };
  const [warning] = traceWarnings({ ...known, estimate: asked });
  expect(warning?.text).toMatch(/own prediction is “Paris”, not “Rome”, at 10\.00/);
  expect(codes({ estimate: asked })).toEqual(['answer-not-predicted', 'answer-is-distractor']);
});

test('a subject at the end, and one that is all there is, are told apart', () => {
  expect(codes(withChange({ subject: { kind: 'passage', text: 'el is', near: 0 } }))).toEqual([
    'subject-is-last',
  ]);
  expect(codes(withChange({ subject: { kind: 'passage', text: prompt, near: 0 } }))).toEqual([
    'subject-is-all',
  ]);
});

test('a window wider than the model is named with its stream', () => {
  const streams = document.streams.map((stream) => ({ ...stream, window: '9' }));
  const [warning] = traceWarnings({ ...known, ...withChange({ streams }) });
  expect(warning?.text).toMatch(
    /^The window of Residual state and MLP and Attention is wider than the model/,
  );
});

test('a token that was picked for another prompt is named and not used', () => {
  const picked = { token: ' London', prompt: 'The capital of England is' };
  const change = withChange({ distractor: picked });
  expect(change.draft?.experiment).not.toHaveProperty('distractor');
  const [warning] = traceWarnings({ ...known, ...change });
  expect(warning?.text).toBe(
    'The distractor “London” was picked for another prompt and is not used. Pick again to use it here.',
  );
  expect(withChange({ distractor: { ...picked, prompt } }).draft?.experiment).toHaveProperty(
    'distractor',
    ' London',
  );
});

test('a subject that is not in the opened prompt is guessed, and the page says so; of one typed away it does not', () => {
  const change = withChange({ subject: { kind: 'passage', text: 'Louvre', near: 0 } });
  expect(change.draft?.subject).toEqual([1, 3]);
  expect(codes(change)).toEqual(['subject-not-found']);
  expect(codes({ ...change, isAsOpened: false })).toEqual([]);
});

test('what the engine says of an answer’s tokens is shown before the run', () => {
  const text = 'The answer "Paris" goes on with the last word of the prompt.';
  const asked = { ...estimate, notices: [{ code: 'answer-without-space' as const, text }] };
  expect(traceWarnings({ ...known, estimate: asked })).toContainEqual({ code: 'answer-without-space', text });
});
