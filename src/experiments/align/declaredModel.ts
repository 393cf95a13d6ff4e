// A causal model that a file declares: its variables as functions, and texts that they fill, with the token at which each
// variable stands.

import type { Tokenizer } from '../../checkpoint/checkpoint.ts';
import { quoted } from '../../messages/wording.ts';
import { ExperimentError } from '../experimentFile.ts';
import { placedPrompt } from '../promptText.ts';
import { type CausalModel, causalModel, type Setting } from './causalModel.ts';
import { type CausalData, type CausalVariable, causalArity, causalLimits } from './causalSchema.ts';

const truth = ['false', 'true'] as const;
const spoken = (is: boolean): string => String(is);
const separator = ', ';

/** The causal model that a file declares, checked variable by variable. */
export class Declared {
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
  require(variable: string, where: string): CausalVariable {
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
    if (combined > causalLimits.combinations)
      this.fail(
        `${where}.parents`,
        `their values have ${combined} combinations, and there can be at most ${causalLimits.combinations}.`,
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
    { function: named, parents: given }: Extract<CausalVariable, { readonly function: unknown }>,
    where: string,
    variable: string,
  ): (...given: readonly string[]) => string {
    const [least, greatest] = causalArity[named];
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

export interface Filled {
  readonly text: string;
  /** Where the text of each variable ends, in characters: the second time as `name.2`. */
  readonly ends: ReadonlyMap<string, number>;
}

/** A text with its variables. @throws ExperimentError for a variable that does not exist, or that holds itself */
export function fill(template: string, setting: Setting<string>, declared: Declared, where: string): Filled {
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
export function positionsOf({ text, ends }: Filled, tokenizer: Tokenizer, declared: Declared) {
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
