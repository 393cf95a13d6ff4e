// The sites of a part's graph, opened: edits and taps are put in where the architecture calls `site`.

import {
  type CarriedSite,
  headForm,
  type Layout,
  type Site as SiteHook,
} from '../../architectures/architecture.ts';
import { multiplyDimensions } from '../../onnx/dimension.ts';
import { greater, where } from '../../onnx/elementwise.ts';
import { concat, gather, identity, reshape, unsqueeze } from '../../onnx/layout.ts';
import { input, int32, ShapeError, sizeAt, type Value } from '../../onnx/value.ts';
import { type Fragment, PlanError, type Reduction } from '../plan/plan.ts';

export interface EditSlot {
  readonly component: string;
  readonly layout: Layout;
  readonly fragment: Fragment;
  /** A pool of units from outside the graph, another component of the same graph, or nothing. */
  readonly source: { readonly kind: 'pool' | 'none' } | { readonly kind: 'own'; readonly component: string };
}

export interface TapSlot {
  readonly component: string;
  readonly layout: Layout;
  readonly reduction?: Reduction;
}

export interface SiteSlots {
  /** Gradients at sites are wanted: at a carried component, of all that follows from each position. */
  readonly isDifferentiated?: true;
  readonly edits: readonly EditSlot[];
  readonly taps: readonly TapSlot[];
}

const unitsInput = (name: string): Value => input(`${name}.units`, 'int32', [`${name}_units`]);

/** [tokens, heads, width] or [tokens, width] as [units, width]: one row for each unit. */
function asUnits(value: Value): Value {
  if (value.shape.length === 2) return value;
  const [tokens = 1, heads = 1, width = 1] = value.shape;
  return reshape(value, [multiplyDimensions(tokens, heads), width]);
}

/** What an edit is made of in the graph of a variant. */
export interface OpenEdit {
  /** Which units it takes, and where each unit of the result comes from. */
  readonly units: Value;
  readonly select: Value;
  /** What came from outside the graph: [units, width] or, for pairs, [rows, heads, queries, keys]. */
  readonly source?: Value;
  /** Those that its formula reads. */
  readonly parameters: Readonly<Record<string, Value>>;
}

/** The chosen units of what passes a component, [units, width]; of pairs the chosen rows, [rows, heads, queries, keys]. */
export function takeUnits(value: Value, layout: Layout, name: string): Value {
  return gather(layout === 'pair' ? value : asUnits(value), unitsInput(name), 0);
}

function buildFragment(
  slot: EditSlot,
  name: string,
  base: Value,
  source: Value | undefined,
): { readonly edited: Value; readonly parameters: Readonly<Record<string, Value>> } {
  const parameters: Record<string, Value> = {};
  const edited = slot.fragment.build({
    base,
    ...(source ? { source } : {}),
    parameter: (parameter) => {
      const found = slot.fragment.parameters[parameter];
      if (!found) throw new PlanError(`The edit '${slot.fragment.key}' has no parameter '${parameter}'.`);
      const value = parameters[parameter] ?? input(`${name}.${parameter}`, 'float32', found.shape);
      parameters[parameter] = value;
      return value;
    },
  });
  if (
    edited.shape.length !== base.shape.length ||
    edited.shape.some((size, axis) => size !== base.shape[axis])
  ) {
    throw new ShapeError(
      `The edit '${slot.fragment.key}' of '${slot.component}' changes the shape [${base.shape.join(', ')}] to [${edited.shape.join(', ')}].`,
    );
  }
  return { edited, parameters };
}

function buildReduction(reduction: Reduction, name: string, taken: Value): Readonly<Record<string, Value>> {
  const parameters = new Map<string, Value>();
  const results = reduction.build(taken, (parameter) => {
    const found = reduction.parameters?.[parameter];
    if (!found) throw new PlanError(`The reduction '${reduction.key}' has no parameter '${parameter}'.`);
    const dtype = found.data instanceof Float32Array ? 'float32' : 'int32';
    const value = parameters.get(parameter) ?? input(`${name}.${parameter}`, dtype, found.shape);
    parameters.set(parameter, value);
    return value;
  });
  // What comes back is dealt out to the reads by its first axis.
  for (const [key, { dtype, shape }] of Object.entries(results)) {
    if (dtype === 'bool' || shape[0] !== taken.shape[0]) {
      throw new ShapeError(
        `The reduction '${reduction.key}' gives '${key}' as ${dtype} [${shape.join(', ')}]; it must be numbers with the first axis ${taken.shape[0]}.`,
      );
    }
  }
  return results;
}

interface Edited {
  readonly value: Value;
  readonly edit: OpenEdit;
}

/** What has passed the components of the graph so far, by name. */
type Seen = ReadonlyMap<string, Value>;

