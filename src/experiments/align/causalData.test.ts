import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Checkpoint, Tokenizer } from '../../checkpoint/checkpoint.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import { type CausalDataFile, causalExamples } from './causalData.ts';
import { type AlignExampleFile, readAlignExperiment } from './experiment.ts';

let checkpoint: Checkpoint;
let tokenizer: Tokenizer;
beforeAll(async () => {
  checkpoint = await openModel(new URL('../../../models/tiny-atlas', import.meta.url).pathname);
  tokenizer = await checkpoint.tokenizer();
});
afterAll(() => checkpoint.close());

const around = (data: unknown) =>
  readAlignExperiment({
    kind: 'align',
    version: 1,
    model: 'tiny-atlas',
    site: { component: 'block_output', layer: 0, position: 'last' },
    intervention: { type: 'LowRankRotated', rank: 1 },
    data,
  }).data;

function examplesOf(data: unknown): readonly AlignExampleFile[] {
  const read = around(data);
  if (!('causalModel' in read)) throw new Error('not declared');
  return causalExamples(read, tokenizer, 'data');
}

/** Two names, one of them again; what is asked for is the other. */
const names = ['Mary', 'John', 'Anna'];
const either = ['first', 'second'];
const objects: CausalDataFile = {
  causalModel: {
    first: { values: names },
    second: { values: names },
    repeated: { values: either },
    asked: { parents: ['repeated'], table: { first: 'second', second: 'first' } },
    again: { parents: ['repeated', 'first', 'second'], function: 'choose' },
    object: { parents: ['asked', 'first', 'second'], function: 'choose' },
  },
  prompt: '{first} and {second} met, and {again} gave a book to',
  label: ' {object}',
  interchange: 'asked',
  distinct: ['first', 'second'],
  count: 60,
  seed: 3,
};

const wordsOf = (text: string) =>
  /^(\w+) and (\w+) met, and (\w+) gave a book to$/.exec(text)?.slice(1) ?? [];

test('prompts, labels and positions are what the causal model says of them', () => {
  const found = examplesOf(objects);
  expect(found).toHaveLength(60);
  for (const { base, source, label, baseLabel, sourceLabel, positions } of found) {
    const [first, second, again] = wordsOf(String(base));
    const [otherFirst, otherSecond, otherAgain] = wordsOf(String(source));
    expect(first).not.toBe(second);
    expect(otherFirst).not.toBe(otherSecond);
    expect([first, second]).toContain(again);
    expect(baseLabel).toBe(` ${again === first ? second : first}`);
    expect(sourceLabel).toBe(` ${otherAgain === otherFirst ? otherSecond : otherFirst}`);
    // The source says which is asked for; the base has its name.
    expect(label).toBe(` ${otherAgain === otherFirst ? second : first}`);
    const tokens = tokenizer.encode(String(base));
    const upTo = (name: string) => {
      const at = positions?.[name];
      const place = Array.isArray(at) ? at[0] : at;
      return tokens
        .slice(0, 1 + place)
        .map((id) => tokenizer.tokenText(id))
        .join('');
    };
    expect(upTo('first')).toBe(first);
    expect(upTo('second')).toBe(`${first} and ${second}`);
    expect(upTo('again')).toBe(`${first} and ${second} met, and ${again}`);
    expect(Object.keys(positions ?? {}).sort()).toEqual(['again', 'first', 'second']);
  }
  const labels = new Set(found.map(({ label, baseLabel }) => label === baseLabel));
  expect([...labels].sort()).toEqual([false, true]);
});

test('the seed decides; another gives others, and only changed pairs can be asked for', () => {
  expect(examplesOf(objects)).toEqual(examplesOf(objects));
  expect(examplesOf({ ...objects, seed: 4 })).not.toEqual(examplesOf(objects));
  const changed = examplesOf({ ...objects, only: 'changed' });
  expect(changed.every(({ label, baseLabel }) => label !== baseLabel)).toBe(true);
});

test('hierarchical equality: an interchanged half is the half of the source', () => {
  const letters = ['red', 'blue', 'green'];
  const found = examplesOf({
    causalModel: {
      w: { values: letters },
      x: { values: letters },
      y: { values: letters },
      z: { values: letters },
      left: { parents: ['w', 'x'], function: 'equal' },
      right: { parents: ['y', 'z'], function: 'equal' },
      same: { parents: ['left', 'right'], function: 'equal' },
      answer: { parents: ['same'], table: { true: 'yes', false: 'no' } },
    },
    prompt: '{w} {x} , {y} {z} :',
    label: ' {answer}',
    interchange: 'left',
    balanced: 'answer',
    count: 200,
  });
  const halves = (text: unknown) => {
    const [w, x, , y, z] = String(text).split(' ');
    return { left: w === x, right: y === z };
  };
  for (const { base, source, label, baseLabel } of found) {
    const [own, other] = [halves(base), halves(source)];
    expect(baseLabel).toBe(own.left === own.right ? ' yes' : ' no');
    expect(label).toBe(other.left === own.right ? ' yes' : ' no');
  }
  // Two thirds of letters differ, so unbalanced draws would give ' yes' in five of nine.
  const yes = found.filter(({ baseLabel }) => baseLabel === ' yes').length / found.length;
  expect(Math.abs(yes - 0.5)).toBeLessThan(0.1);
  const equal = found.filter(({ base }) => halves(base).left).length / found.length;
  expect(Math.abs(equal - 0.5)).toBeLessThan(0.1);
});

