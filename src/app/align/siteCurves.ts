// The training of one site as curves, and the same as a table.

import { oneSitePanels } from '../../experiments/align/figure.ts';
import type { SiteResult } from '../../experiments/align/result.ts';
import type { LinesDescription, LinesPanel } from '../../figures/linesDescription.ts';
import { choiceWords, type SiteChoice } from './variants.ts';

/** Decimal places that tell a small number's first two digits. */
const digitsOf = (least: number): number =>
  least > 0 ? Math.min(8, Math.max(2, 1 - Math.floor(Math.log10(least)))) : 2;

function settingPanel(title: string, yTitle: string, values: readonly number[]): LinesPanel {
  const positive = values.filter((value) => value > 0);
  return {
    title,
    yTitle,
    digits: digitsOf(Math.max(...positive, 0)) + 1,
    lines: [
      {
        name: title.toLowerCase(),
        points: values.map((value, index) => [index + 1, value]),
        isLabelled: true,
      },
    ],
  };
}

export function siteCurves(choice: SiteChoice): LinesDescription {
  const { result, site } = choice;
  const { temperature, rate } = site.steps;
  return {
    title: `Training of ${choiceWords(choice)}`,
    xTitle: 'steps',
    panels: [
      ...oneSitePanels(result, site),
      ...(temperature ? [settingPanel('Temperature', 'of the boundary or mask', temperature)] : []),
      settingPanel('Learning rate', 'each step', rate),
    ],
  };
}

export interface CurveRow {
  readonly step: number;
  readonly loss: number;
  readonly rate: number;
  readonly temperature: number | undefined;
  readonly width: number | undefined;
  /** Where an epoch ended. */
  readonly train: number | undefined;
  readonly test: number | undefined;
}

/** So many rows a person goes through; the file has all. */
const mostRows = 250;

/** Every step, or of a long training every so many, and the ends of its epochs. */
export function curveRows({ steps, epochs }: SiteResult): readonly CurveRow[] {
  const ends = new Map(epochs.map((epoch) => [epoch.step, epoch]));
  const pace = Math.max(1, Math.ceil(steps.loss.length / mostRows));
  return steps.loss.flatMap((loss, at): readonly CurveRow[] => {
    const step = at + 1;
    const end = ends.get(step);
    if (end === undefined && at % pace !== 0) return [];
    return [
      {
        step,
        loss,
        rate: steps.rate[at] ?? Number.NaN,
        temperature: steps.temperature?.[at],
        width: steps.widthShare?.[at],
        train: end?.trainAccuracy,
        test: end?.testAccuracy,
      },
    ];
  });
}
