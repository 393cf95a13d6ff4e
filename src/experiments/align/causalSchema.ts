// What an experiment file may declare in the place of examples: the variables of a causal model, a prompt that they fill, the
// label, and which of them is interchanged. `declaredModel.ts` says what it means.

import * as v from 'valibot';
import { type Immutable, wholeNumber } from '../experimentFile.ts';

/** Combinations are of the values of a variable's parents. */
export const causalLimits = { values: 10_000, examples: 50_000, combinations: 200_000 };
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
  v.maxLength(causalLimits.values),
  v.check((list) => new Set(list).size === list.length, 'A value is given twice'),
);
const parents = v.pipe(v.array(name), v.minLength(1, 'Name at least one parent; an input has no parents'));

/** Functions of any parents; truth is written 'true' and 'false'. */
export const functionNames = ['copy', 'equal', 'different', 'and', 'or', 'not', 'choose'] as const;

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

const interchanged = v.union([name, v.pipe(v.array(name), v.minLength(1, 'Name at least one variable'))]);

export const causalDataSchema = v.strictObject({
  causalModel: v.pipe(
    losesNothing,
    v.record(name, variableSchema),
    v.check((variables) => Object.keys(variables).length > 0, 'It needs at least one variable'),
  ),
  /** With variables in braces, whose values may hold others: `{name} is ill, and {frame}`. */
  prompt: v.string(),
  /** Of a model whose prompt is a source: what its decoder has written so far, in the same form; default nothing. */
  target: v.optional(v.string()),
  /** What follows the prompt, in the same form: ` {pronoun}`. */
  label: v.string(),
  /** The variables whose values the source gives. */
  interchange: interchanged,
  /** Of a joint training: those that each further source gives. */
  furtherInterchange: v.optional(
    v.pipe(v.array(interchanged), v.minLength(1, 'Name at least one variable, or leave it out')),
  ),
  count: v.pipe(wholeNumber, v.minValue(1), v.maxValue(causalLimits.examples)),
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
export type CausalVariable = CausalData['causalModel'][string];

/** How many parents a function takes. */
export const causalArity: Readonly<Record<(typeof functionNames)[number], readonly [number, number]>> = {
  copy: [1, 1],
  not: [1, 1],
  equal: [2, 2],
  different: [2, 2],
  and: [2, 20],
  or: [2, 20],
  choose: [2, 21],
};
