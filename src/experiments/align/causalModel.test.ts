import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { uniformStream } from '../../random/noise.ts';
import {
  causalModel,
  counterfactualExamples,
  equivalenceClasses,
  runForward,
  runInterchange,
  sampleBalanced,
  sampleInput,
} from './causalModel.ts';

type Value = number | boolean;
type Values = Readonly<Record<string, Value>>;

/** What pyvene's `CausalModel` gives; see make_causal.py. */
interface Expected {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly timesteps: Readonly<Record<string, number>>;
  readonly default: Values;
  readonly forward: readonly (readonly [Values, Values])[];
  readonly interchange: readonly (readonly [Values, string, Values, Values])[];
  readonly classes: Readonly<Record<string, readonly (readonly [Value, number])[]>>;
}
const expected: { readonly conjunction: Expected; readonly equality: Expected } = JSON.parse(
  readFileSync(new URL('expected/causal.expected.json', import.meta.url), 'utf8'),
);

const bits = [false, true];
const conjunction = causalModel<Value>({
  values: { A: bits, B: bits, C: bits },
  parents: { A: [], B: [], C: ['A', 'B'] },
  functions: { A: () => true, B: () => false, C: (a = false, b = false) => a && b },
});
const same = (a?: Value, b?: Value) => a === b;
const digits = [0, 1, 2];
const equality = causalModel<Value>({
  values: { W: digits, X: digits, Y: digits, Z: digits, WX: bits, YZ: bits, O: bits },
  parents: { W: [], X: [], Y: [], Z: [], WX: ['W', 'X'], YZ: ['Y', 'Z'], O: ['WX', 'YZ'] },
  functions: { W: () => 0, X: () => 0, Y: () => 0, Z: () => 0, WX: same, YZ: same, O: same },
});

describe.each([
  ['a conjunction', conjunction, expected.conjunction],
  ['hierarchical equality', equality, expected.equality],
] as const)('%s is as in pyvene:', (_, model, pyvene) => {
  test('inputs, outputs and timesteps', () => {
    expect(model.inputs).toEqual(pyvene.inputs);
    expect(model.outputs).toEqual(pyvene.outputs);
    expect(model.timesteps).toEqual(pyvene.timesteps);
  });

  test('running forward, from defaults and from inputs', () => {
    expect(runForward(model)).toEqual(pyvene.default);
    for (const [input, setting] of pyvene.forward) expect(runForward(model, input)).toEqual(setting);
  });

  test('interchanging a variable', () => {
    expect(pyvene.interchange.length).toBeGreaterThan(0);
    for (const [base, variable, source, setting] of pyvene.interchange)
      expect(runInterchange(model, base, { [variable]: source })).toEqual(setting);
  });

  test('equivalence classes', () => {
    for (const [variable, sizes] of Object.entries(pyvene.classes)) {
      const classes = equivalenceClasses(model, variable);
      for (const [value, size] of sizes) expect(classes.get(value)?.length ?? 0).toBe(size);
    }
  });
});

describe('samples', () => {
  test('are balanced over the output where inputs are not', () => {
    const random = uniformStream(3);
    const share = (draw: () => Values) => {
      const drawn = Array.from({ length: 2000 }, draw);
      return drawn.filter((input) => runForward(conjunction, input).C).length / drawn.length;
    };
    // Four inputs, one of which gives true; balanced it is half. Two standard errors of 2000 draws are 0.022.
    expect(Math.abs(share(() => sampleInput(conjunction, random)) - 0.25)).toBeLessThan(0.03);
    expect(Math.abs(share(() => sampleBalanced(conjunction, random)) - 0.5)).toBeLessThan(0.03);
    expect(runForward(equality, sampleBalanced(equality, random, 'WX', true)).WX).toBe(true);
  });

  test('can be asked for a partial setting, and come again with their seed', () => {
    const draw = (seed: number) =>
      sampleInput(equality, uniformStream(seed), ({ WX, O }) => WX === true && O === false);
    expect(runForward(equality, draw(5))).toMatchObject({ WX: true, O: false, YZ: false });
    expect(draw(5)).toEqual(draw(5));
  });

  test('of interchanges hold what the model gives', () => {
    const pairs = counterfactualExamples(equality, 20, uniformStream(2), {
      variables: ['WX'],
      isWanted: ({ baseSetting, setting }) => baseSetting.O !== setting.O,
    });
    for (const { base, sources, baseSetting, setting } of pairs) {
      const source = runForward(equality, sources.WX);
      const own = runForward(equality, base);
      expect(baseSetting).toEqual(own);
      expect(setting.O).toBe(source.WX === own.YZ);
      expect(setting.O).not.toBe(own.O);
    }
  });
});

const yes = () => true;

describe('a causal model is refused', () => {
  const build = (parents: Readonly<Record<string, readonly string[]>>) =>
    causalModel<Value>({
      parents,
      values: { A: bits, B: bits },
      functions: { A: yes, B: yes },
    });
  test.each([
    ['with a circle', { A: ['B'], B: ['A'] }, "The variables 'A', 'B' depend on each other in a circle."],
    [
      'with a parent that is not a variable',
      { A: [], B: ['C'] },
      "has the parent 'C', which is not a variable.",
    ],
    ['without values', { A: [], B: [], C: [] }, "The variable 'C' of the causal model has no values."],
  ])('%s', (_, parents, sentence) => {
    expect(() => build(parents)).toThrow(sentence);
  });

  test('where it is asked for what it does not have', () => {
    const random = uniformStream(1);
    expect(() => runInterchange(conjunction, {}, { D: {} })).toThrow("has no variable 'D'");
    expect(() => counterfactualExamples(conjunction, 1, random, { variables: ['D'] })).toThrow(
      "has no variable 'D'",
    );
    expect(() => sampleInput(conjunction, random, () => false)).toThrow(
      'Of 100000 inputs of the causal model none',
    );
  });
});
