import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeArchitecture } from '../../architectures/registry.ts';
import type { Checkpoint, Tokenizer } from '../../checkpoint/checkpoint.ts';
import { openModel } from '../../checkpoint/openNode.ts';
import { causalExamples } from './causalData.ts';
import type { CausalDataFile } from './causalSchema.ts';
import type { AlignExampleFile } from './example.ts';
import { readAlignExperiment } from './experiment.ts';
import { resolveAlign, resolveAlignBreathing } from './resolve.ts';

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
  return [...causalExamples(read, tokenizer, 'data')];
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

test('values of a balanced variable are equally likely though its parents share an input, and equal in many values is quick', () => {
  const shared = examplesOf({
    causalModel: {
      a: { values: ['1', '2', '3', '4'] },
      p: { parents: ['a'], table: { 1: 'x', 2: 'y', 3: 'y', 4: 'y' } },
      q: { parents: ['a'], table: { 1: 'x', 2: 'x', 3: 'x', 4: 'y' } },
      c: { parents: ['p', 'q'], function: 'equal' },
    },
    prompt: '{a} .',
    label: ' {c}',
    interchange: 'c',
    balanced: 'c',
    count: 400,
  });
  const yes = shared.filter(({ baseLabel }) => baseLabel === ' true').length;
  expect(Math.abs(yes / 400 - 0.5)).toBeLessThan(0.1);
  const many = Array.from({ length: 100 }, (_, at) => `w${at}`);
  const equal = examplesOf({
    causalModel: { a: { values: many }, b: { values: many }, c: { parents: ['a', 'b'], function: 'equal' } },
    prompt: '{a} {b} .',
    label: ' {c}',
    interchange: 'c',
    balanced: 'c',
    count: 300,
  });
  const same = equal.filter(({ base }) => String(base).split(' ')[0] === String(base).split(' ')[1]).length;
  expect(Math.abs(same / 300 - 0.5)).toBeLessThan(0.1);
});

test('a chain of many variables is no circle, and what is empty has no position', () => {
  const chain = Object.fromEntries(
    Array.from({ length: 12 }, (_, at) => [`v${at}`, { values: [at === 11 ? 'end' : `{v${at + 1}}`] }]),
  );
  const [example] = examplesOf({
    causalModel: { ...chain, none: { values: [''] } },
    prompt: 'The {v0}{none} .',
    label: ' x',
    interchange: 'v0',
    count: 1,
  });
  expect(example?.base).toBe('The end .');
  expect(Object.keys(example?.positions ?? {})).not.toContain('none');
  expect(Object.keys(example?.positions ?? {})).toContain('v11');
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

describe('what cannot be is refused', () => {
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
      "'data.causalModel.asked.table': 'third' is not a value of repeated.",
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
      "'data.distinct': of 10000 draws none fits.",
    ],
    [
      { ...objects, interchange: 'first', label: ' {second}', only: 'changed' },
      "'data.only': of 10000 draws none fits.",
    ],
    [
      { ...objects, causalModel: { ...causalModel, first: { values: ['{first}'] } } },
      "'data.prompt': its variables hold each other in a circle.",
    ],
    [
      { ...objects, prompt: '{first and {second} met' },
      "'data.prompt': a brace of '{first and {second} met' has no other half.",
    ],
    [{ ...objects, label: ' object}' }, "'data.label': a brace of ' object}' has no other half."],
    [{ ...objects, interchange: 'toString' }, "'data.interchange': there is no variable 'toString'."],
    [{ ...objects, prompt: '{valueOf}' }, "'data.prompt': there is no variable 'valueOf'."],
    [
      {
        ...objects,
        causalModel: { ...causalModel, asked: { parents: ['hasOwnProperty'], function: 'copy' } },
      },
      "'data.causalModel.asked.parents': there is no variable 'hasOwnProperty'.",
    ],
    [
      {
        ...objects,
        causalModel: {
          ...causalModel,
          a: { values: ['x', 'x, y'] },
          b: { values: ['z', 'y, z'] },
          c: {
            parents: ['a', 'b'],
            table: { 'x, z': '1', 'x, y, z': '2', 'x, y, y, z': '3' },
          },
        },
      },
      "'data.causalModel.c.table': two combinations of a and b are written alike",
    ],
    [
      {
        ...objects,
        causalModel: {
          a: { values: Array.from({ length: 500 }, (_, at) => `a${at}`) },
          b: { values: Array.from({ length: 500 }, (_, at) => `b${at}`) },
          c: { parents: ['a', 'b'], table: {} },
        },
      },
      "'data.causalModel.c.parents': their values have 250000 combinations, and there can be at most 200000.",
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
    [{ ...objects, causalModel: {} }, 'It needs at least one variable'],
    [{ ...objects, distinct: ['first', 'first'] }, 'A variable is named twice'],
    [{ ...objects, causalModel: { last: { values: ['x'] } } }, "'last' is the last token of a prompt"],
    [{ ...objects, causalModel: JSON.parse('{"__proto__":{"values":["x"]}}') }, 'cannot be used'],
    [
      {
        ...objects,
        causalModel: { a: { values: ['constructor'] }, b: { parents: ['a'], table: { constructor: 'x' } } },
      },
      'cannot be used',
    ],
  ])('in the form of the file: %#', (data, words) => {
    expect(() => around(data)).toThrow(words);
  });
});

describe('many declared examples', () => {
  const many = () =>
    readAlignExperiment({
      kind: 'align',
      version: 1,
      model: 'tiny-atlas',
      site: { component: 'block_output', layer: 0, position: 'last' },
      intervention: { type: 'LowRankRotated', rank: 1 },
      data: { ...objects, count: 1000 },
    });
  const architectureOf = () => describeArchitecture(checkpoint.config, new Set(checkpoint.tensors.keys()));

  test('are the same when they are drawn with breaths between them, one after each', async () => {
    let breaths = 0;
    const breathe = async () => {
      breaths += 1;
    };
    const found = await resolveAlignBreathing(architectureOf(), tokenizer, many(), { breathe });
    expect(breaths).toBe(1000);
    expect(found).toEqual(resolveAlign(architectureOf(), tokenizer, many()));
  });

  test('stop where they are when they are cancelled', async () => {
    const controller = new AbortController();
    let breaths = 0;
    const breathe = async () => {
      breaths += 1;
      if (breaths === 10) controller.abort(new Error('enough'));
    };
    const options = { breathe, signal: controller.signal };
    const stopped = resolveAlignBreathing(architectureOf(), tokenizer, many(), options);
    await expect(stopped).rejects.toThrow('enough');
    expect(breaths).toBe(10);
  });
});
