// Builds the graph of a part for one set of touched components: edits and taps are put in where the architecture calls
// `site`, and whatever nothing asks for is not in the graph. One variant serves every layer whose weights fit.

import type {
  AttentionBatch,
  BlockScope,
  EmbedScope,
  GraphPart,
  HeadScope,
  Layout,
  PartScope,
  Site as SiteHook,
  WeightSource,
} from '../architectures/architecture.ts';
import { multiplyDimensions } from '../onnx/dimension.ts';
import { greater, where } from '../onnx/elementwise.ts';
import { type Graph, graph } from '../onnx/graph.ts';
import { concat, gather, reshape, unsqueeze } from '../onnx/layout.ts';
import { input, int32, ShapeError, sizeAt, type Value } from '../onnx/value.ts';
import { type Fragment, PlanError, type Reduction } from './plan.ts';

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

export interface VariantSlots {
  readonly edits: readonly EditSlot[];
  readonly taps: readonly TapSlot[];
  /** Some row reads keys and values of an ancestor. */
  readonly hasPast: boolean;
  /** Some later row will read this batch's keys and values. */
  readonly keepsPresent: boolean;
  /** Some row goes on to the next stage. */
  readonly keepsHidden: boolean;
}

/** Variants of one key are the same graph. */
export function variantKey(partKey: string, slots: VariantSlots): string {
  const edits = slots.edits.map(({ component, fragment, source }) => [
    component,
    fragment.key,
    fragment.joined ?? 1,
    source.kind === 'own' ? ['own', source.component] : source.kind,
    Object.entries(fragment.parameters).map(([name, { shape }]) => [name, shape]),
  ]);
  const taps = slots.taps.map(({ component, reduction }) => [
    component,
    reduction?.key ?? '',
    Object.entries(reduction?.parameters ?? {}).map(([name, { data, shape }]) => [
      name,
      data instanceof Float32Array,
      shape,
    ]),
  ]);
  return JSON.stringify([partKey, edits, taps, slots.hasPast, slots.keepsPresent, slots.keepsHidden]);
}

const unitsInput = (name: string): Value => input(`${name}.units`, 'int32', [`${name}_units`]);

/** [tokens, heads, width] or [tokens, width] as [units, width]: one row for each unit. */
function asUnits(value: Value): Value {
  if (value.shape.length === 2) return value;
  const [tokens = 1, heads = 1, width = 1] = value.shape;
  return reshape(value, [multiplyDimensions(tokens, heads), width]);
}

