// A trace as the fragment of a link: the experiment and how its figure is looked at, defaults left out. What comes from a
// link is checked by the schemas of both before anything on the page changes.

import * as v from 'valibot';
import { metrics } from '../../experiments/metrics.ts';
import { readTraceExperiment, type TraceExperiment } from '../../experiments/trace/experiment.ts';
import { decodeLink, encodeLink, LinkError, withoutDefaults } from '../../share/link.ts';
import { type FigureView, initialView } from './figure.ts';

const place = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100_000));

const viewSchema = v.strictObject({
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

const contentSchema = v.strictObject({ trace: v.unknown(), view: v.optional(viewSchema, {}) });

export interface SharedTrace {
  readonly experiment: TraceExperiment;
  readonly view: FigureView;
}

/** What an experiment is when it says nothing else. A corruption is left out whole or not at all: its kind decides the rest. */
const experimentDefaults = {
  direction: 'restore',
  positions: 'all',
};
const corruptionDefault = { kind: 'noise', level: { standardDeviations: 3 }, samples: 10, seed: 1 };

/** @returns `#v1.…` */
export function traceLink({ experiment, view }: SharedTrace): Promise<string> {
  const { corruption, ...rest } = experiment;
  const isUsual =
    corruption.kind === 'noise' && JSON.stringify(corruption) === JSON.stringify(corruptionDefault);
  const trace = withoutDefaults(isUsual ? rest : experiment, experimentDefaults);
  const brief = withoutDefaults(view, initialView);
  return encodeLink(withoutDefaults({ trace, view: brief }, { view: {} }));
}

/**
 * @param fragment of an address, `#` included
 * @throws LinkError or ExperimentError, in a sentence that says what to do
 */
export async function readTraceLink(fragment: string): Promise<SharedTrace> {
  const content = v.safeParse(contentSchema, await decodeLink(fragment));
  if (!content.success) {
    throw new LinkError('The link holds no trace that this page knows. Open it where it was made.');
  }
  const { trace, view } = content.output;
  return { experiment: readTraceExperiment(trace), view };
}
