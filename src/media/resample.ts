// Pictures in another size, by the filters that Pillow has and with its rounding, because models were trained on what it gives:
// rows before columns (Pillow 13 changes the order where that is less work, and a level or two with it), the filter as wide as
// the picture shrinks, and whole numbers from 0 to 255 between the two.

/** Pillow's numbers of them, as `resample` of a preprocessor_config.json names them. */
export const filters = { 1: 'lanczos', 2: 'bilinear', 3: 'bicubic' } as const;

export type Filter = (typeof filters)[keyof typeof filters];

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

function cubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

const shapes: Readonly<Record<Filter, { readonly support: number; readonly weight: (x: number) => number }>> =
  {
    bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
    bicubic: { support: 2, weight: cubic },
    lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
  };

/** Weights are whole numbers of this part. */
const unit = 2 ** 22;

interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Which entries make each entry of the result, and how much of each. */
function tapsOf(from: number, to: number, filter: Filter): readonly Taps[] {
  const { support, weight } = shapes[filter];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: to }, (_, at): Taps => {
    const centre = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * stretch + 0.5));
    const last = Math.min(from, Math.trunc(centre + support * stretch + 0.5));
    const raw = Array.from({ length: last - first }, (__, k) => weight((k + first - centre + 0.5) / stretch));
    const sum = raw.reduce((a, b) => a + b, 0);
    const weights = raw.map((w) => {
      const whole = (w / sum) * unit;
      return Math.trunc(whole + (whole < 0 ? -0.5 : 0.5));
    });
    return { first, weights };
  });
}

/** @param data [lines, from, stride] to [lines, to, stride] */
function along(
  data: Uint8Array,
  lines: number,
  from: number,
  to: number,
  stride: number,
  filter: Filter,
): Uint8Array {
  const taps = tapsOf(from, to, filter);
  const out = new Uint8Array(lines * to * stride);
  for (let line = 0; line < lines; line++) {
    taps.forEach(({ first, weights }, at) => {
      for (let s = 0; s < stride; s++) {
        let sum = unit / 2;
        for (let k = 0; k < weights.length; k++)
          sum += (data[(line * from + first + k) * stride + s] ?? 0) * (weights[k] ?? 0);
        out[(line * to + at) * stride + s] = Math.min(255, Math.max(0, Math.floor(sum / unit)));
      }
    });
  }
  return out;
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** [height, width, 3], red, green, blue from 0 to 255 */
  readonly data: Uint8Array;
}

export function resample(
  { width, height, data }: Pixels,
  size: { readonly width: number; readonly height: number },
  filter: Filter,
): Pixels {
  const wide = width === size.width ? data : along(data, height, width, size.width, 3, filter);
  const both = height === size.height ? wide : along(wide, 1, height, size.height, 3 * size.width, filter);
  return { ...size, data: both };
}
