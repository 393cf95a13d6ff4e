// Reads WAV files: whole numbers of 8 to 32 bits, or floating point, any number of channels.

import { quoted } from '../messages/wording.ts';
import { MediaError } from './mediaError.ts';

export interface Sound {
  /** Samples a second. */
  readonly rate: number;
  /** The mean of the channels, from -1 to 1. */
  readonly samples: Float32Array;
}

const [pcm, float, extensible] = [1, 3, 0xfffe];

function sampleReader(format: number, bits: number): ((view: DataView, at: number) => number) | undefined {
  if (format === float && bits === 32) return (view, at) => view.getFloat32(at, true);
  if (format !== pcm) return undefined;
  if (bits === 8) return (view, at) => (view.getUint8(at) - 128) / 128;
  if (bits === 16) return (view, at) => view.getInt16(at, true) / 2 ** 15;
  if (bits === 24) return (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23;
  return bits === 32 ? (view, at) => view.getInt32(at, true) / 2 ** 31 : undefined;
}

/**
 * @param name what to call the file
 * @throws MediaError for a file that is no WAV, holds nothing, or is coded in another way
 */
export function readWav(bytes: Uint8Array, name: string): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at: number) =>
    at + 4 <= bytes.length ? String.fromCharCode(...bytes.subarray(at, at + 4)) : '';
  if (tag(0) !== 'RIFF' || tag(8) !== 'WAVE')
    throw new MediaError(
      `${quoted(name)} is no WAV file. Convert it: ffmpeg -i FILE -ac 1 -ar 16000 out.wav`,
    );
  let [format, channels, rate, bits] = [0, 0, 0, 0];
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    const from = at + 8;
    if (tag(at) === 'fmt ' && size >= 16 && from + size <= bytes.length) {
      format = view.getUint16(from, true);
      channels = view.getUint16(from + 2, true);
      rate = view.getUint32(from + 4, true);
      bits = view.getUint16(from + 14, true);
      if (format === extensible && size >= 26) format = view.getUint16(from + 24, true);
    }
    if (tag(at) === 'data') {
      const read = sampleReader(format, bits);
      if (!read || channels === 0)
        throw new MediaError(
          `${quoted(name)} is coded as format ${format} of ${bits} bits, which is not read. Convert it: ffmpeg -i FILE -c:a pcm_s16le out.wav`,
        );
      const step = bits / 8;
      // A recording that was broken off says more than it holds.
      const count = Math.floor(Math.min(size, bytes.length - from) / (step * channels));
      if (count === 0) break;
      const samples = new Float32Array(count);
      for (let index = 0; index < count; index++) {
        let sum = 0;
        for (let channel = 0; channel < channels; channel++)
          sum += read(view, from + (index * channels + channel) * step);
        samples[index] = sum / channels;
      }
      return { rate, samples };
    }
    at = from + size + (size % 2);
  }
  throw new MediaError(`${quoted(name)} holds no sound.`);
}
