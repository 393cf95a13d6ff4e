// The safetensors format: eight bytes of header length, a JSON header of tensor names with dtype, shape and place, then
// the tensors. Nothing is believed: every length, type and bound is checked before memory is taken for it.
import * as v from 'valibot';
import { listed, quoted } from '../../messages/wording.ts';
import { CheckpointError, type TensorInfo } from '../checkpoint.ts';
import type { ByteSource } from '../sources/byteSource.ts';
import { parseJson, refuseLfsPointer } from '../sources/byteSource.ts';
import { elementCountOf, isStorageDtype, storageDtypes } from '../storage/storage.ts';

/** A tensor and where its bytes lie in the file. */
export interface PlacedTensor {
  readonly info: TensorInfo;
  /** From the start of the file. */
  readonly offset: number;
}

export interface SafetensorsHeader {
  /** The tensors whose dtype can be expanded to float32. */
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  /** The others (masks and position buffers, as a rule): name to dtype. */
  readonly unsupported: ReadonlyMap<string, string>;
}

/** The format's own limit, which every implementation keeps. */
const largestHeaderBytes = 100_000_000;

/** Bits of an element of every dtype that the format names. */
const dtypeBits: Readonly<Record<string, number>> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E5M2FNUZ: 8,
  F8_E4M3FNUZ: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};

const entrySchema = v.object({
  dtype: v.string(),
  shape: v.array(v.number()),
  data_offsets: v.tuple([v.number(), v.number()]),
});

/**
 * Read and check the header of one safetensors file.
 * @throws CheckpointError that names the file, what is wrong with the header and what to do
 */
export async function readSafetensorsHeader(
  source: ByteSource,
  signal?: AbortSignal,
): Promise<SafetensorsHeader> {
  const refuse = (problem: string, remedy = 'The file is cut off or damaged; fetch it again.'): never => {
    throw new CheckpointError(`${quoted(source.label)} ${problem}. ${remedy}`);
  };
  await refuseLfsPointer(source, signal);
  if (source.sizeBytes < 10) {
    return refuse(`has ${source.sizeBytes} bytes, too few for a safetensors header`);
  }
  const start = await source.read(0, 8, signal);
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(source.sizeBytes - 8) || length < 2n) {
    return refuse(`says that its header has ${length} bytes; ${source.sizeBytes - 8} follow`);
  }
  if (length > BigInt(largestHeaderBytes)) {
    return refuse(
      `says that its header has ${length} bytes; the format allows ${largestHeaderBytes}`,
      'It is probably not a safetensors file.',
    );
  }
  const headerBytes = Number(length);
  const header = parseJson(
    `The header of ${quoted(source.label)}`,
    await source.read(8, headerBytes, signal),
  );
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    return refuse('has a header that is not a JSON object');
  }
  return placeTensors(source, header, 8 + headerBytes);
}

interface Span {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

function placeTensors(source: ByteSource, header: object, dataStart: number): SafetensorsHeader {
  const dataBytes = source.sizeBytes - dataStart;
  const tensors = new Map<string, PlacedTensor>();
  const unsupported = new Map<string, string>();
  const spans: Span[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const refuse = (problem: string): never => {
      throw new CheckpointError(
        `Tensor ${quoted(name)} in ${quoted(source.label)} ${problem}. The file is cut off or damaged; fetch it again.`,
      );
    };
    const parsed = v.safeParse(entrySchema, value);
    if (!parsed.success) return refuse('has an entry without a proper dtype, shape and data_offsets');
    const { dtype, shape, data_offsets: offsets } = parsed.output;
    const bits = Object.hasOwn(dtypeBits, dtype) ? dtypeBits[dtype] : undefined;
    if (bits === undefined) {
      throw new CheckpointError(
        `Tensor ${quoted(name)} in ${quoted(source.label)} has the unknown dtype ${quoted(dtype)}. ` +
          `Known: ${listed(Object.keys(dtypeBits), 30)}.`,
      );
    }
    const count = elementCountOf(shape);
    if (count === undefined || !Number.isSafeInteger(count * 8)) {
      return refuse(`has the impossible shape [${listed(shape.map(String))}]`);
    }
    const [from, to] = offsets;
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to < from) {
      return refuse(`has the impossible data_offsets [${from}, ${to}]`);
    }
    if (to > dataBytes) return refuse(`ends at byte ${to} of the data; the file holds ${dataBytes}`);
    const sizeBytes = (count * bits) / 8;
    if (sizeBytes !== to - from) {
      return refuse(
        `has shape [${listed(shape.map(String))}] and dtype ${dtype}, so ${sizeBytes} bytes; its data_offsets span ${to - from}`,
      );
    }
    spans.push({ name, from, to });
    if (isStorageDtype(dtype)) {
      tensors.set(name, { info: { name, dtype, shape, sizeBytes }, offset: dataStart + from });
    } else {
      unsupported.set(name, dtype);
    }
  }
  requireGapless(source, spans, dataBytes);
  return { tensors, unsupported };
}

/** The format asks that tensors lie end to end and fill the file, so a hole or an overlap is damage. */
function requireGapless(source: ByteSource, spans: readonly Span[], dataBytes: number): void {
  const ordered = [...spans].sort((a, b) => a.from - b.from || a.to - b.to);
  let end = 0;
  for (const span of ordered) {
    if (span.from !== end) {
      throw new CheckpointError(
        `Tensor ${quoted(span.name)} in ${quoted(source.label)} begins at byte ${span.from} of the data; ` +
          `the tensor before it ends at ${end}, so they ${span.from < end ? 'overlap' : 'leave a hole'}. ` +
          'The file is damaged; fetch it again.',
      );
    }
    end = span.to;
  }
  if (end !== dataBytes) {
    throw new CheckpointError(
      `${quoted(source.label)} holds ${dataBytes} bytes of data and its tensors end at byte ${end}. ` +
        'The file is damaged, or something was appended to it; fetch it again.',
    );
  }
}

/** The sentence for a tensor that is there in a dtype which is no kind of float. */
export function unsupportedDtype(name: string, dtype: string, label: string): CheckpointError {
  return new CheckpointError(
    `Tensor ${quoted(name)} in ${quoted(label)} has dtype ${dtype}, which is not supported for weights. ` +
      `Supported: ${storageDtypes.join(', ')}.`,
  );
}
