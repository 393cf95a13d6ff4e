// Examples that an experiment file does not list but declares: a causal model of named variables, a prompt that they fill,
// and which of them is interchanged. The causal model says what follows each pair.

import * as v from 'valibot';
import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { quoted } from '../../messages/wording.ts';
import { uniformStream } from '../../random/noise.ts';
import { ExperimentError, type Immutable, wholeNumber } from '../experimentFile.ts';
import { placedPrompt } from '../promptText.ts';
import {
  type CausalModel,
  causalModel,
  runForward,
  runInterchange,
  type Setting,
  sampleBalanced,
  sampleInput,
} from './causalModel.ts';
import type { AlignExampleFile } from './example.ts';

/** Combinations are of the values of a variable's parents. */
const limits = { values: 10_000, examples: 50_000, combinations: 200_000 };
/** Draws until one is as wanted. */
const maxAttempts = 10_000;

/** A word that can stand in braces. */
const name = v.pipe(
  v.string(),
  v.regex(/^[\p{L}_][\p{L}\p{N}_]*$/u, 'A variable is named by letters, digits and _'),
  v.check((word) => word !== 'last', "'last' is the last token of a prompt; name the variable otherwise"),
);
/** Keys that would be lost on the way. */
const lost = ['__proto__', 'constructor', 'prototype'];
const losesNothing = v.pipe(
  v.unknown(),
  v.check(
    (given) => typeof given !== 'object' || given === null || !lost.some((key) => Object.hasOwn(given, key)),
    `The names ${lost.join(', ')} cannot be used`,
  ),
);
const values = v.pipe(
  v.array(v.string()),
  v.minLength(1, 'A variable needs at least one value'),
  v.maxLength(limits.values),
  v.check((list) => new Set(list).size === list.length, 'A value is given twice'),
);
const parents = v.pipe(v.array(name), v.minLength(1, 'Name at least one parent; an input has no parents'));

/** Functions of any parents; truth is written 'true' and 'false'. */
const functionNames = ['copy', 'equal', 'different', 'and', 'or', 'not', 'choose'] as const;

const inputSchema = v.strictObject({ values });
/** Values of the parents, joined by a comma and a space, and what follows from them. */
const tableSchema = v.strictObject({
  parents,
  table: v.pipe(losesNothing, v.record(v.string(), v.string())),
});
const functionSchema = v.strictObject({ parents, function: v.picklist(functionNames) });

/** By what it has, so that an error is about the form that was meant. */
const variableSchema = v.lazy<typeof inputSchema | typeof tableSchema | typeof functionSchema>((given) => {
  const has = (key: string) => typeof given === 'object' && given !== null && key in given;
  if (has('table')) return tableSchema;
  return has('function') || has('parents') ? functionSchema : inputSchema;
});

export const causalDataSchema = v.strictObject({
  causalModel: v.pipe(
    losesNothing,
    v.record(name, variableSchema),
    v.check((variables) => Object.keys(variables).length > 0, 'It needs at least one variable'),
  ),
  /** With variables in braces, whose values may hold others: `{name} is ill, and {frame}`. */
  prompt: v.string(),
  /** What follows the prompt, in the same form; one token: ` {pronoun}`. */
  label: v.string(),
  /** The variables whose values the source gives. */
  interchange: v.union([name, v.pipe(v.array(name), v.minLength(1, 'Name at least one variable'))]),
  count: v.pipe(wholeNumber, v.minValue(1), v.maxValue(limits.examples)),
  /** A variable of which each value is as likely as another, in bases and in sources. */
  balanced: v.optional(name),
  /** Variables that never have the same value in one prompt. */
  distinct: v.optional(
    v.pipe(
      v.array(name),
      v.minLength(2, 'Name at least two variables'),
      v.check((names) => new Set(names).size === names.length, 'A variable is named twice'),
    ),
  ),
  /** `changed` leaves out pairs whose label is that of the base. */
  only: v.optional(v.picklist(['changed'])),
  seed: v.optional(v.pipe(wholeNumber, v.minValue(0), v.maxValue(2 ** 32 - 1)), 0),
});

