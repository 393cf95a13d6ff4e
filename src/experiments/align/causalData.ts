// Examples that an experiment file does not list but declares: a causal model of named variables, a prompt that they fill,
// and which of them is interchanged. The causal model says what follows each pair.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { quoted } from '../../messages/wording.ts';
import { uniformStream } from '../../random/noise.ts';
import { runForward, runInterchange, type Setting, sampleBalanced, sampleInput } from './causalModel.ts';
import type { CausalData } from './causalSchema.ts';
import { Declared, type Filled, fill, positionsOf } from './declaredModel.ts';
import type { AlignExampleFile } from './example.ts';

/** Draws until one is as wanted. */
const maxAttempts = 10_000;

/** An example with what every variable is: of the base, of the first source, and of the base after the interchange. */
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
  const { prompt, target, label, balanced, distinct = [], count, only, seed } = data;
  const { furtherInterchange: further = [] } = data;
  /** By source. */
  const interchanged = [data.interchange, ...further].map((each) =>
    typeof each === 'string' ? [each] : each,
  );
  for (const [at, names] of interchanged.entries()) {
    const where = at === 0 ? 'interchange' : `furtherInterchange.${at - 1}`;
    for (const each of names) {
      declared.require(each, where);
      if (interchanged.slice(0, at).some((earlier) => earlier.includes(each)))
        declared.fail(where, `${quoted(each)} is given by another source already. Name each variable once.`);
    }
  }
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
    const base = input();
    const all = interchanged.map((names) => ({ names, source: input() }));
    const sources = Object.fromEntries(
      all.flatMap(({ names, source }) => names.map((each) => [each, source])),
    );
    return {
      baseSetting: runForward(model, base),
      sourceSettings: all.map(({ source }) => runForward(model, source)),
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
  /** With what the decoder has written, where the file says so. */
  const whole = (text: string, setting: Setting<string>) =>
    target === undefined ? text : { prompt: text, target: fill(target, setting, declared, 'target').text };
  for (let drawn = 0; drawn < count; drawn++) {
    const { baseSetting, sourceSettings, setting } = again(
      'only',
      pair,
      (drawn) => only === undefined || labelOf(drawn.baseSetting) !== labelOf(drawn.setting),
    );
    const own = fill(prompt, baseSetting, declared, 'prompt');
    const others = sourceSettings.map((each) => fill(prompt, each, declared, 'prompt'));
    const otherPositions = others.map((other) => new Map(positionsIn(other)));
    // A name that some prompt lacks is left out.
    const positions = positionsIn(own).flatMap(([variable, at]) => {
      const there = otherPositions.flatMap((known) => known.get(variable) ?? []);
      const [first = at, ...more] = there;
      return there.length < others.length ? [] : [[variable, [at, first, ...more]] as const];
    });
    const [sourceSetting = baseSetting] = sourceSettings;
    const [source = '', ...more] = sourceSettings.map((each, at) => whole(others[at]?.text ?? '', each));
    const example: AlignExampleFile = {
      base: whole(own.text, baseSetting),
      source,
      ...(further.length === 0 ? {} : { furtherSources: more }),
      label: labelOf(setting),
      baseLabel: labelOf(baseSetting),
      sourceLabel: labelOf(sourceSetting),
      ...(further.length === 0 ? {} : { furtherSourceLabels: sourceSettings.slice(1).map(labelOf) }),
      positions: Object.fromEntries(
        positions.map(([variable, [at, first, ...more]]): [string, [number, number, ...number[]]] => [
          variable,
          [at, first, ...more],
        ]),
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
