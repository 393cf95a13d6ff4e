// An alignment as text: what the model does by itself, what was trained, and how each site ended.

import { formatTable } from '../../figures/textTable.ts';
import type { AlignResult, SiteResult } from './result.ts';
import { positionsIn, positionText, type SitePosition } from './sitePosition.ts';
import { controlWords, headWords, interventionText, jointWords, percent } from './words.ts';

const places = (value: number): string => String(Number(value.toPrecision(3)));
const positionInWords = (position: SitePosition): string =>
  typeof position === 'number'
    ? `position ${position}`
    : `the position${typeof position === 'string' ? '' : 's'} ${positionsIn(position)
        .map((each) => `'${each}'`)
        .join(' and ')}`;

const ends: Readonly<Record<SiteResult['end'], string>> = {
  begun: 'stopped in the middle',
  'all-steps': 'all steps made',
  early: 'ended early: the loss no longer fell',
  loss: 'ended: the loss became NaN or infinite',
  parameters: 'ended: the parameters became NaN, infinite, or not orthonormal',
};

function epochLines({ epochs }: SiteResult): readonly string[] {
  if (epochs.length === 0) return [];
  const head = ['epoch', 'steps', 'loss', 'train IIA', 'test IIA'];
  const lines = epochs.map(({ step, loss, trainAccuracy, testAccuracy }, at) => [
    String(at + 1),
    String(step),
    loss.toFixed(4),
    percent(trainAccuracy),
    percent(testAccuracy),
  ]);
  return [formatTable([head, ...lines], new Set([0, 1, 2, 3, 4])), ''];
}

function siteLines(site: SiteResult, { width }: AlignResult): readonly string[] {
  const { layer, position, end, steps, final } = site;
  const { boundary, orthonormalGap } = final ?? {};
  return [
    `Layer ${layer}, ${positionInWords(position)}: ${steps.loss.length} steps, ${ends[end]}`,
    ...epochLines(site),
    ...(final
      ? [
          `IIA: train ${percent(final.trainAccuracy)}, test ${percent(final.testAccuracy)}`,
          ...(boundary
            ? [
                `Width: ${places(boundary.share)} of the width, ${boundary.dimensions} of ${width} directions by more than half`,
              ]
            : []),
          ...(orthonormalGap === undefined
            ? []
            : [`Rotation: WᵀW is off the identity by ${orthonormalGap.toPrecision(2)}`]),
          `Control, untrained: test ${percent(final.controlAccuracy)}`,
        ]
      : []),
  ];
}

const twoDigits = (share: number): string => share.toFixed(2);

/** Test accuracies and, in brackets, those of the control; a point where a site was not trained. */
function tableOf({ experiment, layers, positions, sites }: AlignResult): readonly string[] {
  const head = ['layer', ...positions.map(positionText)];
  const lines = layers.map((layer, row) => [
    String(layer),
    ...positions.map((_, column) => {
      const final = sites[row * positions.length + column]?.final;
      return final ? `${twoDigits(final.testAccuracy)} (${twoDigits(final.controlAccuracy)})` : '.';
    }),
  ]);
  const right = new Set(head.keys());
  return [
    `Test IIA, in brackets the control: ${controlWords(experiment).name}`,
    formatTable([head, ...lines], right),
    '',
  ];
}

/** One site whole; of several a table of the test accuracies, layers down and positions across, each with its control. */
export function alignSummary(result: AlignResult): string {
  const { experiment, factual, majority, unedited, trainCount, testCount, sites } = result;
  const own = factual
    ? `${percent(factual.right / factual.of)} of ${factual.of} prompts`
    : 'not known: the examples give no label of their own';
  const [only, ...others] = sites;
  return [
    `${experiment.site.component}${headWords(experiment)}${jointWords(experiment)}, ${interventionText(experiment, result.width)}; ${trainCount} examples to train with, ${testCount} to test`,
    `The model's own accuracy: ${own}`,
    '',
    ...(others.length > 0 ? tableOf(result) : only ? siteLines(only, result) : ['The site was not begun.']),
    `Majority (${JSON.stringify(majority.label)}): test ${percent(majority.share)}; without an intervention ${percent(unedited)}`,
  ].join('\n');
}
