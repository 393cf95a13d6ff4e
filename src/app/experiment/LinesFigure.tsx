// Curves in the page.

import { layoutLines } from '../../figures/lines.ts';
import type { LinesDescription } from '../../figures/linesDescription.ts';
import { PlainFigureView } from './PlainFigureView.tsx';

export const LinesFigure = ({ description }: { readonly description: LinesDescription }) => (
  <PlainFigureView description={description} layout={layoutLines} />
);
