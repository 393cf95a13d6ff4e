// For tests: what a patch must give, each cell computed by itself from whole prompts, without forks and without anything
// that two cells share.

import type { Model } from '../../runtime/model.ts';
import { type Edit, type Row, replace, type Source } from '../../runtime/plan/plan.ts';
import { windowAround } from '../layers.ts';
import { metricOf } from '../metrics.ts';
import { columnsOf } from './outline.ts';
import type { ResolvedPatch } from './resolve.ts';
import type { PatchResult } from './result.ts';

const logits = { component: 'logits', layer: null };

export const wholeRun = (tokens: readonly number[], edits: readonly Edit[] = []): Row => ({
  start: { kind: 'tokens', tokens },
  edits,
});

/** [panel][cell][pair] of the logit difference. */
export type Differences = readonly (readonly (readonly number[])[])[];

export const differencesOf = ({ panels }: PatchResult): Differences =>
  panels.map(({ cells }) =>
    cells.map((samples) => (samples ? metricOf(samples, 'logitDifference') : [Number.NaN])),
  );

/** The largest gap between two: infinite when they are not of one shape, NaN when a value is none. */
export function largestGap(found: Differences, expected: Differences): number {
  const shape = (cells: Differences) =>
    JSON.stringify(cells.map((panel) => panel.map(({ length }) => length)));
  if (shape(found) !== shape(expected)) return Number.POSITIVE_INFINITY;
  const gaps = found.flatMap((cells, panel) =>
    cells.flatMap((values, cell) =>
      values.map((value, pair) => Math.abs(value - (expected[panel]?.[cell]?.[pair] ?? Number.NaN))),
    ),
  );
  return gaps.reduce((most, gap) => Math.max(most, gap), 0);
}

/**
 * The logit difference of every cell, each computed by itself from the first token on: the edited run and the other
 * one as whole prompts, and nothing shared between cells.
 * @param sourceOf what stands in the place of an edit's site; by default the other run, the second row
 */
export async function cellByCell(
  model: Model,
  patch: ResolvedPatch,
  runsOf: (pair: number) => readonly [readonly number[], readonly number[]],
  sourceOf?: (component: string, layer: number, location: Edit['location']) => Source,
): Promise<Differences> {
  const { layerCount } = model.architecture;
  const panels: number[][][] = [];
  for (const panel of patch.panels) {
    const cells: number[][] = [];
    for (let layer = 0; layer < layerCount; layer++) {
      for (const { head, position } of columnsOf(panel)) {
        const values: number[] = [];
        for (const [pair, { answer, distractor }] of patch.pairs.entries()) {
          const [base, source] = runsOf(pair);
          const { from, to } = windowAround(layer, panel.window, layerCount);
          const heads = head === undefined ? panel.heads : [head];
          const all = panel.positions === 'last' ? [base.length - 1] : panel.positions;
          const location = {
            positions: position === undefined ? all : [position],
            ...(heads ? { heads } : {}),
          } as const;
          const edits = Array.from({ length: to - from }, (_, index): Edit => {
            const site = { component: panel.component, layer: from + index };
            return {
              site,
              location,
              fragment: replace,
              source: sourceOf?.(site.component, site.layer, location) ?? {
                kind: 'row',
                row: 1,
                site,
                location,
              },
            };
          });
          const [read] = await model.run({
            rows: [wholeRun(base, edits), wholeRun(source)],
            reads: [{ row: 0, site: logits, location: { positions: [base.length - 1] } }],
          });
          const found = read?.value?.data ?? [];
          values.push((found[answer?.id ?? -1] ?? Number.NaN) - (found[distractor?.id ?? -1] ?? Number.NaN));
        }
        cells.push(values);
      }
    }
    panels.push(cells);
  }
  return panels;
}
