// The floats of 8 bits, and of 64. An 8-bit float has 256 values, so each kind is a table. Its numbers (OFP8 of the Open
// Compute Project; the FNUZ forms are those of AMD):
//
//     E4M3:     4 bits of exponent, bias 7; no infinity, all ones is NaN      E4M3FNUZ: bias 8;  only 0x80 is NaN
//     E5M2:     5 bits of exponent, bias 15; infinity and NaN as in float16   E5M2FNUZ: bias 16; only 0x80 is NaN

export type Float8 = 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ';

interface Form {
  readonly fractionBits: number;
  readonly bias: number;
  readonly special: 'all ones' | 'as float16' | 'negative zero';
}

const forms: Readonly<Record<Float8, Form>> = {
  F8_E4M3: { fractionBits: 3, bias: 7, special: 'all ones' },
  F8_E5M2: { fractionBits: 2, bias: 15, special: 'as float16' },
  F8_E4M3FNUZ: { fractionBits: 3, bias: 8, special: 'negative zero' },
  F8_E5M2FNUZ: { fractionBits: 2, bias: 16, special: 'negative zero' },
};

function floatOf(byte: number, { fractionBits, bias, special }: Form): number {
  const sign = byte & 0x80 ? -1 : 1;
  const magnitude = byte & 0x7f;
  const fraction = magnitude & ((1 << fractionBits) - 1);
  const exponent = magnitude >> fractionBits;
  if (special === 'negative zero' && byte === 0x80) return Number.NaN;
  if (special === 'all ones' && magnitude === 0x7f) return Number.NaN;
  if (special === 'as float16' && exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  const steps = fraction / (1 << fractionBits);
  return sign * (exponent === 0 ? steps * 2 ** (1 - bias) : (1 + steps) * 2 ** (exponent - bias));
}

const tables = new Map<Float8, Float32Array>();

function tableOf(dtype: Float8): Float32Array {
  const known = tables.get(dtype);
  if (known) return known;
  const table = Float32Array.from({ length: 256 }, (_, byte) => floatOf(byte, forms[dtype]));
  tables.set(dtype, table);
  return table;
}

/** @param bytes [count]; @param out [count] */
export function expandF8(bytes: Uint8Array, out: Float32Array, dtype: Float8): void {
  const table = tableOf(dtype);
  for (let i = 0; i < out.length; i++) out[i] = table[bytes[i] ?? 0] ?? 0;
}

/** Rounded to the nearest float32. @param bytes [8 * count]; @param out [count] */
export function expandF64(bytes: Uint8Array, out: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < out.length; i++) out[i] = view.getFloat64(8 * i, true);
}
