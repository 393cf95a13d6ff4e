// How stored weights become float32 on a GPU: the formulas of checkpoint/storage, an invocation for each element, in whole
// numbers where a GPU may round or flush. They give the very bits that the processor gives.

import type { StorageDtype } from '../../checkpoint/checkpoint.ts';

const common = `
@group(0) @binding(0) var<storage, read> stored: array<u32>;
@group(0) @binding(1) var<storage, read_write> expanded: array<u32>;

fn byteAt(i: u32) -> u32 { return (stored[i >> 2u] >> ((i & 3u) * 8u)) & 255u; }
fn pairAt(i: u32) -> u32 { return byteAt(i) | (byteAt(i + 1u) << 8u); }
fn signedAt(i: u32) -> f32 { return f32(bitcast<i32>(byteAt(i) << 24u) >> 24u); }

// A float16 may be too small for a normal number of its own; as float32 it is one.
fn widened(half: u32) -> u32 {
  let sign = (half & 0x8000u) << 16u;
  let exponent = (half >> 10u) & 31u;
  let mantissa = half & 1023u;
  if (exponent == 0u) { return sign | bitcast<u32>(f32(mantissa) * 5.9604644775390625e-8); }
  // A signalling NaN becomes a quiet one, as on the processor.
  if (exponent == 31u) { return sign | 0x7f800000u | (mantissa << 13u) | select(0x400000u, 0u, mantissa == 0u); }
  return sign | ((exponent + 112u) << 23u) | (mantissa << 13u);
}
fn halfAt(i: u32) -> f32 { return bitcast<f32>(widened(pairAt(i))); }
fn minus(q: u32, zero: i32) -> f32 { return f32(i32(q) - zero); }
`;

/** Blocks of 32: a scale, perhaps an offset, perhaps fifth bits, nibbles. */
const blockOf32 = (bytes: number, hasOffset: boolean, hasFifth: boolean): string => {
  const header = hasOffset ? 4 : 2;
  const nibbles = header + (hasFifth ? 4 : 0);
  const zero = hasOffset ? 0 : hasFifth ? 16 : 8;
  const fifth = hasFifth ? ` | (((byteAt(at + ${header}u + (j >> 3u)) >> (j & 7u)) & 1u) << 4u)` : '';
  return `
fn bitsOf(i: u32) -> u32 {
  let at = (i >> 5u) * ${bytes}u;
  let j = i & 31u;
  let q = ((byteAt(at + ${nibbles}u + (j & 15u)) >> ((j >> 4u) * 4u)) & 15u)${fifth};
  return bitcast<u32>(halfAt(at) * minus(q, ${zero})${hasOffset ? ' + halfAt(at + 2u)' : ''});
}`;
};

/** Blocks of 256 with scales and minima of 6 bits for groups of 32. */
const blockOf256 = (bytes: number, nibbles: number, fifth: string): string => `
fn scaleOf(at: u32, group: u32) -> f32 {
  if (group < 4u) { return f32(byteAt(at + 4u + group) & 63u); }
  return f32((byteAt(at + 8u + group) & 15u) | ((byteAt(at + group) >> 2u) & 48u));
}
fn minimumOf(at: u32, group: u32) -> f32 {
  if (group < 4u) { return f32(byteAt(at + 8u + group) & 63u); }
  return f32((byteAt(at + 8u + group) >> 4u) | ((byteAt(at + 4u + group) >> 2u) & 48u));
}
fn bitsOf(i: u32) -> u32 {
  let at = (i >> 8u) * ${bytes}u;
  let group = (i >> 5u) & 7u;
  let k = i & 31u;
  let q = ((byteAt(at + ${nibbles}u + (group >> 1u) * 32u + k) >> ((group & 1u) * 4u)) & 15u)${fifth};
  return bitcast<u32>(halfAt(at) * scaleOf(at, group) * f32(q) - halfAt(at + 2u) * minimumOf(at, group));
}`;

const formulas = {
  F16: 'fn bitsOf(i: u32) -> u32 { return widened(pairAt(2u * i)); }',
  BF16: 'fn bitsOf(i: u32) -> u32 { return pairAt(2u * i) << 16u; }',
  Q8_0: `
fn bitsOf(i: u32) -> u32 {
  let at = (i >> 5u) * 34u;
  return bitcast<u32>(halfAt(at) * signedAt(at + 2u + (i & 31u)));
}`,
  Q4_0: blockOf32(18, false, false),
  Q4_1: blockOf32(20, true, false),
  Q5_0: blockOf32(22, false, true),
  Q5_1: blockOf32(24, true, true),
  Q4_K: blockOf256(144, 16, ''),
  Q5_K: blockOf256(176, 48, ' | (((byteAt(at + 16u + k) >> group) & 1u) << 4u)'),
  Q6_K: `
fn bitsOf(i: u32) -> u32 {
  let at = (i >> 8u) * 210u;
  let part = (i >> 7u) & 1u;
  let quarter = (i >> 5u) & 3u;
  let k = i & 31u;
  let low = (byteAt(at + part * 64u + (quarter & 1u) * 32u + k) >> ((quarter >> 1u) * 4u)) & 15u;
  let high = (byteAt(at + 128u + part * 32u + k) >> (quarter * 2u)) & 3u;
  let scale = halfAt(at + 208u) * signedAt(at + 192u + part * 8u + quarter * 2u + (k >> 4u));
  return bitcast<u32>(scale * minus(low | (high << 4u), 32));
}`,
} as const satisfies Partial<Record<StorageDtype, string>>;

/** Dtypes that a GPU expands; the others are expanded by the processor. */
export type PackedDtype = keyof typeof formulas;

export const isPackedDtype = (dtype: StorageDtype): dtype is PackedDtype => Object.hasOwn(formulas, dtype);

/** Words of a workgroup: a number of float32 each, or two of float16. */
export const workgroupSize = 64;

/** To the nearest float16, and of two as near to the even one; too large a number becomes infinite. */
const narrowing = `
fn narrowed(word: u32) -> u32 {
  let sign = (word >> 16u) & 0x8000u;
  let magnitude = word & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; }
  if (magnitude < 0x38800000u) {
    if (magnitude < 0x33000000u) { return sign; }
    let fraction = (magnitude & 0x7fffffu) | 0x800000u;
    let shift = 126u - (magnitude >> 23u);
    let below = fraction >> shift;
    let rest = fraction & ((1u << shift) - 1u);
    let half = 1u << (shift - 1u);
    return sign | (below + select(0u, 1u, rest > half || (rest == half && (below & 1u) == 1u)));
  }
  return sign | ((magnitude + 0xfffu + ((magnitude >> 13u) & 1u) - 0x38000000u) >> 13u);
}
fn wordOf(i: u32) -> u32 { return narrowed(bitsOf(2u * i)) | (narrowed(bitsOf(2u * i + 1u)) << 16u); }`;

const wholeWord = 'fn wordOf(i: u32) -> u32 { return bitsOf(i); }';

/** What an odd number of float16 leaves of its last word is of no element. */
export const shaderOf = (dtype: PackedDtype, as: 'float32' | 'float16' = 'float32'): string => `${common}
${formulas[dtype]}
${as === 'float16' ? narrowing : wholeWord}

@compute @workgroup_size(${workgroupSize})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let i = id.x + id.y * groups.x * ${workgroupSize}u;
  if (i < arrayLength(&expanded)) { expanded[i] = wordOf(i); }
}`;
