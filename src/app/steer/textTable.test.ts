import { expect, test } from 'vitest';
import { textRowsIn } from './textTable.ts';

test('two columns are pairs, with or without names, in either order', () => {
  const pairs = [
    { positive: 'Good, very', negative: 'Bad' },
    { positive: 'Fine', negative: 'Awful' },
  ];
  expect(textRowsIn('"Good, very",Bad\nFine,Awful\n')).toEqual(pairs);
  expect(textRowsIn('Good, very\tBad\nFine\tAwful')).toEqual(pairs);
  expect(textRowsIn('id,negative,positive\n1,Bad,"Good, very"\n2,Awful,Fine')).toEqual(pairs);
});

test('a text and its class in each line become both classes, of which one may be longer', () => {
  expect(textRowsIn('\uFEFFtext,label\nA,1\nB,0\nC,true\n')).toEqual([
    { positive: 'A', negative: 'B' },
    { positive: 'C', negative: '' },
  ]);
});

test('what is no table of pairs is refused by its row', () => {
  expect(() => textRowsIn(' \n')).toThrow('The table is empty');
  expect(() => textRowsIn('a,b\nc\n')).toThrow('Row 2 of the table has 1 field');
  expect(() => textRowsIn('text,label\nA,maybe')).toThrow("Row 1 of the table has the label 'maybe'");
  expect(() => textRowsIn('positive,negative\n')).toThrow('no row under it');
});
