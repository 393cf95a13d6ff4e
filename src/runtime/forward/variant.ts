// Builds the graph of a part for one set of touched components; whatever nothing asks for is not in the graph. One
// variant serves every layer whose weights fit.

import type {
  Architecture,
  AttentionBatch,
  BlockScope,
  EmbedScope,
  GraphPart,
  HandedStates,
  HeadScope,
  ModelInput,
  PartScope,
  Recurrence,
  WeightSource,
} from '../../architectures/architecture.ts';
import { type Graph, graph } from '../../onnx/graph.ts';
import { concat, gather } from '../../onnx/layout.ts';
import { type Dimension, input, sizeAt, type Value } from '../../onnx/value.ts';
import { PlanError } from '../plan/plan.ts';
import { inputOf, partAt, type StackStage, stackNamed, stacksOf, widthOf } from '../plan/stacks.ts';
import { headStage } from '../plan/stage.ts';
import { type EditSlot, type OpenSites, openSites, type SiteSlots } from './siteGraph.ts';

export interface VariantSlots extends SiteSlots {
  /** Some row reads keys and values of an ancestor. */
  readonly hasPast: boolean;
  /** Some later row will read this batch's keys and values, or the states of its recurrence. */
  readonly keepsPresent: boolean;
  /** Rows hand the states of a recurrence on, in the place of keys and values. */
  readonly handsStates?: true;
  /** Some row goes on to the next stage. */
  readonly keepsHidden: boolean;
  /** Positions that no row has more than, a power of two, where the part's graph depends on it. */
  readonly reach?: number;
  /** The device takes loops, and sizes that follow from numbers. */
  readonly isDynamic?: true;
}

/** What opens a part, where it is not yet decided what of it goes on. */
export type OpenSlots = SiteSlots &
  Pick<VariantSlots, 'hasPast' | 'reach' | 'isDynamic' | 'handsStates'> &
  Partial<Pick<VariantSlots, 'keepsPresent'>>;

/** What the graph of an edit depends on. */
export const editKey = ({ component, fragment, source }: EditSlot): readonly unknown[] => [
  component,
  fragment.key,
  fragment.joined ?? 1,
  source.kind === 'own' ? ['own', source.component] : source.kind,
  Object.entries(fragment.parameters).map(([name, { shape }]) => [name, shape]),
];

/** Variants of one key are the same graph. */
export function variantKey(partKey: string, slots: VariantSlots): string {
  const edits = slots.edits.map(editKey);
  const taps = slots.taps.map(({ component, reduction }) => [
    component,
    reduction?.key ?? '',
    Object.entries(reduction?.parameters ?? {}).map(([name, { data, shape }]) => [
      name,
      data instanceof Float32Array,
      shape,
    ]),
  ]);
  return JSON.stringify([
    partKey,
    edits,
    taps,
    slots.hasPast,
    slots.keepsPresent,
    slots.keepsHidden,
    slots.reach,
    slots.isDynamic,
    slots.handsStates,
  ]);
}

