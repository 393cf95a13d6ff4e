import { expect, test } from 'vitest';
import { readAlignExperiment } from '../../experiments/align/experiment.ts';
import { blankFor, documentOf } from './document.ts';
import { fieldOf } from './draft.ts';
import { alignPage } from './page.ts';
import {
  blankRows,
  exampleOf,
  filledRow,
  firstWrong,
  positionsIn,
  rowProblems,
  rowsIn,
  withPrompt,
  withRow,
} from './rows.ts';

const image = { name: 'cat.png', sha256: 'a'.repeat(64), data: 'AAAA' };
const vit = { kind: 'image', isAlone: true } as const;

const example = {
  base: { prompt: 'a source', target: 'b' },
  source: { prompt: '', image },
  label: 'cat',
  baseLabel: 'owl',
  positions: { name: 3, verb: [4, 6] as [number, number] },
};

test('an example with more than a text is a row, and comes out of it as it was', () => {
  const [row] = rowsIn([example]);
  expect(row?.positions).toBe('name 3, verb 4/6');
  expect(row && exampleOf(row)).toEqual(example);
  expect(() => positionsIn('name')).toThrow('“name” is no name with a position.');
  expect(() => positionsIn('name 3, verb 1, name 5')).toThrow("The position 'name' is there twice.");
});

test('what a row lacks is said at its field, as the model reads it', () => {
  const rows = blankRows.map((row) => withPrompt(row, 'base', { image }));
  expect([...rowProblems(rows, vit)]).toEqual([
    ['row 1 source image', 'Example 1, the source, has no picture. Choose one, or drop it on the row.'],
    ['row 1 label', 'Example 1 has no label. Write the class that the interchange should give.'],
  ]);
});

test('the first row that is wrong is found by the fields, whatever its id is', () => {
  const rows = [7, 12, 1].flatMap((id) => blankRows.map((row) => ({ ...row, id })));
  expect(firstWrong(rows, ['seed', 'row 1 label', 'row 12 base image'])).toBe(1);
  expect(firstWrong(rows, ['row 2 label', 'rows'])).toBeNull();
  expect(withRow(rows).at(-1)?.id).toBe(13);
});

test('a sentence of the engine finds the part of the row that it is about', () => {
  const declared = blankFor(null).declared;
  const at = (message: string) => fieldOf(message, declared, blankRows);
  expect(at("'data.0.source': This vit model reads no sound.")).toBe('row 1 source prompt');
  expect(at("The target of the prompt 'data.0.base' has no tokens.")).toBe('row 1 base target');
  expect(at("The model has no class 'cot', the label 'data.0.label'.")).toBe('row 1 label');
});

test('a file with pictures opens one by one, and its link names them', () => {
  const experiment = readAlignExperiment({
    kind: 'align',
    version: 1,
    model: 'a vit',
    site: { component: 'block_output', layer: 0, position: 0 },
    intervention: { type: 'LowRankRotated', rank: 1 },
    data: [example],
  });
  const document = documentOf(experiment);
  expect([document.task, document.rows.length]).toEqual(['rows', 1]);
  const page = alignPage([]);
  expect(page.documentOf(experiment, null)).toEqual(document);
  const brief = JSON.stringify(page.brief(experiment));
  expect(brief).toContain('cat.png');
  expect(brief).not.toContain('AAAA');
});

test('an empty page lists examples where a picture or a sound is read', () => {
  const of = (model: Parameters<typeof blankFor>[0]) => [blankFor(model).task, blankFor(model).positions];
  expect(of(null)).toEqual(['declared', 'last']);
  expect(of({ isCausal: true, reads: { kind: 'text' } })).toEqual(['declared', 'last']);
  expect(of({ isCausal: true, reads: { kind: 'sound' } })).toEqual(['rows', 'last']);
  expect(of({ isCausal: false, reads: vit })).toEqual(['rows', '0']);
});

test('pictures on a row fill the sides that have none, and more than there is place for are refused', () => {
  const [blank] = blankRows;
  if (blank === undefined) throw new Error('There is no row.');
  const other = { name: 'owl.png', data: 'BBBB' };
  const both = filledRow(blank, 'image', [image, other]);
  expect([both.base.image, both.source.image]).toEqual([image, other]);
  const half = filledRow(withPrompt(blank, 'base', { image }), 'image', [other]);
  expect([half.base.image, half.source.image]).toEqual([image, other]);
  expect(() => filledRow(blank, 'image', [image, other, image])).toThrow(
    '3 pictures were dropped, and this example has place for 2.',
  );
  expect(() => filledRow(withPrompt(blank, 'base', { image }), 'image', [other, image])).toThrow(
    '2 pictures were dropped, and this example has place for 1.',
  );
  expect(() => filledRow(both, 'image', [other])).toThrow(
    '1 picture was dropped, and this example has its two pictures.',
  );
});

test('the numbers of classes come out of rows of pictures as they were, and are tokens for other models', () => {
  const numbered = { base: { prompt: '', image }, source: { prompt: '', image }, label: 2, baseLabel: 0 };
  const rows = rowsIn([numbered]);
  expect(rows.map(exampleOf)).toEqual([numbered]);
  expect([...rowProblems(rows, vit)]).toEqual([]);
  const blip = { kind: 'image' } as const;
  expect([...rowProblems(rows, blip)]).toEqual([
    ['row 1 label', '2 is the id of a token here, and the page has rows of text. Write the token.'],
    ['row 1 baseLabel', '0 is the id of a token here, and the page has rows of text. Write the token.'],
  ]);
  expect(() => rowsIn([{ ...numbered, base: { prompt: 'a', target: 'b' } }])).toThrow(
    'Its examples are token ids',
  );
});
