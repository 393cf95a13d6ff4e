// How three well-known works draw such figures, as views of the same numbers.

import type { FigureView } from '../experiment/figureView.ts';

export type LookName = 'rome' | 'transformerLens' | 'ioi';
type Look = Pick<FigureView, 'metric' | 'scale' | 'colours' | 'orientation' | 'sharing'>;

export const looks: Readonly<Record<LookName, Look>> = {
  /** Meng et al. 2022, figure 1: the probability, tokens down, a hue for each stream. */
  rome: {
    metric: 'probability',
    scale: 'value',
    colours: 'streams',
    orientation: 'tokens-down',
    sharing: 'shared',
  },
  /** Its exploratory analysis demo: the logit difference between the two runs, layers down, red and blue. */
  transformerLens: {
    metric: 'logitDifference',
    scale: 'share',
    colours: 'streams',
    orientation: 'layers-down',
    sharing: 'shared',
  },
  /** Wang et al. 2022, figure 3: the change of the logit difference in percent, layers by heads. */
  ioi: {
    metric: 'logitDifference',
    scale: 'change',
    colours: 'rdBu',
    orientation: 'layers-down',
    sharing: 'shared',
  },
};

export const lookTitles: Readonly<Record<LookName | 'own', string>> = {
  rome: 'ROME',
  transformerLens: 'TransformerLens',
  ioi: 'IOI',
  own: 'Own choice',
};

/** The look that a view has; null for one put together by hand. */
export function lookOf(view: FigureView): LookName | null {
  const isLike = (look: Look) =>
    look.metric === view.metric &&
    look.scale === view.scale &&
    look.colours === view.colours &&
    look.orientation === view.orientation &&
    look.sharing === view.sharing;
  return (['rome', 'transformerLens', 'ioi'] as const).find((name) => isLike(looks[name])) ?? null;
}
