import { expect, test } from 'vitest';
import { examplesIn } from './exampleFiles.ts';

const rows = [
  { prompt: 'The Louvre, at night, is in', continuation: ' France' },
  { prompt: 'The Reichstag is in', continuation: ' Germany' },
];

test('a table is read by the names of its columns, and the space before a continuation stays', () => {
  expect(
    examplesIn(
      'prompt,continuation\n"The Louvre, at night, is in", France\nThe Reichstag is in, Germany\n\n',
    ),
  ).toEqual(rows);
  expect(
    examplesIn(
      '\uFEFFcompletion\tnote\tinstruction\r\n France\tx\tThe Louvre, at night, is in\r\n Germany\t\tThe Reichstag is in',
    ),
  ).toEqual(rows);
});

test('JSON is read as a list and line by line', () => {
  expect(examplesIn(JSON.stringify(rows))).toEqual(rows);
  expect(examplesIn(rows.map((row) => JSON.stringify(row)).join('\n'))).toEqual(rows);
  expect(examplesIn('[{ "input": "a", "output": "b" }]')).toEqual([{ prompt: 'a', continuation: 'b' }]);
});

test.each([
  ['nothing', ' \n', 'There is nothing in it. Give a table with the columns prompt and continuation.'],
  ['no names', 'a,b\nc,d', "The first line names the columns, and 'prompt' is not among them."],
  ['one column', 'prompt\na', "and 'continuation' is not among them. Begin with: prompt,continuation."],
  ['names alone', 'prompt,continuation\n', 'It names its columns and has no example below them.'],
  ['a row with too few cells', 'prompt,continuation\na,b\nc', 'Line 3 has 1 cell, and there are 2 columns.'],
  ['broken JSON', '[{"prompt": "a"', 'It is not complete JSON'],
  ['an object', '{"prompt": "a"}', 'It is no list.'],
  ['a whole file', '{"kind": "finetune", "data": []}', "It is a whole file of kind 'finetune'"],
  ['an example without a continuation', '[{"prompt": "a"}]', "Example 1 has no 'continuation'."],
  ['numbers', '[{"prompt": "a", "continuation": 3}]', "Example 1 has a 'continuation' that is no text."],
  ['a broken line', '{"prompt": "a", "continuation": "b"}\n{"prompt": ', 'Line 2 is not complete JSON.'],
])('%s is refused with what would be right', (_, text, sentence) => {
  expect(() => examplesIn(text)).toThrow(sentence);
});

test('the columns named as here are taken, and of several names that others have none is chosen', () => {
  expect(examplesIn('question,prompt,answer,continuation\nq,p,a,c')).toEqual([
    { prompt: 'p', continuation: 'c' },
  ]);
  const alpaca = { instruction: 'Translate to French:', input: 'cheese', output: ' fromage' };
  expect(() => examplesIn(JSON.stringify([alpaca]))).toThrow(
    "Example 1 has 'instruction' and 'input', and one of them is to be the prompt. Name it 'prompt'",
  );
  expect(() => examplesIn('prompt,output,answer\na,b,c')).toThrow(
    "The first line has 'output' and 'answer', and one of them is to be the continuation.",
  );
  expect(examplesIn(JSON.stringify([{ ...alpaca, input: '' }]))).toEqual([
    { prompt: alpaca.instruction, continuation: alpaca.output },
  ]);
});

test('a target is what has been written, beside a picture a prompt may be missing, and JSON holds pictures', () => {
  expect(examplesIn('prompt,target,continuation\na,b,c\nd,,e')).toEqual([
    { prompt: 'a', target: 'b', continuation: 'c' },
    { prompt: 'd', continuation: 'e' },
  ]);
  expect(examplesIn('continuation\nc', { needsPrompt: false })).toEqual([{ prompt: '', continuation: 'c' }]);
  const image = { name: 'cat.png', data: 'AAAA' };
  expect(examplesIn(JSON.stringify([{ prompt: { prompt: '', image }, continuation: 'cat' }]))).toEqual([
    { prompt: '', image, continuation: 'cat' },
  ]);
});

test('files that neither a table nor a path can bring are refused with the way on', () => {
  expect(() => examplesIn('picture,continuation\ncat.png,cat', { needsPrompt: false })).toThrow(
    "The column 'picture' can hold names of files and not the files",
  );
  expect(() => examplesIn('prompt,target\na,b')).toThrow(
    "A 'target' is what has been written before the continuation.",
  );
  const byPath = [{ prompt: { prompt: '', image: { file: 'cat.png' } }, continuation: 'cat' }];
  expect(() => examplesIn(JSON.stringify(byPath))).toThrow(
    "names the path 'cat.png' and does not hold its bytes",
  );
  const ofIds = [{ prompt: { prompt: [1, 2], target: 'a' }, continuation: 'cat' }];
  expect(() => examplesIn(JSON.stringify(ofIds))).toThrow('Example 1 is token ids');
});

test('JSON has a target beside a prompt of text, files in the prompt, and no prompt where none is needed', () => {
  const given = { prompt: 'a', target: 'b', continuation: 'c' };
  expect(examplesIn(`${JSON.stringify(given)}\n{"prompt":"d","continuation":"e"}`)).toEqual([
    given,
    { prompt: 'd', continuation: 'e' },
  ]);
  const reading = (row: object) => () => examplesIn(JSON.stringify([row]));
  expect(reading({ ...given, target: [1] })).toThrow("Example 1 has a 'target' that is no text.");
  expect(reading({ ...given, image: 'cat.png' })).toThrow(
    "Example 1 has 'image' beside its prompt and not in it.",
  );
  expect(reading({ ...given, prompt: { prompt: 'a' } })).toThrow(
    "Example 1 has 'target' beside its prompt and not in it.",
  );
  const bare = '[{"continuation":"c"}]';
  expect(examplesIn(bare, { needsPrompt: false })).toEqual([{ prompt: '', continuation: 'c' }]);
  expect(() => examplesIn(bare)).toThrow("Example 1 has no 'prompt'.");
});
