// The figures of a trace: one for each stack of the model, whose layers and positions are its own, and the squares of a
// picture laid over it. Of most models there is one.

import { inputOfPlaced } from '../../experiments/inputParts.ts';
import { streamGroups } from '../../experiments/trace/figure.ts';
import type { TraceResult } from '../../experiments/trace/result.ts';
import type { CellAddress } from '../../figures/description.ts';

export interface Sheet {
  readonly name: string;
  /** Places of its panels' streams in the result. */
  readonly streams: readonly number[];
  readonly isOverlay: boolean;
}

/** Who reads what a layer makes of an input. */
const readers = [
  ['question.cross_', 'question'],
  ['cross_', 'decoder'],
] as const;

const inputNames = { text: 'Source', image: 'Picture, part by part', sound: 'Sound' } as const;

export function sheetsOf(result: TraceResult): readonly Sheet[] {
  const { streams } = result;
  return streamGroups(result).flatMap((group): readonly Sheet[] => {
    if (!result.input) return [{ name: 'Prompt', streams: group, isOverlay: false }];
    const stream = streams[group[0] ?? 0];
    const input = stream && inputOfPlaced(result, stream);
    if (!input) {
      const name = result.picture ? 'Answer' : result.input.kind === 'text' ? 'Target' : 'Words';
      return [{ name, streams: group, isOverlay: false }];
    }
    const own = result.picture && input.kind === 'text' ? 'Question' : inputNames[input.kind];
    const [, reader] = readers.find(([prefix]) => stream.component.startsWith(prefix)) ?? [];
    const name = reader ? `${own}, as the ${reader} reads it` : own;
    const plain = { name, streams: group, isOverlay: false };
    if (!input.grid) return [plain];
    const over = reader ? `Over the picture, as the ${reader} reads it` : 'Over the picture';
    return [{ name: over, streams: group, isOverlay: true }, plain];
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
