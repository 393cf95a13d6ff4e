// The settings of a trace in one line: names and values.

import { nameOf } from '../../experiments/givenFile.ts';
import { streamTitle } from '../../experiments/trace/figure.ts';
import type { TraceDocument } from './document.ts';
import type { DraftStream } from './draft.ts';

/** `['Corrupt', 'noise, 3 σ of the subject']` and so on, in the order in which they are read. */
export function settingsSummary(
  document: TraceDocument,
  streams: readonly DraftStream[],
): readonly (readonly [string, string])[] {
  const { corruption, level, levelUnit, samples, seed, replacement, direction, other } = document;
  const on = streams.filter(({ isOn }) => isOn);
  const windowed = on.filter(({ window }) => window !== '1');
  const sizes = new Set(windowed.map(({ window }) => window));
  const layers = (window: string): string => `${window} layers`;
  const windows =
    windowed.length === 0
      ? 'single layers'
      : sizes.size === 1 && windowed.length === on.length
        ? layers(windowed[0]?.window ?? '')
        : sizes.size === 1
          ? `${layers(windowed[0]?.window ?? '')}, ${on
              .filter(({ window }) => window === '1')
              .map(({ component }) => streamTitle(component).toLowerCase())
              .join(' and ')} 1`
          : windowed.map(({ component, window }) => `${streamTitle(component)} ${window}`).join(', ');
  const what = {
    noise: levelUnit === 'sigma' ? `noise, ${level} σ of the subject` : `noise of ${level}`,
    replace: replacement === '' ? 'other tokens' : `“${replacement.trim()}” in its place`,
    exchange: other === null ? 'another in its place' : `“${nameOf(other)}” in its place`,
    zero: 'zero embeddings',
    mean: 'mean embeddings',
  }[corruption];
  return [
    ['Corrupt', what],
    ...(corruption === 'noise'
      ? ([
          ['Samples', samples],
          ['Seed', seed],
        ] as const)
      : []),
    [
      direction === 'restore' ? 'Restore' : 'Put corrupted',
      on.map(({ component }) => streamTitle(component)).join(' · ') || 'nothing',
    ],
    ['Window', windows],
  ];
}