function partScope(
  weights: Readonly<Record<string, WeightSource>>,
  { site, isTouched }: Pick<OpenSites, 'site' | 'isTouched'>,
  { isDynamic }: Pick<VariantSlots, 'isDynamic'>,
): PartScope {
  const made = new Map<string, Value>();
  const once = (name: string, make: () => Value): Value => {
    const value = made.get(name) ?? make();
    made.set(name, value);
    return value;
  };
  return {
    site,
    isTouched,
    ...(isDynamic ? { dynamic: { sizeName: (name) => name } } : {}),
    positions: input('positions', 'int32', ['tokens']),
    lengths: input('lengths', 'int32', ['tokens']),
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

/** The values of a part, before it is decided which of them become a graph. */
export interface OpenPart extends Pick<OpenSites, 'outputs' | 'edits' | 'passing'> {
  readonly out: Value;
  /** What enters; the embedding has none. */
  readonly hidden?: Value;
  /** Only of a block. */
  readonly attention?: OpenAttention;
}

export interface OpenAttention {
  readonly batch: AttentionBatch;
  /** The batch's own keys and values, and those of ancestors; where states are handed on, windows and states. */
  readonly own?: KeysAndValues;
  readonly past?: KeysAndValues;
}

export interface KeysAndValues {
  readonly keys: Value;
  readonly values: Value;
}

/** What an embedding reads: which of the two is in the graph follows from its equations. */
export const embedInputs = (read: ModelInput | undefined): Pick<EmbedScope, 'tokens' | 'vectors'> => ({
  tokens: input('tokens', 'int32', ['tokens']),
  vectors: input('vectors', 'float32', ['tokens', read?.width ?? 0]),
});

function openEmbed(part: GraphPart<EmbedScope>, slots: OpenSlots, read: ModelInput | undefined): OpenPart {
  const sites = openSites(slots);
  return { out: part.build({ ...partScope(part.weights, sites, slots), ...embedInputs(read) }), ...sites };
}

function openHead(part: GraphPart<HeadScope>, slots: OpenSlots, width: number): OpenPart {
  const sites = openSites(slots);
  const hidden = input('hidden', 'float32', ['tokens', width]);
  return { out: part.build({ ...partScope(part.weights, sites, slots), hidden }), hidden, ...sites };
}

/** What rows begin with, and what is taken where others fork from them: windows where keys would be, states where values would be. */
function openHanded(
  { windowWidth, stateWidth }: Recurrence,
  { hasPast, keepsPresent }: OpenSlots,
): { readonly states: HandedStates; readonly taken: () => KeysAndValues | undefined } {
  const taken: { keys?: Value; values?: Value } = {};
  const starts = input('start_index', 'int32', ['rows']);
  const begun = (name: string, width: number): Value =>
    gather(input(`past.${name}`, 'float32', ['past', width]), starts, 0);
  const kept: HandedStates['kept'] = {
    places: input('kept_places', 'int32', ['rows', 'kept']),
    takeWindows: (windows) => {
      taken.keys = windows;
    },
    takeStates: (states) => {
      taken.values = states;
    },
  };
  return {
    states: {
      ...(hasPast
        ? { start: { window: begun('keys', windowWidth), state: begun('values', stateWidth) } }
        : {}),
      ...(keepsPresent ? { kept } : {}),
    },
    taken: () => {
      const { keys, values } = taken;
      return keys && values ? { keys, values } : undefined;
    },
  };
}

function openBlock(
  part: GraphPart<BlockScope>,
  slots: OpenSlots,
  width: number,
  { recurrence, hasMemory }: Pick<Architecture, 'recurrence'> & { readonly hasMemory: boolean },
): OpenPart {
  const sites = openSites(slots);
  const hidden = input('hidden', 'float32', ['tokens', width]);
  const seen: { own?: KeysAndValues; past?: KeysAndValues } = {};
  const pastOf = (width: Dimension): KeysAndValues => {
    const ancestors = (name: string) => input(`past.${name}`, 'float32', ['past', width]);
    seen.past ??= { keys: ancestors('keys'), values: ancestors('values') };
    return seen.past;
  };
  const handed = slots.handsStates && recurrence ? openHanded(recurrence, slots) : undefined;
  const batch: AttentionBatch = {
    queryIndex: input('query_index', 'int32', ['rows', 'queries']),
    queryPositions: input('query_positions', 'int32', ['rows', 'queries']),
    keyIndex: input('key_index', 'int32', ['rows', 'keys']),
    keyPositions: input('key_positions', 'int32', ['rows', 'keys']),
    tokenSlot: input('token_slot', 'int32', ['tokens']),
    ...(slots.reach === undefined ? {} : { reach: slots.reach }),
    ...(handed ? { handed: handed.states } : {}),
    joinPast: (keys, values) => {
      seen.own = { keys, values };
      if (!slots.hasPast) return seen.own;
      const past = pastOf(sizeAt(keys.shape, 1));
      return { keys: concat([past.keys, keys], 0), values: concat([past.values, values], 0) };
    },
    ...(hasMemory
      ? {
          memory: {
            index: input('memory_index', 'int32', ['rows', 'memory']),
            positions: input('memory_positions', 'int32', ['rows', 'memory']),
            take: pastOf,
          },
        }
      : {}),
  };
  const out = part.build({
    ...partScope(part.weights, sites, slots),
    hidden,
    batch,
    carried: sites.carried,
  });
  const own = handed ? handed.taken() : seen.own;
  return { out, hidden, attention: { batch, ...seen, ...(own ? { own } : {}) }, ...sites };
}

/** Opens what rows of a stack pass at a stage. */
export function openPart(architecture: Architecture, at: StackStage, slots: OpenSlots): OpenPart {
  const width = widthOf(architecture, at.stack);
  const placed = partAt(architecture, at);
  if (!placed) throw new Error(`Rows of the ${at.stack} stack pass nothing at stage ${at.stage}.`);
  if (placed.kind === 'embed') return openEmbed(placed.part, slots, inputOf(architecture, at.stack));
  if (placed.kind === 'head') return openHead(placed.part, slots, width);
  const { from, to } = stackNamed(architecture, at.stack);
  const isReader = stacksOf(architecture)[0]?.name !== at.stack;
  const hasMemory = isReader && at.stage >= from && at.stage < to;
  const { recurrence } = architecture;
  return openBlock(placed.part, slots, width, { ...(recurrence ? { recurrence } : {}), hasMemory });
}

export function variantGraph(architecture: Architecture, at: StackStage, slots: VariantSlots): Graph {
  const { out, outputs, attention } = openPart(architecture, at, slots);
  const own = slots.keepsPresent ? attention?.own : undefined;
  return graph({
    ...outputs,
    ...(own ? { 'present.keys': own.keys, 'present.values': own.values } : {}),
    ...(slots.keepsHidden && at.stage !== headStage(architecture) ? { out } : {}),
  });
}
