// How a figure is looked at: which one, metric, scale, colours, range, orientation, pins. Another view is another drawing of
// the same numbers. A link carries it beside the experiment.

import * as v from 'valibot';
import { type Metric, metrics } from '../../experiments/metrics.ts';
import type { ColourMap } from '../../figures/colour.ts';
import type { Orientation, Pin } from '../../figures/description.ts';

/** `streams` gives each panel the hue it has in the literature; the others are one map for all. */
export type ColourChoice = 'streams' | Extract<ColourMap, 'viridis' | 'cividis' | 'puOr' | 'rdBu'>;

/**
 * What of a value is drawn: its share of the way from one run to the other; the value itself; or its change from the run
 * that cells start from, in percent of that. A kind that has one of them alone takes no notice.
 */
export type FigureScale = 'share' | 'value' | 'change';

export interface FigureView {
  readonly metric: Metric;
  readonly colours: ColourChoice;
  readonly sharing: 'shared' | 'panel';
  readonly orientation: Orientation;
  readonly scale: FigureScale;
  /** Place among the figures of a result that has several. */
  readonly sheet: number;
  readonly pins: readonly Pin[];
}

export const initialView: FigureView = {
  metric: 'probability',
  colours: 'streams',
  sharing: 'shared',
  orientation: 'tokens-down',
  scale: 'share',
  sheet: 0,
  pins: [],
};

const place = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100_000));

/** A view as a link holds it, defaults left out. */
export const viewSchema = v.strictObject({
  metric: v.optional(v.picklist(metrics), initialView.metric),
  colours: v.optional(v.picklist(['streams', 'viridis', 'cividis', 'puOr', 'rdBu']), initialView.colours),
  sharing: v.optional(v.picklist(['shared', 'panel']), initialView.sharing),
  orientation: v.optional(v.picklist(['tokens-down', 'layers-down']), initialView.orientation),
  scale: v.optional(v.picklist(['share', 'value', 'change']), initialView.scale),
  sheet: v.optional(place, initialView.sheet),
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
