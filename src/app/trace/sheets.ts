// The figures of a trace: one for each stack of the model, whose layers and positions are its own, and the squares of a
// picture laid over it. Of most models there is one.

import { streamGroups } from '../../experiments/trace/figure.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { CellAddress } from '../../figures/description.ts';

export interface Sheet {
  readonly name: string;
  /** Places of its panels' streams in the result. */
  readonly streams: readonly number[];
  readonly isOverlay: boolean;
}

const inputNames = { text: 'Source', image: 'Picture, part by part', sound: 'Sound' } as const;

export function sheetsOf(result: TraceResult): readonly Sheet[] {
  const { input, streams } = result;
  return streamGroups(result).flatMap((group): readonly Sheet[] => {
    const isOfInput = group.some((place) => streams[place]?.isOfInput);
    if (!input) return [{ name: 'Prompt', streams: group, isOverlay: false }];
    if (!isOfInput)
      return [{ name: input.kind === 'text' ? 'Target' : 'Words', streams: group, isOverlay: false }];
    const name = streams[group[0] ?? 0]?.component.startsWith('cross_')
      ? `${inputNames[input.kind]}, as the decoder reads it`
      : inputNames[input.kind];
    const plain = { name, streams: group, isOverlay: false };
    return input.grid ? [{ name: 'Over the picture', streams: group, isOverlay: true }, plain] : [plain];
  });
}

/** The sheet that a view shows. */
export function sheetAt(result: TraceResult, sheet: number): Sheet {
  const sheets = sheetsOf(result);
  return sheets[Math.min(sheet, sheets.length - 1)] ?? { name: '', streams: [], isOverlay: false };
}

/** The stream of a panel, by its place in the result. */
export const streamPlace = (result: TraceResult, sheet: number, { panel }: CellAddress): number =>
  sheetAt(result, sheet).streams[panel] ?? -1;
