import { expect, test } from 'vitest';
import { readFinetuneExperiment } from '../../experiments/finetune/experiment.ts';
import { blankFinetune, blankFor } from './document.ts';
import { fieldOf, sentenceOfRow } from './draft.ts';
import { finetunePage, plainExperiment } from './page.ts';
import { rowProblems } from './rowProblems.ts';
import { changedRow, exampleOf, isEmptyRow, rowsIn, withFilesFrom } from './rows.ts';

const image = { name: 'cat.png', sha256: 'a'.repeat(64), data: 'AAAA' };
const other = { name: 'owl.png', data: 'BBBB' };
const vit = { kind: 'image', isAlone: true } as const;

const pictures = withFilesFrom(changedRow(blankFinetune, 'data', 1, { continuation: 'cat' }), 'data', 1, [
  { image },
  { image: other },
]);

test('files on a row fill it, and each further one makes a row like it behind it', () => {
  expect(pictures.data).toEqual([
    { id: 1, prompt: '', continuation: 'cat', image },
    { id: 2, prompt: '', continuation: 'cat', image: other },
  ]);
  expect(blankFinetune.data.every(isEmptyRow)).toBe(true);
  expect(pictures.data.some(isEmptyRow)).toBe(false);
  const taken = changedRow(pictures, 'data', 1, { image: undefined, continuation: '' });
  expect(taken.data[0]).toEqual({ id: 1, prompt: '', continuation: '' });
});

test('what a row lacks is said at its field, as the model reads it', () => {
  const without = changedRow(pictures, 'data', 2, { image: undefined, continuation: '' });
  expect([...rowProblems(without.data, 'data', { mask: null, reads: vit })]).toEqual([
    ['data 2 image', 'Example 2 has no picture. Choose one, or drop it on the row.'],
    ['data 2 continuation', 'Example 2 has no class. Write the class that it should have.'],
  ]);
  expect([...rowProblems(without.data, 'data', { mask: null, reads: null }).keys()]).toEqual([
    'data 1 prompt',
    'data 1 image',
    'data 2 prompt',
    'data 2 continuation',
  ]);
});

test('a sentence of the engine finds the part of the row that it is about', () => {
  const at = (message: string) => fieldOf(message, pictures);
  expect(at("'data.1.prompt.image.data': The bytes must be in base64")).toBe('data 2 image');
  expect(at("The target of the prompt 'data.0.prompt' has no tokens.")).toBe('data 1 target');
  expect(at("The model has no class 'cot', the continuation 'data.0.continuation'.")).toBe(
    'data 1 continuation',
  );
  // A row by itself has no place in the document that the sentence could know.
  expect(sentenceOfRow("The model has no class 'cot', the continuation 'data.40.continuation'.")).toEqual([
    'continuation',
    "The model has no class 'cot', the continuation.",
  ]);
  expect(sentenceOfRow("The target of the prompt 'data.0.prompt' has no tokens.")[0]).toBe('target');
});

test('the number of a class comes out of a row of a picture as it was, and is a token for other models', () => {
  const numbered = { prompt: { prompt: '', image }, continuation: 2 };
  const rows = rowsIn([numbered]);
  expect(rows.map(exampleOf)).toEqual([numbered]);
  expect([...rowProblems(rows, 'data', { mask: null, reads: vit })]).toEqual([]);
  const blip = { kind: 'image' } as const;
  expect([...rowProblems(rows, 'data', { mask: null, reads: blip })]).toEqual([
    [
      'data 1 continuation',
      'Example 1 has the id of a token, 2, and the page has rows of text. Write what should follow, with the space before it.',
    ],
  ]);
  expect(() => rowsIn([{ prompt: 'a', continuation: 2 }])).toThrow('Its examples are token ids');
});

test('an experiment with pictures opens as rows, and its link names them', () => {
  const page = finetunePage([]);
  const experiment = readFinetuneExperiment({
    kind: 'finetune',
    version: 1,
    model: 'a vit',
    adapters: [{ type: 'SteeringVector', layers: [0] }],
    data: [
      { prompt: { prompt: '', image }, continuation: 'cat' },
      { prompt: { prompt: 'a source', target: '' }, continuation: 'b' },
    ],
  });
  expect(page.documentOf(experiment, null).data).toEqual([
    { id: 1, prompt: '', continuation: 'cat', image },
    { id: 2, prompt: 'a source', continuation: 'b' },
  ]);
  expect(plainExperiment(experiment).data[1]?.prompt).toBe('a source');
  const brief = JSON.stringify(page.brief(experiment));
  expect(brief).toContain('cat.png');
  expect(brief).not.toContain('AAAA');
  // Without its bytes it opens all the same, and the picture is asked for when there is a model.
  const ofLink = readFinetuneExperiment({
    kind: 'finetune',
    version: 1,
    model: 'a vit',
    adapters: [{ type: 'SteeringVector', layers: [0] }],
    data: [{ prompt: { prompt: '', image: { name: 'cat.png' } }, continuation: 'cat' }],
  });
  expect(page.documentOf(ofLink, null).data[0]?.image).toEqual({ name: 'cat.png' });
});

test('an empty page is one for what the model reads', () => {
  const first = (model: Parameters<typeof blankFor>[0]) => {
    const { where, first: count, last } = blankFor(model).adapters[0] ?? {};
    return [where, count, last];
  };
  expect(first(null)).toEqual(['prompt', '0', '1']);
  expect(first({ isCausal: false, mask: { id: 3, text: '[MASK]' } })).toEqual(['mask', '0', '1']);
  expect(first({ isCausal: false, reads: vit })).toEqual(['prompt', '1', '0']);
  expect(first({ isCausal: true, reads: { kind: 'text' } })).toEqual(['prompt', '0', '1']);
});
