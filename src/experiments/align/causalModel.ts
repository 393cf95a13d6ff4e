// Causal models: variables, each a function of its parents. What a network is aligned with: run forward, intervened on,
// interchanged between two inputs, and sampled from. A port of pyvene's `CausalModel` (data_generators/causal_model.py).

import { quoted } from '../../messages/wording.ts';
import { ExperimentError } from '../experimentFile.ts';

export type Setting<V> = Readonly<Record<string, V>>;
/** Uniform in [0, 1). */
export type Random = () => number;

export interface CausalDefinition<V> {
  readonly values: Readonly<Record<string, readonly V[]>>;
  /** Of an input, the empty list. */
  readonly parents: Readonly<Record<string, readonly string[]>>;
  /** Of the parents' values, in their order; of an input, what it is when nothing sets it. */
  readonly functions: Readonly<Record<string, (...parents: readonly V[]) => V>>;
}

export interface CausalModel<V> extends CausalDefinition<V> {
  /** Parents before children. */
  readonly variables: readonly string[];
  readonly children: Readonly<Record<string, readonly string[]>>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Edges of the longest way from an input; of all outputs the last. */
  readonly timesteps: Readonly<Record<string, number>>;
}

const of = <T>(record: Readonly<Record<string, T>>, name: string): T => {
  const found = Object.hasOwn(record, name) ? record[name] : undefined;
  if (found !== undefined) return found;
  throw new ExperimentError(`The causal model has no variable ${quoted(name)}.`);
};

/**
 * @throws ExperimentError for a variable without values or a function, a parent that does not exist, and a circle
 */
export function causalModel<V>(definition: CausalDefinition<V>): CausalModel<V> {
  const { values, parents, functions } = definition;
  const names = Object.keys(parents).sort();
  for (const name of names) {
    for (const [what, record] of Object.entries({ values, functions }))
      if (!Object.hasOwn(record, name))
        throw new ExperimentError(`The variable ${quoted(name)} of the causal model has no ${what}.`);
    const missing = of(parents, name).find((parent) => !Object.hasOwn(parents, parent));
    if (missing !== undefined)
      throw new ExperimentError(
        `The variable ${quoted(name)} of the causal model has the parent ${quoted(missing)}, which is not a variable.`,
      );
  }
  const steps = new Map<string, number>();
  while (steps.size < names.length) {
    const ready = names.filter(
      (name) => !steps.has(name) && of(parents, name).every((parent) => steps.has(parent)),
    );
    if (ready.length === 0) {
      const left = names.filter((name) => !steps.has(name));
      throw new ExperimentError(
        `The variables ${left.map(quoted).join(', ')} depend on each other in a circle.`,
      );
    }
    for (const name of ready)
      steps.set(name, Math.max(0, ...of(parents, name).map((parent) => 1 + (steps.get(parent) ?? 0))));
  }
  const children = Object.fromEntries(
    names.map((name) => [name, names.filter((child) => of(parents, child).includes(name))]),
  );
  const outputs = names.filter((name) => of(children, name).length === 0);
  const end = Math.max(0, ...steps.values());
  for (const output of outputs) steps.set(output, end);
  return {
    ...definition,
    children,
    outputs,
    inputs: names.filter((name) => of(parents, name).length === 0),
    timesteps: Object.fromEntries(steps),
    variables: [...names].sort((a, b) => (steps.get(a) ?? 0) - (steps.get(b) ?? 0)),
  };
}

/** Every variable's value. @param intervention values that are set, whatever the functions say: inputs among them */
export function runForward<V>(model: CausalModel<V>, intervention: Partial<Setting<V>> = {}): Setting<V> {
  const setting: Record<string, V> = {};
  for (const name of model.variables) {
    const set = intervention[name];
    setting[name] =
      set === undefined
        ? of(model.functions, name)(...of(model.parents, name).map((parent) => of(setting, parent)))
        : set;
  }
  return setting;
}

/**
 * The base with variables at the values that they have in other inputs.
 * @param sources by variable, the input that its value comes from
 */
export function runInterchange<V>(
  model: CausalModel<V>,
  base: Partial<Setting<V>>,
  sources: Readonly<Record<string, Partial<Setting<V>>>>,
): Setting<V> {
  const taken = Object.entries(sources).map(([name, source]) => [name, of(runForward(model, source), name)]);
  return runForward(model, { ...base, ...Object.fromEntries(taken) });
}

/** @throws ExperimentError when there is nothing to choose from */
function choose<T>(items: readonly T[], random: Random, what: string): T {
  const found = items[Math.floor(random() * items.length)];
  if (found !== undefined) return found;
  throw new ExperimentError(`There is nothing to choose ${what} from.`);
}

const maxAttempts = 100_000;

/**
 * Every input drawn from its values.
 * @param isWanted of the whole setting; drawn again until it is so
 * @throws ExperimentError when 100,000 draws bring none
 */
