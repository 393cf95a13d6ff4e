// How the result of a steering grows: prompt by prompt, and layer by layer of its sweep.

import { growthOf } from '../growth.ts';
import type { Growth } from '../kind.ts';
import { chooseCell } from './cells.ts';
import type { SteerResult, SteerText, SweepCell } from './result.ts';

type TokenTexts = Readonly<Record<string, string>>;

export type SteerChange =
  | { readonly kind: 'started'; readonly result: SteerResult }
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
  const tokenTexts = { ...result.tokenTexts, ...change.tokenTexts };
  if (change.kind === 'texts')
    return { ...result, tokenTexts, texts: result.texts.with(change.prompt, change.texts) };
  const swept = { ...result, tokenTexts, sweep: result.sweep?.with(change.layer, change.cells) ?? null };
  return { ...swept, choice: chooseCell(swept) };
}

export const steerGrowth = (): Growth<SteerResult, SteerChange> => growthOf(grow);
