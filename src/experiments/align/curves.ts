// The curves of an alignment as comma-separated values: a line for each step of each site.

import { csvText } from '../csv.ts';
import type { AlignResult, SiteResult } from './result.ts';
import { positionText } from './sitePosition.ts';

const columns = [
  'layer',
  'position',
  'step',
  'loss',
  'learning_rate',
  'temperature',
  'width_share',
  'train_iia',
  'test_iia',
] as const;

function siteLines({ layer, position, steps, epochs }: SiteResult): readonly (readonly string[])[] {
  const ends = new Map(epochs.map((epoch) => [epoch.step, epoch]));
  const text = (value: number | undefined) => (value === undefined ? '' : String(value));
  return steps.loss.map((loss, at) => {
    const end = ends.get(at + 1);
    return [
      layer,
      positionText(position),
      at + 1,
      loss,
      text(steps.rate[at]),
      text(steps.temperature?.[at]),
      text(steps.widthShare?.[at]),
      text(end?.trainAccuracy),
      text(end?.testAccuracy),
    ].map(String);
  });
}

/** Steps count from 1; accuracies stand at the last step of each epoch. */
export const curvesCsv = ({ sites }: AlignResult): string =>
  csvText([columns, ...sites.flatMap((site) => (site ? siteLines(site) : []))]);
