// The attention of a decoder's positions to the encoder's last states. Queries are made of the decoder's stream in its layer;
// keys and values are made of the encoder's rows, once for all rows that read them, by a part of their own.

import type { Value } from '../onnx/value.ts';
import type { BlockScope, GraphPart } from './architecture.ts';
import { attentionToMemory } from './attention.ts';
import { type BlockModule, type Module, part } from './module.ts';
import type { HeadShape } from './projections.ts';

export interface CrossAttention extends HeadShape {
  readonly query: Module;
  readonly output: Module;
  /** Factor on the products of queries and keys. */
  readonly scale: number;
}

/** From the decoder's states to what attention puts out, [tokens, width]. */
export function crossAttention(options: CrossAttention): BlockModule {
  const { query, output, heads } = options;
  return {
    weights: { ...query.weights, ...output.weights },
    apply: (scope, x) => {
      const { site, batch } = scope;
      if (!batch.memory) throw new Error('A layer with cross-attention was opened without an encoder.');
      const q = site('cross_query_output', query.apply(scope, site('cross_attention_input', x)), heads);
      const gathered = attentionToMemory(q, batch.memory, options, scope);
      const mixed = output.apply(scope, site('cross_attention_value_output', gathered, heads));
      return site('cross_attention_output', mixed);
    },
  };
}

/**
 * What an encoder's rows pass beside a layer of its reader: their states go on, and keys and values are made of them.
 * @param prefix of the reader's components
 */
export function memoryPart(
  key: Module,
  value: Module,
  { keyValueHeads }: HeadShape,
  prefix = '',
): GraphPart<BlockScope> {
  return part(`${prefix}memory`, [key, value], ({ hidden, ...outer }): Value => {
    const scope = withPrefix(outer, prefix);
    const { site, batch } = scope;
    batch.joinPast(
      site('cross_key_output', key.apply(scope, hidden), keyValueHeads),
      site('cross_value_output', value.apply(scope, hidden), keyValueHeads),
    );
    return hidden;
  });
}

/** The same scope for a stack whose components have a prefix of their own. */
export const withPrefix = <Scope extends { readonly site: BlockScope['site'] }>(
  scope: Scope,
  prefix: string,
): Scope => ({ ...scope, site: (component, value, heads) => scope.site(prefix + component, value, heads) });
