// A finetuning as curves: the losses of adapters over their steps, and how often they say the whole continuation.

import type { Dash, Line, LinesDescription, Point } from '../../figures/linesDescription.ts';
import type { AdapterResult, FinetuneResult } from './result.ts';
import { finetuneCaption, titleOf } from './words.ts';

const dashes: readonly Dash[] = ['solid', 'dashed', 'dotted', 'dash-dotted'];
const inks = [0, 1, 2, 3] as const;

export function finetuneCurves(result: FinetuneResult): LinesDescription {
  const { adapters, names, before } = result;
  const begun = adapters.flatMap((adapter, index) => (adapter ? [{ adapter, index }] : []));
  const linesOf = (points: (adapter: AdapterResult) => readonly Point[], hasDots: boolean): readonly Line[] =>
    begun.map(({ adapter, index }) => ({
      name: names[index] ?? '',
      ink: inks[index % inks.length] ?? 0,
      dash: dashes[Math.floor(index / inks.length + index) % dashes.length] ?? 'solid',
      points: points(adapter),
      hasDots,
      isLabelled: begun.length <= inks.length,
    }));
  return {
    title: titleOf(result),
    caption: finetuneCaption(result),
    xTitle: 'steps',
    panels: [
      {
        title: 'Training loss',
        yTitle: 'cross-entropy of the continuation (nats), mean of each epoch',
        digits: 2,
        lines: linesOf(({ epochs }) => epochs.map(({ step, loss }) => [step, loss]), true),
        references: [{ name: 'without an adapter', value: before.train.loss }],
      },
      {
        title: 'Loss on examples not taught',
        yTitle: 'cross-entropy of the continuation (nats)',
        digits: 2,
        lines: linesOf(({ epochs }) => epochs.map(({ step, test }) => [step, test.loss]), true),
        references: [{ name: 'without an adapter', value: before.test.loss }],
      },
      {
        title: 'Exact match on examples not taught',
        yTitle: 'share of which every token is the most probable',
        range: [0, 1],
        lines: linesOf(({ epochs }) => epochs.map(({ step, test }) => [step, test.match]), true),
        references: [{ name: 'without an adapter', value: before.test.match }],
      },
    ],
  };
}
