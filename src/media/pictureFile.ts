// Reads PNG and JPEG files into pixels. The size is read before anything is unpacked, so that a small file cannot ask for all
// the memory there is.

import { convertIndexedToRgb, decode as decodePng } from 'fast-png';
import { decode as decodeJpeg } from 'jpeg-js';
import { quoted, reasonOf } from '../messages/wording.ts';
import { MediaError } from './mediaError.ts';
import type { Pixels } from './resample.ts';

export interface PictureFile extends Pixels {
  /** Some pixel is transparent. The colours beneath are used as they are, as Pillow's conversion to RGB does. */
  readonly hasTransparency: boolean;
}

const mostPixels = 50e6;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Of the frame header. Segments follow each other, each with its length, up to the picture itself. */
function jpegSize(view: DataView): Size | undefined {
  for (let at = 2; at + 9 < view.byteLength; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    if (marker < 0xff01) return undefined;
  }
  return undefined;
}

function pngPixels(bytes: Uint8Array): PictureFile {
  const png = decodePng(bytes);
  const { width, height, palette } = png;
  const indexed = palette && convertIndexedToRgb(png);
  const channels = indexed ? indexed.length / (width * height) : png.channels;
  const depth = indexed ? 8 : png.depth;
  const from = indexed ?? png.data;
  if (depth < 8) throw new MediaError(`it has ${depth} bits for each pixel`);
  const level = (value: number) => (depth === 16 ? value >> 8 : value);
  const hasColour = channels >= 3;
  const data = new Uint8Array(width * height * 3);
  let hasTransparency = png.transparency !== undefined;
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++)
      data[pixel * 3 + channel] = level(from[pixel * channels + (hasColour ? channel : 0)] ?? 0);
    const hasAlpha = channels === 2 || channels === 4;
    if (hasAlpha && level(from[(pixel + 1) * channels - 1] ?? 255) < 255) hasTransparency = true;
  }
  return { width, height, data, hasTransparency };
}

function jpegPixels(bytes: Uint8Array): PictureFile {
  const { width, height, data } = decodeJpeg(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    maxResolutionInMP: mostPixels / 1e6,
    tolerantDecoding: false,
  });
  return { width, height, data, hasTransparency: false };
}

/**
 * @param name what to call the file
 * @throws MediaError for a file that is neither, is damaged, or has more than fifty million pixels
 */
export function readPicture(bytes: Uint8Array, name: string): PictureFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isPng = bytes.length > 24 && view.getUint32(0) === 0x89504e47;
  const isJpeg = bytes.length > 10 && view.getUint16(0) === 0xffd8;
  if (!isPng && !isJpeg)
    throw new MediaError(`${quoted(name)} is neither a PNG nor a JPEG picture. Convert it to one.`);
  const size = isPng ? { width: view.getUint32(16), height: view.getUint32(20) } : jpegSize(view);
  if (size && size.width * size.height > mostPixels)
    throw new MediaError(
      `${quoted(name)} has ${size.width} × ${size.height} pixels, which is more than ${mostPixels / 1e6} million. Make it smaller; the model sees a few hundred across.`,
    );
  try {
    return isPng ? pngPixels(bytes) : jpegPixels(bytes);
  } catch (error) {
    throw new MediaError(`${quoted(name)} cannot be read as a picture: ${reasonOf(error)}.`);
  }
}
