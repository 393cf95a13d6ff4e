// How the result of a steering grows: token by token and prompt by prompt, and layer by layer of its sweep.

import { growthOf } from '../growth.ts';
import type { Growth } from '../kind.ts';
import { chooseCell } from './cells.ts';
import type { SaidText, SteerResult, SteerText, SweepCell } from './result.ts';

type TokenTexts = Readonly<Record<string, string>>;

export type SteerChange =
  | { readonly kind: 'started'; readonly result: SteerResult }
  /** The texts of a prompt begin. */
  | {
      readonly kind: 'begun';
      readonly prompt: number;
      readonly texts: readonly Pick<SaidText, 'column' | 'sample' | 'direction'>[];
    }
  /** What they have said since. */
  | {
      readonly kind: 'said';
      readonly pieces: readonly (Pick<SaidText, 'tokens' | 'text' | 'logProbabilities'> & {
        readonly row: number;
      })[];
      readonly tokenTexts: TokenTexts;
    }
  | {
      readonly kind: 'texts';
      readonly prompt: number;
      readonly texts: readonly SteerText[];
      readonly tokenTexts: TokenTexts;
    }
  | {
      readonly kind: 'layer';
      /** Its place among the layers of the sweep. */
      readonly layer: number;
      readonly cells: readonly SweepCell[];
      readonly tokenTexts: TokenTexts;
    };

function grow(result: SteerResult | undefined, change: SteerChange): SteerResult | undefined {
  if (change.kind === 'started') return change.result;
  if (!result) return undefined;
  if (change.kind === 'begun') {
    const texts = change.texts.map((text) => ({ ...text, tokens: [], text: '', logProbabilities: [] }));
    return { ...result, said: { prompt: change.prompt, texts } };
  }
  const tokenTexts = { ...result.tokenTexts, ...change.tokenTexts };
  if (change.kind === 'said') {
    const { said } = result;
    const pieces = new Map(change.pieces.map((piece) => [piece.row, piece]));
    const texts = said?.texts.map((text, row) => {
      const piece = pieces.get(row);
      if (!piece) return text;
      return {
        ...text,
        tokens: [...text.tokens, ...piece.tokens],
        text: text.text + piece.text,
        logProbabilities: [...text.logProbabilities, ...piece.logProbabilities],
      };
    });
    return { ...result, tokenTexts, said: said && texts ? { ...said, texts } : null };
  }
  if (change.kind === 'texts')
    return { ...result, tokenTexts, texts: result.texts.with(change.prompt, change.texts), said: null };
  const swept = { ...result, tokenTexts, sweep: result.sweep?.with(change.layer, change.cells) ?? null };
  return { ...swept, choice: chooseCell(swept) };
}

export const steerGrowth = (): Growth<SteerResult, SteerChange> => growthOf(grow);
