// Builds the backward graph of a part: it computes the part again from what entered it, and pulls gradients through it,
// from what leaves it and from its sites to what entered it, to its sites and to the parameters of its edits.

import type { Layout } from '../../architectures/architecture.ts';
import { gradients, type Seed } from '../../autodiff/gradients.ts';
import type { GatherTranspose } from '../../autodiff/rule.ts';
import { type Graph, graph } from '../../onnx/graph.ts';
import { gather } from '../../onnx/layout.ts';
import { input, ShapeError, sizeAt, type Value } from '../../onnx/value.ts';
import { type EditSlot, takeUnits } from '../forward/siteGraph.ts';
import { editKey, type KeysAndValues, type OpenPart } from '../forward/variant.ts';
import { PlanError } from '../plan/plan.ts';
import { attentionTransposes, editTransposes } from './gatherTransposes.ts';
import type { Objective } from './objective.ts';

interface Touched {
  readonly component: string;
  readonly layout: Layout;
}

/** A place at a site where gradients begin, arrive from other rows, or are wanted. */
export type UseSlot =
  | (Touched & {
      readonly kind: 'term';
      readonly objective: Objective;
      readonly perUnit: Readonly<Record<string, { readonly isInteger: boolean; readonly width: number }>>;
    })
  | (Touched & { readonly kind: 'arrival' })
  | (Touched & { readonly kind: 'want' });

export interface GradientSlots {
  readonly edits: readonly EditSlot[];
  readonly uses: readonly UseSlot[];
  readonly hasPast: boolean;
  /** A gradient arrives at what leaves the part: of rows that go on, and of rows that fork off. */
  readonly takesOut: boolean;
  readonly takesForks: boolean;
  /** Gradients arrive at the batch's own keys and values. */
  readonly takesPresent: boolean;
  readonly givesHidden: boolean;
  readonly givesPast: boolean;
  /** Edits, by place, whose sources' gradients are wanted. */
  readonly givesSources: readonly number[];
  readonly givesParameters: readonly { readonly edit: number; readonly name: string }[];
}

/** Backward graphs of one key are the same. */
export function gradientKey(partKey: string, slots: GradientSlots): string {
  const edits = slots.edits.map(editKey);
  const uses = slots.uses.map((use) => [
    use.kind,
    use.component,
    ...(use.kind === 'term' ? [use.objective.key, use.perUnit] : []),
  ]);
  return JSON.stringify(['backward', partKey, { ...slots, edits, uses }]);
}

const unitsOf = (name: string): string => `${name}_units`;

function termOf(use: UseSlot & { kind: 'term' }, name: string, value: Value): Value {
  const known = new Map<string, Value>();
  const objective = use.objective.build({
    value,
    perUnit: (key) => {
      const found = use.perUnit[key];
      if (!found)
        throw new PlanError(`The objective '${use.objective.key}' is given no '${key}' for its units.`);
      const dtype = found.isInteger ? 'int32' : 'float32';
      const made =
        known.get(key) ?? input(`${name}.per.${key}`, dtype, [sizeAt(value.shape, 0), found.width]);
      known.set(key, made);
      return made;
    },
  });
  if (objective.dtype !== 'float32' || objective.shape.length !== 1 || objective.shape[0] !== value.shape[0])
    throw new ShapeError(
      `The objective '${use.objective.key}' gives [${objective.shape.join(', ')}]; it must give one number for each unit, [${value.shape[0]}].`,
    );
  return objective;
}

/** Gradients that arrive at chosen tokens of a value: [places, width]. */
function arrivals(name: string, value: Value): Seed {
  const units = input(`${name}.units`, 'int32', [unitsOf(name)]);
  return {
    value: gather(value, units, 0),
    gradient: input(`${name}.gradient`, 'float32', [unitsOf(name), sizeAt(value.shape, 1)]),
  };
}

/** Keys and values share their units, but each is gathered from its own. */
function presentArrivals({ keys, values }: KeysAndValues): readonly Seed[] {
  const units = input('present.units', 'int32', [unitsOf('present')]);
  return Object.entries({ keys, values }).map(([name, value]) => ({
    value: gather(value, units, 0),
    gradient: input(`present.${name}.gradient`, 'float32', [unitsOf('present'), sizeAt(value.shape, 1)]),
  }));
}

/**
 * Outputs: `hidden`, `past.keys`, `past.values`, `editN.source`, `editN.NAME` and `useN`, the gradients that the slots ask
 * for; and `useN.objective`, [units], the values of terms. What nothing depends on is left out: its gradient is zero.
 * @param part opened with a tap for each use, in order
 */
export function gradientVariant(part: OpenPart, slots: GradientSlots): Graph {
  const outputs: Record<string, Value> = {};
  const seeds: Seed[] = [];
  const wanted: { readonly name: string; readonly value: Value; readonly use?: Touched }[] = [];
  const want = (name: string, value: Value | undefined, use?: Touched) => {
    if (!value) throw new PlanError(`The graph has no '${use?.component ?? name}' to be differentiated.`);
    wanted.push({ name, value, ...(use ? { use } : {}) });
  };
  if (slots.takesOut) seeds.push({ value: part.out, gradient: input('gradient', 'float32', part.out.shape) });
  if (slots.takesForks) seeds.push(arrivals('fork', part.out));
  if (slots.takesPresent && part.attention?.own) seeds.push(...presentArrivals(part.attention.own));
  slots.uses.forEach((use, index) => {
    const name = `use${index}`;
    if (use.kind === 'want') {
      want(name, part.passing.get(use.component), use);
      return;
    }
    const value = part.outputs[`tap${index}.value`];
    if (!value) throw new PlanError(`The graph has no '${use.component}'.`);
    if (use.kind === 'arrival') {
      seeds.push({ value, gradient: input(`${name}.gradient`, 'float32', value.shape) });
      return;
    }
    const objective = termOf(use, name, value);
    outputs[`${name}.objective`] = objective;
    seeds.push({ value: objective, gradient: input(`${name}.weight`, 'float32', objective.shape) });
  });
  if (slots.givesHidden) want('hidden', part.hidden);
  if (slots.givesPast) {
    want('past.keys', part.attention?.past?.keys);
    want('past.values', part.attention?.past?.values);
  }
  for (const edit of slots.givesSources) want(`edit${edit}.source`, part.edits.get(edit)?.source);
  for (const { edit, name } of slots.givesParameters) {
    const parameter = part.edits.get(edit)?.parameters[name];
    // A formula need not read all that it is given.
    if (parameter) want(`edit${edit}.${name}`, parameter);
  }
  const gathers = new Map<Value, GatherTranspose>(part.attention ? attentionTransposes(part.attention) : []);
  for (const [index, edit] of part.edits) {
    if (slots.edits[index]?.layout === 'pair') continue;
    for (const [indices, transpose] of editTransposes(edit)) gathers.set(indices, transpose);
  }
  const found = gradients(
    seeds,
    wanted.map(({ value }) => value),
    { gathers },
  );
  wanted.forEach(({ name, use }, index) => {
    const gradient = found[index];
    if (gradient)
      outputs[`gradient.${name}`] = use ? takeUnits(gradient, use.layout, `tap${name.slice(3)}`) : gradient;
  });
  return graph(outputs);
}