test('several variables come from one source', () => {
  const found = examplesOf({
    causalModel: {
      a: { values: ['one', 'two'] },
      b: { values: ['one', 'two'] },
      both: {
        parents: ['a', 'b'],
        table: { 'one, one': 'x', 'one, two': 'y', 'two, one': 'z', 'two, two': 'w' },
      },
    },
    prompt: '{a} {b} .',
    label: ' {both}',
    interchange: ['a', 'b'],
    count: 40,
  });
  for (const { label, sourceLabel } of found) expect(label).toBe(sourceLabel);
});

describe('functions', () => {
  const table = (named: string, parents: readonly string[], values: readonly string[]) => {
    const inputs = Object.fromEntries(parents.map((parent) => [parent, { values }]));
    const found = examplesOf({
      causalModel: { ...inputs, out: { parents, function: named } },
      prompt: parents.map((parent) => `{${parent}}`).join(' '),
      label: '{out}',
      interchange: 'out',
      count: 100,
    });
    return Object.fromEntries(found.map(({ base, baseLabel }) => [base, baseLabel]));
  };
  const bits = ['true', 'false'];
  test.each([
    ['and', { 'true true': 'true', 'true false': 'false', 'false true': 'false', 'false false': 'false' }],
    ['or', { 'true true': 'true', 'true false': 'true', 'false true': 'true', 'false false': 'false' }],
    ['equal', { 'true true': 'true', 'true false': 'false', 'false true': 'false', 'false false': 'true' }],
    [
      'different',
      { 'true true': 'false', 'true false': 'true', 'false true': 'true', 'false false': 'false' },
    ],
  ])('%s', (named, expected) => {
    expect(table(named, ['a', 'b'], bits)).toEqual(expected);
  });
  test('not and copy', () => {
    expect(table('not', ['a'], bits)).toEqual({ true: 'false', false: 'true' });
    expect(table('copy', ['a'], ['x', 'y'])).toEqual({ x: 'x', y: 'y' });
  });
});

describe('what cannot be is said', () => {
  const { causalModel } = objects;
  test.each([
    [
      { ...objects, prompt: '{third} gave a book to' },
      "'data.prompt': there is no variable 'third'. There are: first, second, repeated, asked, again, object.",
    ],
    [{ ...objects, interchange: 'which' }, "'data.interchange': there is no variable 'which'."],
    [
      {
        ...objects,
        causalModel: { ...causalModel, asked: { parents: ['repeated'], table: { first: 'second' } } },
      },
      "'data.causalModel.asked.table': it says nothing of 'second'.",
    ],
    [
      {
        ...objects,
        causalModel: {
          ...causalModel,
          asked: { parents: ['repeated'], table: { first: 'second', second: 'first', third: 'first' } },
        },
      },
      "'data.causalModel.asked.table': 'third' is no value of repeated.",
    ],
    [
      { ...objects, causalModel: { ...causalModel, asked: { parents: ['repeted'], function: 'copy' } } },
      "'data.causalModel.asked.parents': there is no variable 'repeted'.",
    ],
    [
      {
        ...objects,
        causalModel: {
          ...causalModel,
          repeated: { parents: ['asked'], function: 'copy' },
          asked: { parents: ['repeated'], function: 'copy' },
        },
      },
      'depend on each other in a circle',
    ],
    [
      {
        ...objects,
        causalModel: { ...causalModel, again: { parents: ['first', 'second'], function: 'and' } },
      },
      "'data.causalModel.again.parents': 'and' takes 'true' and 'false', and 'first' has others.",
    ],
    [
      {
        ...objects,
        causalModel: { ...causalModel, again: { parents: ['first', 'second'], function: 'copy' } },
      },
      "'data.causalModel.again.parents': 'copy' takes 1 of them, and there are 2.",
    ],
    [
      {
        ...objects,
        causalModel: { ...causalModel, again: { parents: ['repeated', 'first'], function: 'choose' } },
      },
      "the first chooses one of the others by its name, and 'second' is none of first.",
    ],
    [
      {
        ...objects,
        causalModel: { ...causalModel, first: { values: ['Mary'] }, second: { values: ['Mary'] } },
      },
      "'data.distinct': of 10000 draws none was so.",
    ],
    [
      { ...objects, interchange: 'first', label: ' {second}', only: 'changed' },
      "'data.only': of 10000 draws none was so.",
    ],
    [
      { ...objects, causalModel: { ...causalModel, first: { values: ['{first}'] } } },
      "'data.prompt': its variables hold each other in a circle.",
    ],
    [{ ...objects, prompt: 'x{first}y' }, 'ends where {first} does. Put a space or a mark after it.'],
  ])('%#', (data, words) => {
    expect(() => examplesOf(data)).toThrow(words);
  });

  test.each([
    [{ ...objects, count: 0 }, 'data.count'],
    [{ ...objects, causalModel: { first: { values: [] } } }, 'A variable needs at least one value'],
    [{ ...objects, causalModel: { first: { parents: ['a'], function: 'xor' } } }, 'xor'],
    [{ ...objects, causalModel: { 'a b': { values: ['x'] } } }, 'A variable is named by letters'],
    [{}, 'causalModel'],
  ])('in the form of the file: %#', (data, words) => {
    expect(() => around(data)).toThrow(words);
  });
});
