// A picture under the squares of its effect, once for each layer.

import { layoutOverlay, type OverlayDescription } from '../../figures/overlay.ts';
import { PlainFigureView } from './PlainFigureView.tsx';

export const Overlay = ({ description }: { readonly description: OverlayDescription }) => (
  <PlainFigureView description={description} layout={layoutOverlay} />
);