export type CausalData = Immutable<v.InferOutput<typeof causalDataSchema>>;
export type CausalDataFile = Immutable<v.InferInput<typeof causalDataSchema>>;
type Variable = CausalData['causalModel'][string];

const truth = ['false', 'true'] as const;
const spoken = (is: boolean): string => String(is);
const separator = ', ';

/** How many parents a function takes. */
const arity: Readonly<Record<(typeof functionNames)[number], readonly [number, number]>> = {
  copy: [1, 1],
  not: [1, 1],
  equal: [2, 2],
  different: [2, 2],
  and: [2, 20],
  or: [2, 20],
  choose: [2, 21],
};

class Declared {
  readonly #variables: CausalData['causalModel'];
  readonly #field: string;
  readonly #values = new Map<string, readonly string[]>();

  constructor(variables: CausalData['causalModel'], field: string) {
    this.#variables = variables;
    this.#field = field;
  }

  fail(where: string, problem: string): never {
    throw new ExperimentError(`'${this.#field}.${where}': ${problem}`);
  }

  /** @throws ExperimentError for a name that no variable has */
  require(variable: string, where: string): Variable {
    const found = Object.hasOwn(this.#variables, variable) ? this.#variables[variable] : undefined;
    if (found) return found;
    return this.fail(
      where,
      `there is no variable ${quoted(variable)}. There are: ${Object.keys(this.#variables).join(', ')}.`,
    );
  }

  model(): CausalModel<string> {
    const entries = Object.entries(this.#variables);
    for (const [variable, declared] of entries)
      if ('parents' in declared)
        for (const parent of declared.parents) this.require(parent, `causalModel.${variable}.parents`);
    const structure = {
      parents: Object.fromEntries(
        entries.map(([variable, declared]) => [variable, 'parents' in declared ? declared.parents : []]),
      ),
      values: Object.fromEntries(entries.map(([variable]) => [variable, []])),
      functions: Object.fromEntries(entries.map(([variable]) => [variable, () => ''])),
    };
    // Without a circle, parents come before children; only then have they values.
    const { variables } = causalModel<string>(structure);
    const functions = Object.fromEntries(
      variables.map((variable) => [variable, this.#functionOf(variable)] as const),
    );
    return causalModel({ ...structure, values: Object.fromEntries(this.#values), functions });
  }

  #valuesOf(variable: string): readonly string[] {
    return this.#values.get(variable) ?? [];
  }

  /** Notes the values that a variable can have, too. */
  #functionOf(variable: string): (...given: readonly string[]) => string {
    const declared = this.require(variable, 'causalModel');
    const where = `causalModel.${variable}`;
    if ('values' in declared) {
      this.#values.set(variable, declared.values);
      return () => declared.values[0] ?? '';
    }
    const { parents: given } = declared;
    const combined = given.reduce((product, parent) => product * this.#valuesOf(parent).length, 1);
    if (combined > limits.combinations)
      this.fail(
        `${where}.parents`,
        `their values have ${combined} combinations, and there can be at most ${limits.combinations}.`,
      );
    if ('table' in declared) {
      const { table } = declared;
      const combinations = given.reduce<readonly string[]>(
        (keys, parent, at) =>
          keys.flatMap((key) =>
            this.#valuesOf(parent).map((value) => (at === 0 ? value : `${key}${separator}${value}`)),
          ),
        [''],
      );
      const missing = combinations.find((key) => !Object.hasOwn(table, key));
      if (missing !== undefined) this.fail(`${where}.table`, `it says nothing of ${quoted(missing)}.`);
      const known = new Set(combinations);
      if (known.size < combinations.length)
        this.fail(
          `${where}.table`,
          `two combinations of ${given.join(' and ')} are written alike, because values hold '${separator}'. Write these values otherwise.`,
        );
      const stray = Object.keys(table).find((key) => !known.has(key));
      if (stray !== undefined)
        this.fail(`${where}.table`, `${quoted(stray)} is not a value of ${given.join(' and ')}.`);
      this.#values.set(variable, [...new Set(combinations.map((key) => table[key] ?? ''))]);
      return (...from) => table[from.join(separator)] ?? '';
    }
    return this.#named(declared, where, variable);
  }

  #named(
    { function: named, parents: given }: Extract<Variable, { readonly function: unknown }>,
    where: string,
    variable: string,
  ): (...given: readonly string[]) => string {
    const [least, greatest] = arity[named];
    if (given.length < least || given.length > greatest)
      this.fail(
        `${where}.parents`,
        `'${named}' takes ${least === greatest ? least : `${least} to ${greatest}`} of them, and there are ${given.length}.`,
      );
    const all = given.map((parent) => this.#valuesOf(parent));
    const [first = []] = all;
    const ofTruth = named === 'and' || named === 'or' || named === 'not';
    const untrue = ofTruth
      ? given.find((_, at) => all[at]?.some((value) => value !== 'true' && value !== 'false'))
      : undefined;
    if (untrue !== undefined)
      this.fail(`${where}.parents`, `'${named}' takes 'true' and 'false', and ${quoted(untrue)} has others.`);
    const [, ...others] = given;
    if (named === 'choose') {
      const stray = first.find((value) => !others.includes(value));
      if (stray !== undefined)
        this.fail(
          `${where}.parents`,
          `the first chooses one of the others by its name, and ${quoted(stray)} is none of ${others.join(', ')}.`,
        );
    }
    const chosen = [...new Set(all.slice(1).flat())];
    this.#values.set(variable, named === 'copy' ? first : named === 'choose' ? chosen : truth);
    switch (named) {
      case 'copy':
        return (value = '') => value;
      case 'equal':
        return (a, b) => spoken(a === b);
      case 'different':
        return (a, b) => spoken(a !== b);
      case 'and':
        return (...from) => spoken(from.every((value) => value === 'true'));
      case 'or':
        return (...from) => spoken(from.includes('true'));
      case 'not':
        return (value) => spoken(value !== 'true');
      case 'choose':
        return (choice = '', ...from) => from[others.indexOf(choice)] ?? '';
      default:
        return named satisfies never;
    }
  }
}

interface Filled {
  readonly text: string;
  /** Where the text of each variable ends, in characters: the second time as `name.2`. */
  readonly ends: ReadonlyMap<string, number>;
}

/** A text with its variables. @throws ExperimentError for a variable that does not exist, or that holds itself */
function fill(template: string, setting: Setting<string>, declared: Declared, where: string): Filled {
  const ends = new Map<string, number>();
  const counts = new Map<string, number>();
  const open: string[] = [];
  let text = '';
  const write = (part: string): void => {
    for (const [piece, variable] of part.matchAll(/\{([^{}]*)\}|[^{}]+|[{}]/g)) {
      if (variable === undefined) {
        if (piece === '{' || piece === '}')
          declared.fail(
            where,
            `a brace of ${quoted(part)} has no other half. A variable stands in {braces}.`,
          );
        text += piece;
        continue;
      }
      declared.require(variable, where);
      if (open.includes(variable)) declared.fail(where, 'its variables hold each other in a circle.');
      const count = (counts.get(variable) ?? 0) + 1;
      counts.set(variable, count);
      const before = text.length;
      open.push(variable);
      write(setting[variable] ?? '');
      open.pop();
      // Where nothing is written there is no position.
      if (text.length > before) ends.set(count === 1 ? variable : `${variable}.${count}`, text.length);
    }
  };
  write(template);
  return { text, ends };
}

/** The token that ends where a part of a text ends. @throws ExperimentError when none does */
function positionsOf({ text, ends }: Filled, tokenizer: Tokenizer, declared: Declared) {
  const { places } = placedPrompt(text, tokenizer);
  return [...ends].flatMap(([variable, end]): readonly (readonly [string, number])[] => {
    const position = places.findLastIndex((place) => place !== null && place[1] === end);
    if (position < 0)
      declared.fail(
        'prompt',
        `no token of ${quoted(text)} ends where {${variable}} does. Put a space or a mark after it.`,
      );
    return [[variable, position]];
  });
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
    yield {
      base: own.text,
      source: other.text,
      label: labelOf(setting),
      baseLabel: labelOf(baseSetting),
      sourceLabel: labelOf(sourceSetting),
      positions: Object.fromEntries(positions.map(([variable, [a = 0, b = 0]]) => [variable, [a, b]])),
    };
  }
}
