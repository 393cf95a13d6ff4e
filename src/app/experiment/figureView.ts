// How a figure is looked at: metric, colours, range, orientation, pins. Another view is another drawing of the same numbers.
// A link carries it beside the experiment.

import * as v from 'valibot';
import { type Metric, metrics } from '../../experiments/metrics.ts';
import type { ColourMap } from '../../figures/colour.ts';
import type { Orientation, Pin } from '../../figures/description.ts';

/** `streams` gives each panel the hue it has in the literature; the others are one map for all. */
export type ColourChoice = 'streams' | Extract<ColourMap, 'viridis' | 'cividis' | 'puOr'>;

export interface FigureView {
  readonly metric: Metric;
  readonly colours: ColourChoice;
  readonly sharing: 'shared' | 'panel';
  readonly orientation: Orientation;
  readonly pins: readonly Pin[];
}

export const initialView: FigureView = {
  metric: 'probability',
  colours: 'streams',
  sharing: 'shared',
  orientation: 'tokens-down',
  pins: [],
};

const place = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100_000));

/** A view as a link holds it, defaults left out. */
export const viewSchema = v.strictObject({
  metric: v.optional(v.picklist(metrics), initialView.metric),
  colours: v.optional(v.picklist(['streams', 'viridis', 'cividis', 'puOr']), initialView.colours),
  sharing: v.optional(v.picklist(['shared', 'panel']), initialView.sharing),
  orientation: v.optional(v.picklist(['tokens-down', 'layers-down']), initialView.orientation),
  pins: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          letter: v.picklist(['A', 'B', 'C', 'D']),
          panel: place,
          location: place,
          layer: place,
        }),
      ),
      v.maxLength(4),
    ),
    [],
  ),
});