function buildFragment(slot: EditSlot, name: string, base: Value, source: Value | undefined): Value {
  const made = new Map<string, Value>();
  const edited = slot.fragment.build({
    base,
    ...(source ? { source } : {}),
    parameter: (parameter) => {
      const found = slot.fragment.parameters[parameter];
      if (!found) throw new PlanError(`The edit '${slot.fragment.key}' has no parameter '${parameter}'.`);
      const value = made.get(parameter) ?? input(`${name}.${parameter}`, 'float32', found.shape);
      made.set(parameter, value);
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
  return edited;
}

function buildReduction(reduction: Reduction, name: string, taken: Value): Readonly<Record<string, Value>> {
  const results = reduction.build(taken, (parameter) => {
    const found = reduction.parameters?.[parameter];
    if (!found) throw new PlanError(`The reduction '${reduction.key}' has no parameter '${parameter}'.`);
    const dtype = found.data instanceof Float32Array ? 'float32' : 'int32';
    return input(`${name}.${parameter}`, dtype, found.shape);
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

/** What has passed the components of the graph so far, by name. */
type Seen = ReadonlyMap<string, Value>;

/** Replace the chosen units; `select` takes each unit from the value or, past its end, from the edited ones. */
function editUnits(value: Value, slot: EditSlot, name: string, seen: Seen): Value {
  const units = asUnits(value);
  const joined = slot.fragment.joined ?? 1;
  const groups = `${name}_groups`;
  const places = (of: string) => input(`${name}.${of}`, 'int32', [multiplyDimensions(joined, groups)]);
  /** [joined * groups, width] as [groups, joined * width] */
  const join = (x: Value) => reshape(x, [groups, multiplyDimensions(joined, sizeAt(x.shape, 1))]);
  const chosen = places('units');
  const taken = gather(units, chosen, 0);
  const source = (): Value | undefined => {
    switch (slot.source.kind) {
      case 'none':
        return undefined;
      case 'pool': {
        const pool = input(`${name}.pool`, 'float32', [`${name}_pool`, sizeAt(units.shape, 1)]);
        return join(gather(pool, places('source'), 0));
      }
      case 'own': {
        const own = seen.get(slot.source.component);
        if (!own) {
          throw new PlanError(
            `'${slot.source.component}' is not computed before '${slot.component}', so it cannot be the source of its edit.`,
          );
        }
        return join(gather(asUnits(own), chosen, 0));
      }
      default:
        return slot.source satisfies never;
    }
  };
  const edited = reshape(buildFragment(slot, name, join(taken), source()), taken.shape);
  const select = input(`${name}.select`, 'int32', [sizeAt(units.shape, 0)]);
  return reshape(gather(concat([units, edited], 0), select, 0), value.shape);
}

/** Whole rows of a pair component are taken out, edited where the mask is 1, and put back. */
function editPairs(value: Value, slot: EditSlot, name: string): Value {
  const base = gather(value, unitsInput(name), 0);
  const mask = input(`${name}.mask`, 'int32', base.shape.slice(0, 3));
  const source = slot.source.kind === 'pool' ? input(`${name}.pool`, 'float32', base.shape) : undefined;
  const edited = where(
    greater(unsqueeze(mask, [3]), int32(0)),
    buildFragment(slot, name, base, source),
    base,
  );
  return gather(concat([value, edited], 0), input(`${name}.select`, 'int32', [sizeAt(value.shape, 0)]), 0);
}

/** The `site` of a variant, and the outputs that its taps collect. */
function openSites(slots: VariantSlots): {
  readonly site: SiteHook;
  readonly outputs: Record<string, Value>;
} {
  const outputs: Record<string, Value> = {};
  const seen = new Map<string, Value>();
  const visit = (component: string, value: Value): Value => {
    let passing = value;
    slots.edits.forEach((slot, index) => {
      if (slot.component !== component) return;
      passing =
        slot.layout === 'pair'
          ? editPairs(passing, slot, `edit${index}`)
          : editUnits(passing, slot, `edit${index}`, seen);
    });
    seen.set(component, passing);
    slots.taps.forEach((slot, index) => {
      if (slot.component !== component) return;
      const name = `tap${index}`;
      const taken = gather(slot.layout === 'pair' ? passing : asUnits(passing), unitsInput(name), 0);
      const results = slot.reduction ? buildReduction(slot.reduction, name, taken) : { value: taken };
      for (const [key, result] of Object.entries(results)) outputs[`${name}.${key}`] = result;
    });
    return passing;
  };
  const site: SiteHook = (component, value, heads) => {
    const whole = visit(component, value);
    if (heads === undefined) return whole;
    const isTouched = [...slots.edits, ...slots.taps].some((slot) => slot.component === `head_${component}`);
    if (!isTouched) return whole;
    const [tokens = 1, width = 1] = whole.shape;
    const byHead = reshape(whole, [tokens, heads, Number(width) / heads]);
    return reshape(visit(`head_${component}`, byHead), whole.shape);
  };
  return { site, outputs };
}

function partScope(weights: Readonly<Record<string, WeightSource>>, site: SiteHook): PartScope {
  const made = new Map<string, Value>();
  const once = (name: string, make: () => Value): Value => {
    const value = made.get(name) ?? make();
    made.set(name, value);
    return value;
  };
  return {
    site,
    positions: input('positions', 'int32', ['tokens']),
    weight: (name) =>
      once(`weight.${name}`, () => {
        const source = weights[name];
        if (!source)
          throw new PlanError(`The graph asks for a weight '${name}' that its part does not list.`);
        return input(
          `weight.${name}`,
          'float32',
          source.kind === 'tensor' ? source.shape : ['table', source.width],
        );
      }),
  };
}

export function embedVariant(part: GraphPart<EmbedScope>, slots: VariantSlots): Graph {
  const { site, outputs } = openSites(slots);
  const out = part.build({
    ...partScope(part.weights, site),
    tokens: input('tokens', 'int32', ['tokens']),
  });
  return graph({ ...outputs, ...(slots.keepsHidden ? { out } : {}) });
}

export function headVariant(part: GraphPart<HeadScope>, slots: VariantSlots, width: number): Graph {
  const { site, outputs } = openSites(slots);
  part.build({ ...partScope(part.weights, site), hidden: input('hidden', 'float32', ['tokens', width]) });
  return graph(outputs);
}

export function blockVariant(part: GraphPart<BlockScope>, slots: VariantSlots, width: number): Graph {
  const { site, outputs } = openSites(slots);
  const presents: Record<string, Value> = {};
  const out = part.build({
    ...partScope(part.weights, site),
    hidden: input('hidden', 'float32', ['tokens', width]),
    batch: attentionBatch(slots, presents),
  });
  return graph({ ...outputs, ...presents, ...(slots.keepsHidden ? { out } : {}) });
}

function attentionBatch(slots: VariantSlots, presents: Record<string, Value>): AttentionBatch {
  const ancestors = (name: string, own: Value) =>
    input(`past.${name}`, 'float32', ['past', sizeAt(own.shape, 1)]);
  return {
    queryIndex: input('query_index', 'int32', ['rows', 'queries']),
    queryPositions: input('query_positions', 'int32', ['rows', 'queries']),
    keyIndex: input('key_index', 'int32', ['rows', 'keys']),
    keyPositions: input('key_positions', 'int32', ['rows', 'keys']),
    tokenSlot: input('token_slot', 'int32', ['tokens']),
    joinPast: (keys, values) => {
      if (slots.keepsPresent) Object.assign(presents, { 'present.keys': keys, 'present.values': values });
      if (!slots.hasPast) return { keys, values };
      return {
        keys: concat([ancestors('keys', keys), keys], 0),
        values: concat([ancestors('values', values), values], 0),
      };
    },
  };
}
