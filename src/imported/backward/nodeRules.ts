// Which nodes of a file a gradient passes: those that are translated into operators of the engine, which have rules; those
// whose result does not change where they are smooth, through which nothing passes; and all others, which have no rule.

import { integerOf } from '../attributes.ts';
import type { OnnxNode } from '../onnxFile.ts';
import { elementTypeOf, isFloat } from '../tensor.ts';
import { elementwiseNodes, microsoftElementwise } from './elementwiseNodes.ts';
import { layoutNodes } from './layoutNodes.ts';
import type { Translate } from './nodeScope.ts';
import { microsoftReductions, reductionNodes } from './reductionNodes.ts';
import { windowNodes } from './windowNodes.ts';

const own: ReadonlyMap<string, Translate> = new Map(
  [elementwiseNodes, layoutNodes, reductionNodes, windowNodes].flatMap((group) => Object.entries(group)),
);

const microsoft: ReadonlyMap<string, Translate> = new Map([
  ...Object.entries({ ...microsoftElementwise, ...microsoftReductions }),
  // An operator of ONNX Runtime that its optimiser writes without a domain.
  ...Object.entries(reductionNodes).filter(([op]) => op === 'SimplifiedLayerNormalization'),
]);

/** Operators whose result is the same all around, wherever it has a slope at all. */
const flat = new Set([
  ...[
    'Shape',
    'Size',
    'Equal',
    'Less',
    'LessOrEqual',
    'Greater',
    'GreaterOrEqual',
    'And',
    'Or',
    'Xor',
    'Not',
  ],
  ...['IsNaN', 'IsInf', 'ArgMax', 'ArgMin', 'NonZero', 'Sign', 'Floor', 'Ceil', 'Round'],
]);

const isCastToFloat = (node: OnnxNode): boolean => {
  const dtype = elementTypeOf(integerOf(node, 'to') ?? 0);
  return dtype !== undefined && isFloat(dtype);
};

/** Nothing passes, and that is right. */
export const isFlat = (node: OnnxNode): boolean =>
  node.domain === '' && (flat.has(node.op) || (node.op === 'Cast' && !isCastToFloat(node)));

/** How a node is computed by operators that have rules; undefined where it is not. */
export function translatorOf({ op, domain }: OnnxNode): Translate | undefined {
  if (domain === '') return own.get(op);
  return domain === 'com.microsoft' ? microsoft.get(op) : undefined;
}
