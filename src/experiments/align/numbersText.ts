// Trained numbers as text in a result: the bytes of their float32 values, lowest first, in base64.

import { ExperimentError } from '../experimentFile.ts';

export interface NumbersText {
  readonly shape: readonly number[];
  readonly base64: string;
}

/** Characters that `String.fromCharCode` takes at once. */
const atOnce = 8192;

export function numbersText(data: Float32Array, shape: readonly number[]): NumbersText {
  const view = new DataView(new ArrayBuffer(4 * data.length));
  data.forEach((x, at) => {
    view.setFloat32(4 * at, x, true);
  });
  const bytes = new Uint8Array(view.buffer);
  let text = '';
  for (let from = 0; from < bytes.length; from += atOnce)
    text += String.fromCharCode(...bytes.subarray(from, from + atOnce));
  return { shape, base64: btoa(text) };
}

/** @throws ExperimentError when the text is no base64, or does not fill its shape */
export function numbersOfText({ shape, base64 }: NumbersText, name: string): Float32Array {
  let text: string;
  try {
    text = atob(base64);
  } catch {
    throw new ExperimentError(`The numbers of '${name}' are not base64, so the result is damaged.`);
  }
  const count = shape.reduce((product, size) => product * size, 1);
  if (text.length !== 4 * count) {
    throw new ExperimentError(
      `The numbers of '${name}' are ${text.length} bytes; its shape [${shape.join(', ')}] needs ${4 * count}.`,
    );
  }
  const view = new DataView(Uint8Array.from(text, (c) => c.charCodeAt(0)).buffer);
  return Float32Array.from({ length: count }, (_, at) => view.getFloat32(4 * at, true));
}