export function sampleInput<V>(
  model: CausalModel<V>,
  random: Random,
  isWanted: (setting: Setting<V>) => boolean = () => true,
): Setting<V> {
  for (let draw = 0; draw < maxAttempts; draw++) {
    const input = Object.fromEntries(
      model.inputs.map((name) => [name, choose(of(model.values, name), random, `a value of '${name}'`)]),
    );
    if (isWanted(runForward(model, input))) return input;
  }
  throw new ExperimentError(`Of ${maxAttempts} inputs of the causal model none fits; ask for less.`);
}

/** For each value of a variable, the values of its parents that lead to it. */
export function equivalenceClasses<V>(
  { parents, values, functions }: CausalModel<V>,
  variable: string,
): ReadonlyMap<V, readonly Setting<V>[]> {
  const names = of(parents, variable);
  const combinations = names.reduce<readonly Setting<V>[]>(
    (settings, name) =>
      settings.flatMap((setting) => of(values, name).map((value) => ({ ...setting, [name]: value }))),
    [{}],
  );
  const classes = new Map<V, Setting<V>[]>();
  for (const setting of combinations) {
    const value = of(functions, variable)(...names.map((name) => of(setting, name)));
    const known = classes.get(value);
    if (known) known.push(setting);
    else classes.set(value, [setting]);
  }
  return classes;
}

const knownClasses = new WeakMap<object, Map<string, ReadonlyMap<unknown, readonly unknown[]>>>();

/** `equivalenceClasses`, made once for each variable of a model. */
function classesOf<V>(model: CausalModel<V>, variable: string): ReadonlyMap<V, readonly Setting<V>[]> {
  const known = knownClasses.get(model) ?? new Map<string, ReadonlyMap<unknown, readonly unknown[]>>();
  knownClasses.set(model, known);
  const made = known.get(variable) ?? equivalenceClasses(model, variable);
  known.set(variable, made);
  // What is known of a model was made of it.
  return made as ReadonlyMap<V, readonly Setting<V>[]>;
}

/**
 * An input that gives a variable a value, with each choice on the way back equally likely: outputs come out balanced.
 * Where two ways back meet in one input the last wins, and the variable may come out otherwise; pyvene's does the same.
 * @param variable default the only output
 * @param value    default drawn from the variable's values
 * @throws ExperimentError for a value that no input gives, and where there are several outputs and none is named
 */
export function sampleBalanced<V>(
  model: CausalModel<V>,
  random: Random,
  variable?: string,
  value?: V,
): Setting<V> {
  const [output, ...others] = model.outputs;
  const name = variable ?? output ?? '';
  if (variable === undefined && others.length > 0)
    throw new ExperimentError(
      `The causal model has the outputs ${model.outputs.join(', ')}; name one of them.`,
    );
  const input: Record<string, V> = {};
  const back = (at: string, wanted: V): void => {
    if (of(model.parents, at).length === 0) {
      input[at] = wanted;
      return;
    }
    const ways = classesOf(model, at).get(wanted) ?? [];
    for (const [parent, each] of Object.entries(choose(ways, random, `an input for '${at}' to be ${wanted}`)))
      back(parent, each);
  };
  back(name, value ?? choose(of(model.values, name), random, `a value of '${name}'`));
  for (const each of model.inputs)
    input[each] ??= choose(of(model.values, each), random, `a value of '${each}'`);
  return input;
}

export interface CounterfactualExample<V> {
  readonly base: Setting<V>;
  /** By the variable that is interchanged. */
  readonly sources: Readonly<Record<string, Setting<V>>>;
  readonly baseSetting: Setting<V>;
  /** After the interchange. */
  readonly setting: Setting<V>;
}

export interface CounterfactualOptions<V> {
  /** Variables that are interchanged together, each from a source of its own. */
  readonly variables: readonly string[];
  readonly sample?: (random: Random) => Setting<V>;
  /** Pairs that are left out and drawn again; default none. */
  readonly isWanted?: (example: CounterfactualExample<V>) => boolean;
}

/**
 * Pairs of inputs with what the model makes of their interchange.
 * @throws ExperimentError for an unknown variable, or when 100,000 draws bring no pair that is wanted
 */
export function counterfactualExamples<V>(
  model: CausalModel<V>,
  size: number,
  random: Random,
  { variables, sample = (from) => sampleInput(model, from), isWanted = () => true }: CounterfactualOptions<V>,
): readonly CounterfactualExample<V>[] {
  for (const name of variables) of(model.parents, name);
  const draw = (): CounterfactualExample<V> => {
    const base = sample(random);
    const sources = Object.fromEntries(variables.map((name) => [name, sample(random)]));
    return {
      base,
      sources,
      baseSetting: runForward(model, base),
      setting: runInterchange(model, base, sources),
    };
  };
  return Array.from({ length: size }, () => {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const example = draw();
      if (isWanted(example)) return example;
    }
    throw new ExperimentError(`Of ${maxAttempts} pairs none fits; ask for less.`);
  });
}
