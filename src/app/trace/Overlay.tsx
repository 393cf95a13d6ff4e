// A picture under the squares of its trace, once for each layer.

import { layoutOverlay, type OverlayDescription } from '../../figures/overlay.ts';
import { PlainFigureView } from '../experiment/PlainFigureView.tsx';

export const Overlay = ({ description }: { readonly description: OverlayDescription }) => (
  <PlainFigureView description={description} layout={layoutOverlay} />
);
