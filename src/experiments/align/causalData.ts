// Examples that an experiment file does not list but declares: a causal model of named variables, a prompt that they fill,
// and which of them is interchanged. The causal model says what follows each pair.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { uniformStream } from '../../random/noise.ts';
import { runForward, runInterchange, type Setting, sampleBalanced, sampleInput } from './causalModel.ts';
import type { CausalData } from './causalSchema.ts';
import { Declared, type Filled, fill, positionsOf } from './declaredModel.ts';
import type { AlignExampleFile } from './example.ts';

/** Draws until one is as wanted. */
const maxAttempts = 10_000;

/** An example with what every variable is: of the base, of the source, and of the base after the interchange. */
export interface CausalPair {
  readonly example: AlignExampleFile;
  readonly baseSetting: Setting<string>;
  readonly sourceSetting: Setting<string>;
  readonly setting: Setting<string>;
}

/** The examples that a file declares, one by one. @throws ExperimentError as `causalExamples` does */
export function* causalPairs(
  data: CausalData,
  tokenizer: Tokenizer,
  field: string,
): Generator<CausalPair, void> {
  const declared = new Declared(data.causalModel, field);
  const model = declared.model();
  const { prompt, label, balanced, distinct = [], count, only, seed } = data;
  const interchanged = typeof data.interchange === 'string' ? [data.interchange] : data.interchange;
  for (const each of interchanged) declared.require(each, 'interchange');
  for (const each of distinct) declared.require(each, 'distinct');
  if (balanced !== undefined) declared.require(balanced, 'balanced');
  const random = uniformStream(seed);
  const labelOf = (setting: Setting<string>) => fill(label, setting, declared, 'label').text;
  const again = <T>(what: string, draw: () => T, isWanted: (drawn: T) => boolean): T => {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const drawn = draw();
      if (isWanted(drawn)) return drawn;
    }
    return declared.fail(what, `of ${maxAttempts} draws none fits. Ask for less, or give more values.`);
  };
  const input = () =>
    again(
      'distinct',
      () => (balanced === undefined ? sampleInput(model, random) : balancedInput(balanced)),
      (drawn) => {
        const setting = runForward(model, drawn);
        return new Set(distinct.map((each) => setting[each])).size === distinct.length;
      },
    );
  /** The value first, then an input that has it. */
  const balancedInput = (variable: string) => {
    const possible = model.values[variable] ?? [];
    const value = possible[Math.floor(random() * possible.length)];
    return again(
      'balanced',
      () => sampleBalanced(model, random, variable, value),
      (drawn) => runForward(model, drawn)[variable] === value,
    );
  };
  const pair = () => {
    const [base, source] = [input(), input()];
    const sources = Object.fromEntries(interchanged.map((each) => [each, source]));
    return {
      baseSetting: runForward(model, base),
      sourceSetting: runForward(model, source),
      setting: runInterchange(model, base, sources),
    };
  };
  // There may be many more examples than prompts.
  const known = new Map<string, ReturnType<typeof positionsOf>>();
  const positionsIn = (filled: Filled) => {
    const key = JSON.stringify([filled.text, ...filled.ends]);
    const found = known.get(key) ?? positionsOf(filled, tokenizer, declared);
    known.set(key, found);
    return found;
  };
  for (let drawn = 0; drawn < count; drawn++) {
    const { baseSetting, sourceSetting, setting } = again(
      'only',
      pair,
      (drawn) => only === undefined || labelOf(drawn.baseSetting) !== labelOf(drawn.setting),
    );
    const [own, other] = [baseSetting, sourceSetting].map((each) =>
      fill(prompt, each, declared, 'prompt'),
    ) as [Filled, Filled]; // Two go in.
    const otherPositions = new Map(positionsIn(other));
    const positions = positionsIn(own).flatMap(([variable, at]) => {
      const there = otherPositions.get(variable);
      return there === undefined ? [] : [[variable, [at, there]] as const];
    });
    const example = {
      base: own.text,
      source: other.text,
      label: labelOf(setting),
      baseLabel: labelOf(baseSetting),
      sourceLabel: labelOf(sourceSetting),
      positions: Object.fromEntries(
        positions.map(([variable, [a = 0, b = 0]]): [string, [number, number]] => [variable, [a, b]]),
      ),
    };
    yield { example, baseSetting, sourceSetting, setting };
  }
}

/**
 * The examples that a file declares, one by one: there may be so many that a page has to breathe between them.
 * @param field of the file, for messages: `data`
 * @throws ExperimentError that names the part, what was given and what would be right
 */
export function* causalExamples(
  data: CausalData,
  tokenizer: Tokenizer,
  field: string,
): Generator<AlignExampleFile, void> {
  for (const { example } of causalPairs(data, tokenizer, field)) yield example;
}
