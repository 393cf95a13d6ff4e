import { expect, test } from 'vitest';
import { readTraceExperiment } from '../../experiments/trace/experiment.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import { experimentKey, initialInputs, inputsOf, readTraceInputs, type TraceInputs } from './inputs.ts';

const model: ModelInfo = {
  label: 'tiny',
  family: 'gpt2',
  architecture: 'gpt2',
  isCausal: true,
  layerCount: 8,
  width: 8,
  headCount: 2,
  vocabularySize: 100,
  maxPositions: 128,
  parameterCount: 1,
  weightBytes: 4,
  components: [],
};
const prompt = 'The Eiffel Tower is in';
const inputs: TraceInputs = { ...initialInputs(8), subject: [1, 4] };
const problem = (change: Partial<TraceInputs>, text = prompt, count = 6): string | undefined => {
  const read = readTraceInputs({ ...inputs, ...change }, text, count, model);
  return read.ok ? undefined : [...read.problems.values()][0];
};

test('the controls and the experiment say the same, both ways', () => {
  const set: TraceInputs = {
    ...inputs,
    answer: ' Paris',
    distractor: 7,
    level: '2.5',
    samples: '4',
    seed: '12',
    direction: 'corrupt',
    streams: inputs.streams.map((stream) => ({ ...stream, isOn: stream.component !== 'attention_output' })),
  };
  const read = readTraceInputs(set, prompt, 6, model);
  if (!read.ok) throw new Error('these inputs are whole');
  // Through the schema, as a link or a file goes.
  const experiment = readTraceExperiment(JSON.parse(JSON.stringify(read.experiment)));
  expect(experiment.corruption).toEqual({
    kind: 'noise',
    level: { standardDeviations: 2.5 },
    samples: 4,
    seed: 12,
  });
  expect(inputsOf(experiment, [1, 4], 8)).toEqual(set);
  expect(experimentKey(experiment, [1, 4])).toBe(experimentKey(read.experiment, [1, 4]));
});

test('an experiment is another one when a number would differ, and not for its title', () => {
  const read = readTraceInputs(inputs, prompt, 6, model);
  if (!read.ok) throw new Error('these inputs are whole');
  const key = experimentKey(read.experiment, [1, 4]);
  expect(experimentKey({ ...read.experiment, title: 'Another' }, [1, 4])).toBe(key);
  expect(experimentKey(read.experiment, [1, 3])).not.toBe(key);
  expect(experimentKey({ ...read.experiment, answer: ' Rome' }, [1, 4])).not.toBe(key);
});

test('what cannot be run is said in a sentence that tells what would be right', () => {
  expect(problem({})).toBeUndefined();
  expect(problem({}, '  ')).toBe('Type a prompt to trace.');
  expect(problem({ subject: null })).toMatch(/^Mark the subject/);
  expect(problem({ level: '0' })).toMatch(/^A level of 0 corrupts nothing/);
  expect(problem({ level: 'much' })).toMatch(/must be a number/);
  expect(problem({ samples: '0' })).toMatch(/^At least 1 sample/);
  expect(problem({ samples: '10000' })).toMatch(/^At most 1,000 samples/);
  expect(problem({ samples: '2.5' })).toMatch(/whole number/);
  expect(problem({ seed: '-1' })).toMatch(/^The seed/);
  expect(problem({ corruption: 'replace' })).toMatch(/in the subject’s place/);
  expect(problem({ streams: [] })).toBe('Choose at least one stream.');
  expect(problem({ streams: [{ component: 'mlp_output', isOn: true, window: '0' }] })).toMatch(/at least 1/);
  expect(problem({}, prompt, 300)).toBe('The prompt has 300 tokens; a trace here takes at most 128.');
});

test('a control that is not in use does not stand in the way', () => {
  expect(problem({ corruption: 'zero', level: 'x', samples: '' })).toBeUndefined();
  expect(problem({ levelUnit: 'number', level: '0,13' })).toBeUndefined();
});
