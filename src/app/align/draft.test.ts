import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readAlignExperiment } from '../../experiments/align/experiment.ts';
import { readAlignResult } from '../../experiments/align/result.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import { experimentKey } from '../experiment/key.ts';
import { changedVariable, type DeclaredFields } from './declaredFields.ts';
import { missingLines } from './declaredProblems.ts';
import { type AlignDocument, blankAlign, documentOf } from './document.ts';
import { deriveAlign, fieldOf } from './draft.ts';
import { alignPage, plainExperiment } from './page.ts';
import { examplesOfTable, tableOf } from './table.ts';

const model = { label: 'tiny-atlas', layerCount: 8, maxPositions: 64 };
const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../examples/align/${name}.json`, import.meta.url), 'utf8'));
const derive = (document: AlignDocument) => deriveAlign(document, { model, tokens: [] });
const page = alignPage([]);

test.each(['gender-declared', 'gender-sites', 'gender-boundless', 'task-city', 'task-object'])(
  'what %s states comes out of the controls again as it was',
  (name) => {
    const experiment = readAlignExperiment(read(name));
    const { experiment: again, problems } = derive(page.documentOf(experiment, null));
    expect([...problems]).toEqual([]);
    expect(again && experimentKey(again)).toBe(experimentKey(plainExperiment(experiment)));
    // A result opens as current, not as one of an earlier input.
    const result = readAlignResult(read(`results/${name}`));
    expect(again && experimentKey(again)).toBe(experimentKey(page.experimentOf(result)));
  },
);

test('joined positions and heads go through their fields', () => {
  const experiment = readAlignExperiment({
    ...Object(read('gender-declared')),
    site: { component: 'head_query_output', layer: 3, position: [['name', 'last']], heads: [0, 2] },
  });
  const document = documentOf(experiment);
  expect([document.positions, document.heads]).toEqual(['name+last', '0, 2']);
  expect(derive(document).experiment?.site).toEqual(experiment.site);
});

const gender = documentOf(readAlignExperiment(read('task-gender')));
const problemsOf = (change: Partial<DeclaredFields>) =>
  derive({ ...gender, declared: { ...gender.declared, ...change } }).problems;
const idOf = (name: string): number => gender.declared.variables.find((each) => each.name === name)?.id ?? 0;
const withVariable = (name: string, change: Parameters<typeof changedVariable>[2]) =>
  problemsOf(changedVariable(gender.declared, idOf(name), change));

test('an empty page says at each field what is missing', () => {
  const { problems, experiment } = derive(blankAlign);
  expect(experiment).toBeNull();
  expect([...problems.keys()]).toEqual([
    'variable 1 name',
    'variable 1 values',
    'prompt',
    'label',
    'interchange',
  ]);
});

test('a parent that is not declared, a circle and a hole in a table are said at their variables', () => {
  const parents = `variable ${idOf('gender')} parents`;
  expect(withVariable('gender', { parents: 'nam' }).get(parents)).toBe(
    `'nam' is not declared. Add a variable of that name, or correct it.`,
  );
  const circle = withVariable('gender', { parents: 'pronoun' });
  expect(circle.get(parents)).toBe('gender depends on itself in a circle of parents. Leave one of them out.');
  expect(circle.get(`variable ${idOf('pronoun')} parents`)).toContain('pronoun depends on itself');
  const hole = changedVariable(gender.declared, idOf('pronoun'), { table: 'male = he' });
  expect(problemsOf(hole).get(`variable ${idOf('pronoun')} table`)).toBe("It says nothing of 'female'.");
  expect(missingLines(hole, idOf('pronoun'))).toEqual(['female']);
  expect(withVariable('pronoun', { table: 'male he' }).get(`variable ${idOf('pronoun')} table`)).toContain(
    'has no =',
  );
});

test('braces, names that nobody declared and values that repeat are said where they stand', () => {
  expect(problemsOf({ prompt: 'We all like {nam} because' }).get('prompt')).toContain(
    "There is no variable 'nam'",
  );
  expect(problemsOf({ prompt: 'We all like {name because' }).get('prompt')).toContain('no other half');
  expect(problemsOf({ label: ' {pronouns}' }).get('label')).toContain('There is no variable');
  expect(problemsOf({ interchange: 'sex' }).get('interchange')).toBe("'sex' is not declared.");
  expect(problemsOf({ count: '0' }).get('count')).toBe('Give a whole number from 1 to 50,000.');
  expect(withVariable('name', { values: 'Adam\nAdam' }).get(`variable ${idOf('name')} values`)).toBe(
    "'Adam' is there twice.",
  );
  expect(withVariable('name', { name: '1st' }).get(`variable ${idOf('name')} name`)).toContain('digit');
  const frames = withVariable('frame', { values: 'We like {nobody} because' });
  expect(frames.get(`variable ${idOf('frame')} values`)).toContain("There is no variable 'nobody'");
});

test('sites and settings that cannot be are said at their fields', () => {
  const whole: ModelInfo = {
    ...model,
    family: 'gpt2',
    architecture: 'gpt2',
    isCausal: true,
    width: 128,
    headCount: 4,
    vocabularySize: 100,
    parameterCount: 1,
    weightBytes: 4,
    components: [{ name: 'block_output', layers: 8, shape: ['position', 128], description: '', feeds: [] }],
  };
  const at = (change: Partial<AlignDocument>) =>
    deriveAlign({ ...gender, ...change }, { model: whole, tokens: [] }).problems;
  expect(at({ rank: '129' }).get('rank')).toBe(
    'There are 128 directions at this component; give at most 128.',
  );
  expect(at({ positions: 'name+last', rank: '129' }).has('rank')).toBe(false);
  expect(at({ layers: '0, 8' }).get('layers')).toBe('There is no layer 8; this model has layers 0 to 7.');
  expect(at({ layers: '2-1' }).get('layers')).toContain('is no layer');
  expect(at({ positions: '' }).get('positions')).toContain('Name at least one position');
  expect(at({ training: { ...gender.training, learningRate: '0' } }).get('learningRate')).toBe(
    'Give a number above 0.',
  );
  expect(at({ testShare: '100' }).get('testShare')).toBe('Give a number above 0 and at most 99.9.');
});

test('a table is read by its columns, and what is wrong with it names the line', () => {
  const table = 'base,source,label,baseLabel,name\nWe like Adam,We like Alice, she, he,2/3\n';
  const [example] = examplesOfTable(table);
  expect(example).toEqual({
    base: 'We like Adam',
    source: 'We like Alice',
    label: ' she',
    baseLabel: ' he',
    positions: { name: [2, 3] },
  });
  const data = readAlignExperiment(read('gender-sites')).data;
  if ('causalModel' in data) throw new Error('The examples are listed.');
  expect(examplesOfTable(tableOf(data))).toEqual(data);
  const said = (text: string) => derive({ ...gender, task: 'table', table: text }).problems.get('table');
  expect(said('')).toContain('Paste a table');
  expect(said('base,source\na,b')).toContain("'label' is not among them");
  expect(said('base,source,label\na,b')).toBe(
    'Line 2 has 2 cells, and there are 3 columns. A cell that holds the separator stands in "quotes".',
  );
  expect(said('base,source,label,at\na,b,c,x')).toContain("Line 2, 'at'");
  expect(said('base,source,label\na,b,')).toBe("Line 2 has no 'label'.");
});

test('what the engine refuses is said at the control that puts it right', () => {
  const { declared } = gender;
  const at = (message: string) => fieldOf(message, declared);
  const masked = "This esm model predicts what stands at a mask, and the prompt 'WHERE' has none.";
  expect(at(masked.replace('WHERE', 'data (declared), example 0.base'))).toBe('prompt');
  expect(at(masked.replace('WHERE', 'data.3.source'))).toBe('table');
  expect(at("The label 'data (declared), example 2.baseLabel' is 2 tokens ('a', 'b').")).toBe('label');
  expect(at("'data.0.positions' has 'mask', which is the mask of each prompt in this model.")).toBe('table');
  expect(at(`'data.causalModel.pronoun.table': it says nothing of "x".`)).toBe(
    `variable ${idOf('pronoun')} table`,
  );
  expect(at("'data (declared), example 3.positions' has no 'nam', which 'site.position' names.")).toBe(
    'positions',
  );
  expect(at('All 160 examples to train with have the label " he", so any …')).toBe('interchange');
  expect(at("'training.batchSize' is 500, but only 160 examples are left to train with.")).toBe('batchSize');
  expect(at("'intervention.rank' is 200, but 'block_output' has a width of 128.")).toBe('rank');
  expect(at("'data.3.label' is wrong.")).toBe('table');
  expect(at("'data.interchange': there is no variable")).toBe('interchange');
});
