// How gradients go back through the large gathers of a block. Their indices are not any numbers: queries and slots undo
// each other, a token's key stands in one place of its row, and an edit's units are those that its selection points back
// to. So each goes back by a gather too, at the cost of a copy.

import { sumByIndex } from '../../autodiff/gatherRules.ts';
import type { GatherTranspose } from '../../autodiff/rule.ts';
import { multiplyDimensions } from '../../onnx/dimension.ts';
import { add, equal, greaterOrEqual, less, sub, where } from '../../onnx/elementwise.ts';
import { places, sizeAlong } from '../../onnx/fill.ts';
import { concat, gather, reshape, unsqueeze } from '../../onnx/layout.ts';
import { constant, input, int32, sizeAt, type Value } from '../../onnx/value.ts';
import type { OpenEdit } from '../forward/siteGraph.ts';
import type { OpenAttention } from '../forward/variant.ts';

const zero = constant(0);

/** [rows, places, width] as [rows * places, width] */
function joined(x: Value): Value {
  const [rows = 1, each = 1] = x.shape;
  return reshape(x, [multiplyDimensions(rows, each), sizeAt(x.shape, 2)]);
}

/**
 * Queries, keys and results of attention. Padding gets whatever the place gets that it repeats; it belongs to no row, so
 * nobody reads it, and what comes from it is masked: a padded query has position -1.
 */
export function attentionTransposes({
  batch,
  past,
}: OpenAttention): readonly (readonly [Value, GatherTranspose])[] {
  const keySlot = input('key_slot', 'int32', ['tokens']);
  const isQuery = unsqueeze(greaterOrEqual(batch.queryPositions, int32(0)), [2]);
  return [
    [batch.queryIndex, (gradient) => gather(joined(gradient), batch.tokenSlot, 0)],
    [batch.tokenSlot, (gradient) => joined(where(isQuery, gather(gradient, batch.queryIndex, 0), zero))],
    [
      batch.keyIndex,
      (gradient) => {
        const own = gather(joined(gradient), keySlot, 0);
        // An ancestor's key may stand in many rows. Of keys and values only the shape is read, and it is the same.
        return past ? concat([sumByIndex(gradient, past.keys, batch.keyIndex, 0), own], 0) : own;
      },
    ],
  ];
}

/** The units of an edit of a token or head component, and their selection. */
export function editTransposes({ units, select }: OpenEdit): readonly (readonly [Value, GatherTranspose])[] {
  return [
    [
      units,
      (gradient, value) => {
        const count = sizeAlong(value, 0);
        const isEdited = greaterOrEqual(select, count);
        const place = where(isEdited, sub(select, count), int32(0));
        return where(unsqueeze(isEdited, [1]), gather(gradient, place, 0), zero);
      },
    ],
    [
      select,
      (gradient, value) => {
        const [before = value, edited = value] =
          value.origin.kind === 'operation' ? value.origin.operation.inputs : [];
        const count = sizeAlong(before, 0);
        // Padding repeats a unit that is another's.
        const isOwn = equal(gather(select, units, 0), add(places(edited, 0), count));
        return concat(
          [
            where(unsqueeze(less(select, count), [1]), gradient, zero),
            where(unsqueeze(isOwn, [1]), gather(gradient, units, 0), zero),
          ],
          0,
        );
      },
    ],
  ];
}
