// A figure as a picture, in a browser only: the SVG of svg.ts through an image and a canvas.

import type { HeatmapModel } from './heatmap.ts';
import { heatmapSvg } from './svg.ts';

/** Browsers give up, silently, on canvases longer than this. */
const longestSide = 16_384;

/**
 * The figure as a PNG file, on the theme's paper.
 *
 * @param scale pixels of the picture for each pixel of the figure; smaller if the picture would be too large to draw
 * @throws Error when the browser cannot draw or encode the picture
 */
export async function heatmapPng(model: HeatmapModel, scale = 2): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([heatmapSvg(model)], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const factor = Math.min(scale, longestSide / model.width, longestSide / model.height);
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(model.width * factor);
    canvas.height = Math.round(model.height * factor);
    const context = canvas.getContext('2d');
    if (!context)
      throw new Error('This browser gives no canvas to draw the picture on. Save the figure as SVG.');
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (!blob) throw new Error('The picture could not be encoded as PNG. Save the figure as SVG.');
    return blob;
  } finally {
    URL.revokeObjectURL(url);
  }
}
