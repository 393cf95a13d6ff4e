// The training of one adapter as curves, and the same as a table.

import type { AdapterResult, FinetuneResult } from '../../experiments/finetune/result.ts';
import type { LinesDescription } from '../../figures/linesDescription.ts';

/** Of one adapter: every step's loss beside that of what is held out, exact match, and the learning rate. */
export function adapterCurves({ names, adapters, before }: FinetuneResult, index: number): LinesDescription {
  const { steps, epochs } = adapters[index] ?? { steps: { loss: [], rate: [] }, epochs: [] };
  return {
    title: `Training of ${names[index] ?? ''}`,
    xTitle: 'steps',
    panels: [
      {
        title: 'Loss',
        yTitle: 'cross-entropy of the continuation (nats)',
        digits: 3,
        lines: [
          {
            name: 'taught, each step',
            points: steps.loss.map((loss, at) => [at + 1, loss]),
            isLabelled: true,
          },
          {
            name: 'held out',
            ink: 1,
            dash: 'dashed',
            points: epochs.map(({ step, test }) => [step, test.loss]),
            hasDots: true,
            isLabelled: true,
          },
        ],
        references: [{ name: 'held out, before', value: before.test.loss }],
      },
      {
        title: 'Exact match, held out',
        yTitle: 'share of which every token is the most probable',
        range: [0, 1],
        lines: [
          {
            name: 'held out',
            ink: 1,
            dash: 'dashed',
            points: epochs.map(({ step, test }) => [step, test.match]),
            hasDots: true,
            isLabelled: true,
          },
        ],
        references: [{ name: 'before', value: before.test.match }],
      },
      {
        title: 'Learning rate',
        yTitle: 'each step',
        digits: 4,
        lines: [
          {
            name: 'learning rate',
            points: steps.rate.map((rate, at) => [at + 1, rate]),
            isLabelled: true,
          },
        ],
      },
    ],
  };
}

export interface CurveRow {
  readonly step: number;
  readonly loss: number;
  readonly rate: number;
  /** Of what is held out, where it was looked at. */
  readonly test: { readonly loss: number; readonly match: number } | undefined;
}

/** So many rows a person goes through; the file has all. */
const mostRows = 250;

/** Every step, or of a long training every so many, and those at which the held-out examples were looked at. */
export function curveRows({ steps, epochs }: AdapterResult): readonly CurveRow[] {
  const looks = new Map(epochs.map(({ step, test }) => [step, test]));
  const pace = Math.max(1, Math.ceil(steps.loss.length / mostRows));
  return steps.loss.flatMap((loss, at): readonly CurveRow[] => {
    const step = at + 1;
    const test = looks.get(step);
    if (test === undefined && at % pace !== 0) return [];
    return [{ step, loss, rate: steps.rate[at] ?? Number.NaN, test }];
  });
}
