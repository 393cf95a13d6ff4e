// Builds the graph of a part for one set of touched components; whatever nothing asks for is not in the graph. One
// variant serves every layer whose weights fit.

import type {
  AttentionBatch,
  BlockScope,
  EmbedScope,
  GraphPart,
  HeadScope,
  ModelInput,
  PartScope,
  Site as SiteHook,
  WeightSource,
} from '../../architectures/architecture.ts';
import { type Graph, graph } from '../../onnx/graph.ts';
import { concat } from '../../onnx/layout.ts';
import { input, sizeAt, type Value } from '../../onnx/value.ts';
import { PlanError } from '../plan/plan.ts';
import { type EditSlot, type OpenSites, openSites, type SiteSlots } from './siteGraph.ts';

export interface VariantSlots extends SiteSlots {
  /** Some row reads keys and values of an ancestor. */
  readonly hasPast: boolean;
  /** Some later row will read this batch's keys and values. */
  readonly keepsPresent: boolean;
  /** Some row goes on to the next stage. */
  readonly keepsHidden: boolean;
}

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
  return JSON.stringify([partKey, edits, taps, slots.hasPast, slots.keepsPresent, slots.keepsHidden]);
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
export interface OpenPart extends Omit<OpenSites, 'site'> {
  readonly out: Value;
  /** What enters; the embedding has none. */
  readonly hidden?: Value;
  /** Only of a block. */
  readonly attention?: OpenAttention;
}

export interface OpenAttention {
  readonly batch: AttentionBatch;
  /** The batch's own keys and values, and those of ancestors. */
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

export function openEmbed(
  part: GraphPart<EmbedScope>,
  slots: SiteSlots,
  read: ModelInput | undefined,
): OpenPart {
  const { site, ...sites } = openSites(slots);
  return { out: part.build({ ...partScope(part.weights, site), ...embedInputs(read) }), ...sites };
}

export function openHead(part: GraphPart<HeadScope>, slots: SiteSlots, width: number): OpenPart {
  const { site, ...sites } = openSites(slots);
  const hidden = input('hidden', 'float32', ['tokens', width]);
  return { out: part.build({ ...partScope(part.weights, site), hidden }), hidden, ...sites };
}

export function openBlock(
  part: GraphPart<BlockScope>,
  slots: SiteSlots & Pick<VariantSlots, 'hasPast'>,
  width: number,
): OpenPart {
  const { site, ...sites } = openSites(slots);
  const hidden = input('hidden', 'float32', ['tokens', width]);
  const seen: { own?: KeysAndValues; past?: KeysAndValues } = {};
  const ancestors = (name: string, own: Value) =>
    input(`past.${name}`, 'float32', ['past', sizeAt(own.shape, 1)]);
  const batch: AttentionBatch = {
    queryIndex: input('query_index', 'int32', ['rows', 'queries']),
    queryPositions: input('query_positions', 'int32', ['rows', 'queries']),
    keyIndex: input('key_index', 'int32', ['rows', 'keys']),
    keyPositions: input('key_positions', 'int32', ['rows', 'keys']),
    tokenSlot: input('token_slot', 'int32', ['tokens']),
    joinPast: (keys, values) => {
      seen.own = { keys, values };
      if (!slots.hasPast) return seen.own;
      seen.past = { keys: ancestors('keys', keys), values: ancestors('values', values) };
      return { keys: concat([seen.past.keys, keys], 0), values: concat([seen.past.values, values], 0) };
    },
  };
  const out = part.build({ ...partScope(part.weights, site), hidden, batch });
  return { out, hidden, attention: { batch, ...seen }, ...sites };
}

export function embedVariant(
  part: GraphPart<EmbedScope>,
  slots: VariantSlots,
  read: ModelInput | undefined,
): Graph {
  const { out, outputs } = openEmbed(part, slots, read);
  return graph({ ...outputs, ...(slots.keepsHidden ? { out } : {}) });
}

export function headVariant(part: GraphPart<HeadScope>, slots: VariantSlots, width: number): Graph {
  return graph(openHead(part, slots, width).outputs);
}

export function blockVariant(part: GraphPart<BlockScope>, slots: VariantSlots, width: number): Graph {
  const { out, outputs, attention } = openBlock(part, slots, width);
  const own = slots.keepsPresent ? attention?.own : undefined;
  return graph({
    ...outputs,
    ...(own ? { 'present.keys': own.keys, 'present.values': own.values } : {}),
    ...(slots.keepsHidden ? { out } : {}),
  });
}
