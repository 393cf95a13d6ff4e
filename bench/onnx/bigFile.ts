// A file of random numbers, of any size, whose weights lie beside it.

import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { externalModel, layersOfProducts, partName } from '../../src/imported/fixtures/externalOnnx.ts';
import { standardNormal } from '../../src/random/noise.ts';

/** @returns where both files lie, and the bytes of the weights */
export function writeBigFile(
  folder: string,
  { products, width }: { readonly products: number; readonly width: number },
): { readonly model: string; readonly part: string; readonly bytes: number } {
  const model = join(folder, 'model.onnx');
  const part = join(folder, partName);
  const shape = { products: layersOfProducts(products), width, activation: 'Tanh', offset: 0 } as const;
  writeFileSync(model, externalModel(shape));
  const bytes = 4 * products * width * width;
  // The same numbers again and again: what they are does not matter.
  const drawn = Float32Array.from(standardNormal(7, 1 << 16), (number) => number / Math.sqrt(width));
  const file = openSync(part, 'w');
  try {
    for (let left = bytes; left > 0; left -= drawn.byteLength)
      writeSync(file, new Uint8Array(drawn.buffer, 0, Math.min(left, drawn.byteLength)));
  } finally {
    closeSync(file);
  }
  return { model, part, bytes };
}
