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
  expect(() => textRowsIn('text,label\nA,maybe')).toThrow("Row 2 of the table has the label 'maybe'");
  expect(() => textRowsIn('positive,negative\n')).toThrow('no row under it');
});

test('a row is named as it is counted in the table, with its head and empty lines', () => {
  expect(() => textRowsIn('\n\na,b\n\nc\n')).toThrow('Row 5 of the table has 1 field');
  expect(() => textRowsIn('\n\ntext,label\n\nA,1\n\nB,maybe')).toThrow(
    "Row 7 of the table has the label 'maybe'",
  );
  // Tabs are found under an empty first line.
  expect(textRowsIn('\nA, b\tC')).toEqual([{ positive: 'A, b', negative: 'C' }]);
});

test('a text that would be cut or lost is refused by its row', () => {
  expect(() => textRowsIn('positive,negative\nA,B\nC, still C,D')).toThrow('Row 3 of the table has 3 fields');
  expect(() => textRowsIn('text,label\nA, still A,1')).toThrow('Row 2 of the table has 3 fields');
  expect(() => textRowsIn('text,label\nA,1\n,0')).toThrow('Row 3 of the table has a label and no text');
  expect(textRowsIn('positive,negative\nA,B,\n')).toEqual([{ positive: 'A', negative: 'B' }]);
});