/** Replace the chosen units; `select` takes each unit from the value or, past its end, from the edited ones. */
function editUnits(value: Value, slot: EditSlot, name: string, seen: Seen): Edited {
  const flat = asUnits(value);
  const joined = slot.fragment.joined ?? 1;
  const groups = `${name}_groups`;
  const places = (of: string) => input(`${name}.${of}`, 'int32', [multiplyDimensions(joined, groups)]);
  /** [joined * groups, width] as [groups, joined * width] */
  const join = (x: Value) => reshape(x, [groups, multiplyDimensions(joined, sizeAt(x.shape, 1))]);
  const units = places('units');
  const taken = gather(flat, units, 0);
  const fromPool = (): Value => {
    const pool = input(`${name}.pool`, 'float32', [`${name}_pool`, sizeAt(flat.shape, 1)]);
    return gather(pool, places('source'), 0);
  };
  const fromOwn = (component: string): Value => {
    const own = seen.get(component);
    if (!own) {
      throw new PlanError(
        `'${component}' is not computed before '${slot.component}', so it cannot be the source of its edit.`,
      );
    }
    return gather(asUnits(own), units, 0);
  };
  const pooled = slot.source.kind === 'pool' ? fromPool() : undefined;
  const source = slot.source.kind === 'own' ? fromOwn(slot.source.component) : pooled;
  const { edited, parameters } = buildFragment(slot, name, join(taken), source && join(source));
  const select = input(`${name}.select`, 'int32', [sizeAt(flat.shape, 0)]);
  return {
    value: reshape(gather(concat([flat, reshape(edited, taken.shape)], 0), select, 0), value.shape),
    edit: { units, select, parameters, ...(pooled ? { source: pooled } : {}) },
  };
}

/** Whole rows of a pair component are taken out, edited where the mask is 1, and put back. */
function editPairs(value: Value, slot: EditSlot, name: string): Edited {
  const units = unitsInput(name);
  const base = gather(value, units, 0);
  const mask = input(`${name}.mask`, 'int32', base.shape.slice(0, 3));
  const source = slot.source.kind === 'pool' ? input(`${name}.pool`, 'float32', base.shape) : undefined;
  const { edited, parameters } = buildFragment(slot, name, base, source);
  const masked = where(greater(unsqueeze(mask, [3]), int32(0)), edited, base);
  const select = input(`${name}.select`, 'int32', [sizeAt(value.shape, 0)]);
  return {
    value: gather(concat([value, masked], 0), select, 0),
    edit: { units, select, parameters, ...(source ? { source } : {}) },
  };
}

/** What passes the sites of a variant. */
export interface OpenSites {
  readonly site: SiteHook;
  readonly carried: CarriedSite;
  readonly isTouched: (component: string) => boolean;
  /** What the taps collect. */
  readonly outputs: Record<string, Value>;
  /** By place in the slots. */
  readonly edits: ReadonlyMap<number, OpenEdit>;
  /** What goes on from each component that is tapped. */
  readonly passing: ReadonlyMap<string, Value>;
}

/** @param prefix of the names of all inputs and outputs: parts of one graph are told apart by it */
export function openSites(slots: SiteSlots, prefix = ''): OpenSites {
  const outputs: Record<string, Value> = {};
  const seen = new Map<string, Value>();
  const edits = new Map<number, OpenEdit>();
  const passed = new Map<string, Value>();
  const alone = (_: Value, after: Value): Value => after;
  const visit: CarriedSite = (component, value, follow) => {
    let passing = value;
    slots.edits.forEach((slot, index) => {
      if (slot.component !== component) return;
      const { value: changed, edit } =
        slot.layout === 'pair'
          ? editPairs(passing, slot, `${prefix}edit${index}`)
          : editUnits(passing, slot, `${prefix}edit${index}`, seen);
      passing = follow(passing, changed);
      edits.set(index, edit);
    });
    // Through a copy, whose gradient is that of all that follows from each position.
    const isCopied = slots.isDifferentiated && follow !== alone;
    const own = isCopied ? identity(passing) : passing;
    if (isCopied) passing = follow(passing, own);
    seen.set(component, passing);
    slots.taps.forEach((slot, index) => {
      if (slot.component !== component) return;
      passed.set(component, own);
      const name = `${prefix}tap${index}`;
      const taken = takeUnits(passing, slot.layout, name);
      const results = slot.reduction ? buildReduction(slot.reduction, name, taken) : { value: taken };
      for (const [key, result] of Object.entries(results)) outputs[`${name}.${key}`] = result;
    });
    return passing;
  };
  const isTouched = (component: string) =>
    [...slots.edits, ...slots.taps].some((slot) => slot.component === component);
  const site: SiteHook = (component, value, heads) => {
    const whole = visit(component, value, alone);
    if (heads === undefined || !isTouched(headForm(component))) return whole;
    const [tokens = 1, width = 1] = whole.shape;
    const byHead = reshape(whole, [tokens, heads, Number(width) / heads]);
    return reshape(visit(headForm(component), byHead, alone), whole.shape);
  };
  return { site, carried: visit, isTouched, outputs, edits, passing: passed };
}
