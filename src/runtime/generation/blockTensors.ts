// Packed weights as constants of the graphs of a step, which multiplies by their codes. A layer is expanded for all rows of a
// sweep at once, which costs little beside them, and far more than the one row of a step.

import type { Blocks } from '../../onnx/blocks.ts';
import { checkedConstant, constant } from '../../onnx/value.ts';
import type { ExecuteContext } from '../forward/execute.ts';
import { partOf, type SpanPart } from './stepGraph.ts';

/** They stand beside the weights as they are stored. */
const mostBytes = 6 * 2 ** 30;

/** On WASM the runtime expands the codes for each product, which takes as long as expanding the layer. */
export const bindsBlocks = ({ backend, weights }: ExecuteContext): boolean =>
  backend.multipliesBlocks === true && weights.codesBytes > 0 && weights.codesBytes <= mostBytes;

function tensorsOf({ architecture }: ExecuteContext, parts: readonly SpanPart[]): ReadonlySet<string> {
  const sources = parts.flatMap(({ stage }) => Object.values(partOf(architecture, stage).weights));
  return new Set(sources.flatMap((source) => (source.kind === 'tensor' ? [source.tensor] : [])));
}

/** Bytes of the codes of these parts. */
export const blockBytes = (context: ExecuteContext, parts: readonly SpanPart[]): number =>
  [...tensorsOf(context, parts)].reduce((sum, tensor) => sum + context.weights.codesBytesOf(tensor), 0);

/** The matrices of these parts that have codes, by their tensors. */
export function blockTensors(
  context: ExecuteContext,
  parts: readonly SpanPart[],
): ReadonlyMap<string, Blocks> {
  return new Map(
    [...tensorsOf(context, parts)].flatMap((tensor) => {
      const found = context.weights.codes(tensor);
      const [outputs, inputs] = found?.shape ?? [];
      if (!found || outputs === undefined || inputs === undefined) return [];
      const { group, codes, scales, minima } = found;
      const groups = [outputs, scales.length / outputs] as const;
      const blocks: Blocks = {
        inputs,
        codes: checkedConstant('uint8', codes, [...groups, group / 2]),
        scales: constant(scales, groups),
        ...(minima ? { minima: constant(minima, [outputs, inputs / group]) } : {}),
      };
      return [[tensor, blocks] as const];
    }),
  );
}
