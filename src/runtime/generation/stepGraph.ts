// The graph of one step of generation: neighbouring parts of the model (the embedding, blocks, the head) as one graph that
// takes a token of each row and the keys and values that are kept. Parts that run as one graph cost one launch.

import type {
  Architecture,
  AttentionBatch,
  PartScope,
  WeightSource,
} from '../../architectures/architecture.ts';
import { type Blocks, withBlocks } from '../../onnx/blocks.ts';
import { type Graph, graph } from '../../onnx/graph.ts';
import { concat } from '../../onnx/layout.ts';
import { type Dimension, input, sizeAt, type Value } from '../../onnx/value.ts';
import { openSites, type SiteSlots } from '../forward/siteGraph.ts';
import { editKey, embedInputs } from '../forward/variant.ts';
import { PlanError } from '../plan/plan.ts';
import { embedStage, headStage, type Stage } from '../plan/stage.ts';

export interface SpanPart {
  readonly stage: Stage;
  readonly slots: SiteSlots;
}

/** Weights that are constants of the graph, by the name of the tensor; what it does not know is an input. */
export type BoundTensors = ReadonlyMap<string, Value>;

export interface SpanOptions {
  readonly bound?: BoundTensors;
  /** Weights whose codes are constants of the graph, by the name of the tensor. */
  readonly blocks?: ReadonlyMap<string, Blocks>;
  /** The device takes loops, and sizes that follow from numbers. */
  readonly isDynamic: boolean;
}

/** Names in the graph of the span's part `index` begin with it. */
export const partPrefix = (index: number): string => `part${index}.`;

export function partOf(architecture: Architecture, stage: Stage) {
  if (stage === embedStage) return architecture.embed;
  return architecture.blocks[stage] ?? architecture.head;
}

/** Spans of one key are the same graph, unless weights are constants of it. */
export function spanKey(architecture: Architecture, parts: readonly SpanPart[]): string {
  return JSON.stringify([
    'step',
    parts.map(({ stage, slots }) => [partOf(architecture, stage).key, slots.edits.map(editKey)]),
  ]);
}

/** How a weight of the span's part `index` is called as an input; tables of positions are the same in all parts. */
export const weightInput = (index: number, name: string, source: WeightSource): string =>
  source.kind === 'positions' ? `table.${source.key}` : `${partPrefix(index)}weight.${name}`;

/**
 * Inputs: `tokens` or `hidden`, the indices of attention, and of each part `partN.weight.NAME`, `partN.past.keys`,
 * `partN.past.values` [past, width] and what its edits take. Outputs: `partN.keys` and `partN.values` [tokens, width] of
 * each block, and `out` or, where the span ends with the head, `logits`. A weight whose every use is by its codes is no input.
 */
export function spanGraph(
  architecture: Architecture,
  parts: readonly SpanPart[],
  { bound = new Map(), blocks = new Map(), isDynamic }: SpanOptions,
): Graph {
  const { width } = architecture;
  const positions = input('positions', 'int32', ['tokens']);
  const lengths = input('lengths', 'int32', ['tokens']);
  const tables = new Map<string, Value>();
  const table = (name: string, columns: number): Value => {
    const value = tables.get(name) ?? input(name, 'float32', ['table', columns]);
    tables.set(name, value);
    return value;
  };
  const indices = {
    queryIndex: input('query_index', 'int32', ['rows', 'queries']),
    queryPositions: input('query_positions', 'int32', ['rows', 'queries']),
    keyIndex: input('key_index', 'int32', ['rows', 'keys']),
    keyPositions: input('key_positions', 'int32', ['rows', 'keys']),
    tokenSlot: input('token_slot', 'int32', ['tokens']),
  };
  const memory = {
    index: input('memory_index', 'int32', ['rows', 'memory']),
    positions: input('memory_positions', 'int32', ['rows', 'memory']),
  };
  const outputs: Record<string, Value> = {};
  const blocksOf = new Map<Value, Blocks>();
  let hidden = parts[0]?.stage === embedStage ? undefined : input('hidden', 'float32', ['tokens', width]);
  parts.forEach(({ stage, slots }, index) => {
    const prefix = partPrefix(index);
    const { site, isTouched, carried } = openSites(slots, prefix);
    const { weights } = partOf(architecture, stage);
    const made = new Map<string, Value>();
    const scope: PartScope = {
      positions,
      lengths,
      site,
      isTouched,
      ...(isDynamic ? { dynamic: { sizeName: (name) => prefix + name } } : {}),
      weight: (name) => {
        const source = weights[name];
        if (!source)
          throw new PlanError(`The graph asks for a weight '${name}' that its part does not list.`);
        const inputName = weightInput(index, name, source);
        if (source.kind === 'positions') return table(inputName, source.width);
        const value = bound.get(source.tensor) ?? made.get(name) ?? input(inputName, 'float32', source.shape);
        made.set(name, value);
        const ownBlocks = blocks.get(source.tensor);
        if (ownBlocks) blocksOf.set(value, ownBlocks);
        return value;
      },
    };
    if (!hidden) {
      hidden = architecture.embed.build({ ...scope, ...embedInputs(architecture.input) });
      return;
    }
    const block = architecture.blocks[stage];
    if (!block) {
      outputs.logits = architecture.head.build({ ...scope, hidden });
      return;
    }
    const pasts: Record<string, Value> = {};
    const past = (name: string, width: Dimension) => {
      pasts[name] ??= input(`${prefix}past.${name}`, 'float32', ['past', width]);
      return pasts[name];
    };
    const batch: AttentionBatch = {
      ...indices,
      joinPast: (keys, values) => {
        outputs[`${prefix}keys`] = keys;
        outputs[`${prefix}values`] = values;
        return {
          keys: concat([past('keys', sizeAt(keys.shape, 1)), keys], 0),
          values: concat([past('values', sizeAt(values.shape, 1)), values], 0),
        };
      },
      ...(architecture.encoder
        ? { memory: { ...memory, take: (own) => ({ keys: past('keys', own), values: past('values', own) }) } }
        : {}),
    };
    hidden = block.build({ ...scope, hidden, batch, carried });
  });
  const last = parts.at(-1)?.stage ?? embedStage;
  const all = last === headStage(architecture) || !hidden ? outputs : { ...outputs, out: hidden };
  return graph(withBlocks(all, blocksOf));
}
