import { expect, test } from 'vitest';
import { initialInputs } from './inputs.ts';
import { type Known, traceWarnings } from './warnings.ts';

const token = (id: number, text: string) => ({ id, text, isSpecial: false });
const candidate = (id: number, text: string, probability: number) => ({
  ...token(id, text),
  probability,
  logit: 0,
});
const work = { cells: 1, batches: 1, rows: 1, rowLayers: 1, tokenLayers: 1 };
const known: Known = {
  inputs: { ...initialInputs(8), subject: [1, 3] },
  tokens: [token(1, 'The'), token(2, ' E'), token(3, 'iffel'), token(4, ' is')],
  layerCount: 8,
  estimate: { work, notices: [], answer: null, distractor: null },
  prediction: {
    tokens: [],
    candidates: [candidate(9, ' Paris', 0.7), candidate(8, ' Rome', 0.1)],
    elapsedMs: 1,
  },
  result: null,
};
const codes = (change: Partial<Known>): readonly string[] =>
  traceWarnings({ ...known, ...change }).map(({ code }) => code);

test('a usual trace has nothing to warn of', () => {
  expect(codes({})).toEqual([]);
});

test('an answer that is not the prediction is told with its probability', () => {
  const answer = { id: 8, text: ' Rome' };
  const [warning] = traceWarnings({ ...known, estimate: { work, notices: [], answer, distractor: answer } });
  expect(warning?.text).toMatch(/own prediction is “Paris”, not “Rome”, at 10\.00/);
  expect(codes({ estimate: { work, notices: [], answer, distractor: answer } })).toEqual([
    'answer-not-predicted',
    'answer-is-distractor',
  ]);
});

test('a subject at the end, and one that is all there is, are told apart', () => {
  expect(codes({ inputs: { ...known.inputs, subject: [2, 4] } })).toEqual(['subject-is-last']);
  expect(codes({ inputs: { ...known.inputs, subject: [0, 4] } })).toEqual(['subject-is-all']);
});

test('a window wider than the model is named with its stream', () => {
  const streams = known.inputs.streams.map((stream) => ({ ...stream, window: '9' }));
  const [warning] = traceWarnings({ ...known, inputs: { ...known.inputs, streams } });
  expect(warning?.text).toMatch(
    /^The window of Residual state and MLP and Attention is wider than the model/,
  );
});
