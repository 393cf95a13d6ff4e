// Zip archives in memory, for formats that are one. The directory is read here, not by fflate, whose `unzipSync` loops as
// often as an unchecked count tells it to, believes every size and never compares a checksum; fflate inflates and writes.
// Nothing is allocated for an entry before its place, its size and the total have been found possible.
import { inflateSync, type Zippable, zipSync } from 'fflate';
import { quoted } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';

/** One file of an archive. */
export interface ZipEntry {
  /** Bytes once unpacked. */
  readonly sizeBytes: number;
  /**
   * Its content, in memory of its own.
   * @throws CheckpointError when it does not unpack to what the directory says
   */
  read(): Uint8Array;
}

interface Record extends Omit<ZipEntry, 'read'> {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  /** Where the local header begins. */
  readonly offset: number;
}

const endSignature = 0x06054b50;
const end64LocatorSignature = 0x07064b50;
const end64Signature = 0x06064b50;
const recordSignature = 0x02014b50;
const localSignature = 0x04034b50;

/** All that an archive may unpack to. */
const largestTotalBytes = 2 ** 31;
/** The most that deflate can make of one byte. */
const steepestDeflate = 1032;

type Refuse = (problem: string, remedy?: string) => never;

/**
 * The files of an archive by name; nothing is unpacked yet.
 * @throws CheckpointError that names the archive and what is wrong with its directory
 */
export function readZip(bytes: Uint8Array, label: string): ReadonlyMap<string, ZipEntry> {
  const refuse: Refuse = (problem, remedy = 'The file is cut off or damaged; fetch it again.') => {
    throw new CheckpointError(`${quoted(label)} ${problem}. ${remedy}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const directory = findDirectory(view, refuse);
  const records = readRecords(bytes, view, directory, refuse);
  const total = records.reduce((sum, record) => sum + record.sizeBytes, 0);
  if (total > largestTotalBytes) {
    refuse(
      `unpacks to ${total} bytes; at most ${largestTotalBytes} are read at once`,
      'Save fewer tensors in one file.',
    );
  }
  const entries = new Map<string, ZipEntry>();
  let end = 0;
  for (const record of [...records].sort((a, b) => a.offset - b.offset)) {
    const { name, sizeBytes } = record;
    if (record.offset < end) refuse(`has an entry ${quoted(name)} that overlaps the one before it`);
    const start = dataStart(bytes, view, record, directory.offset, refuse);
    end = start + record.packedBytes;
    if (entries.has(name)) refuse(`has two entries named ${quoted(name)}`);
    const packed = bytes.subarray(start, end);
    entries.set(name, { sizeBytes, read: () => unpack(packed, record, refuse) });
  }
  return entries;
}

interface Directory {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly count: number;
}

/** The end record lies at the end, before a comment of up to 65,535 bytes; its 64-bit form is found through it. */
function findDirectory(view: DataView, refuse: Refuse): Directory {
  let end = view.byteLength - 22;
  const last = Math.max(0, end - 0xffff);
  while (
    end >= last &&
    !(
      view.getUint32(end, true) === endSignature &&
      view.getUint16(end + 20, true) === view.byteLength - end - 22
    )
  ) {
    end--;
  }
  if (end < last) return refuse('has no zip directory at its end');
  let limit = end;
  let count = view.getUint16(end + 10, true);
  let sizeBytes = view.getUint32(end + 12, true);
  let offset = view.getUint32(end + 16, true);
  if (end >= 20 && view.getUint32(end - 20, true) === end64LocatorSignature) {
    const at = Number(view.getBigUint64(end - 12, true));
    if (at > end - 76 || view.getUint32(at, true) !== end64Signature) {
      return refuse('has a zip64 directory that is not where it should be');
    }
    limit = at;
    count = Number(view.getBigUint64(at + 32, true));
    sizeBytes = Number(view.getBigUint64(at + 40, true));
    offset = Number(view.getBigUint64(at + 48, true));
  }
  if (offset + sizeBytes > limit || count * 46 > sizeBytes) {
    return refuse(
      `says that its zip directory has ${count} entries in ${sizeBytes} bytes at byte ${offset}; it ends at ${limit}`,
    );
  }
  return { offset, sizeBytes, count };
}

function readRecords(
  bytes: Uint8Array,
  view: DataView,
  directory: Directory,
  refuse: Refuse,
): readonly Record[] {
  const end = directory.offset + directory.sizeBytes;
  const records: Record[] = [];
  let at = directory.offset;
  for (let index = 0; index < directory.count; index++) {
    if (at + 46 > end || view.getUint32(at, true) !== recordSignature) {
      return refuse(`has a zip directory that breaks off at entry ${index} of ${directory.count}`);
    }
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const next = at + 46 + nameBytes + extraBytes + view.getUint16(at + 32, true);
    if (next > end)
      return refuse(`has a zip directory that breaks off at entry ${index} of ${directory.count}`);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameBytes));
    const [sizeBytes, packedBytes, offset] = wideFields(
      view,
      at + 46 + nameBytes,
      extraBytes,
      [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)],
      () => refuse(`has an entry ${quoted(name)} whose zip64 sizes are missing`),
    );
    const method = view.getUint16(at + 10, true);
    if ((view.getUint16(at + 8, true) & 1) !== 0) {
      return refuse(`has an encrypted entry ${quoted(name)}`, 'Save it without a password.');
    }
    if (method !== 0 && method !== 8) {
      return refuse(`has an entry ${quoted(name)} with compression ${method}`, 'Known: stored and deflated.');
    }
    const isPossible = method === 0 ? sizeBytes === packedBytes : sizeBytes <= packedBytes * steepestDeflate;
    if (!isPossible) {
      return refuse(
        `says that the ${packedBytes} bytes of ${quoted(name)} unpack to ${sizeBytes}, which they cannot`,
      );
    }
    records.push({ name, method, sizeBytes, packedBytes, offset, crc: view.getUint32(at + 16, true) });
    at = next;
  }
  return records;
}

/** Fields that read 0xffffffff stand, in this order, in the extra field with id 1. */
function wideFields(
  view: DataView,
  extra: number,
  extraBytes: number,
  narrow: readonly [number, number, number],
  missing: () => never,
): readonly [number, number, number] {
  if (!narrow.includes(0xffffffff)) return narrow;
  for (let at = extra; at + 4 <= extra + extraBytes; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    const end = Math.min(at + 4 + view.getUint16(at + 2, true), extra + extraBytes);
    let from = at + 4;
    const wide = (field: number): number => {
      if (field !== 0xffffffff) return field;
      if (from + 8 > end) return missing();
      from += 8;
      return Number(view.getBigUint64(from - 8, true));
    };
    return [wide(narrow[0]), wide(narrow[1]), wide(narrow[2])];
  }
  return missing();
}

/** The local header repeats the name and has an extra field of its own, so only it knows where the data begins. */
function dataStart(bytes: Uint8Array, view: DataView, record: Record, limit: number, refuse: Refuse): number {
  const { name, offset, packedBytes } = record;
  if (offset + 30 > limit || view.getUint32(offset, true) !== localSignature) {
    return refuse(`has no entry ${quoted(name)} at byte ${offset}, where its directory places it`);
  }
  const nameBytes = view.getUint16(offset + 26, true);
  const start = offset + 30 + nameBytes + view.getUint16(offset + 28, true);
  if (start + packedBytes > limit) {
    return refuse(
      `has an entry ${quoted(name)} that ends at byte ${start + packedBytes}, past byte ${limit}`,
    );
  }
  if (new TextDecoder().decode(bytes.subarray(offset + 30, offset + 30 + nameBytes)) !== name) {
    return refuse(`has an entry ${quoted(name)} that calls itself something else`);
  }
  return start;
}

function unpack(packed: Uint8Array, { name, method, sizeBytes, crc }: Record, refuse: Refuse): Uint8Array {
  const content = method === 0 ? packed.slice() : inflate(packed, sizeBytes);
  if (content?.byteLength !== sizeBytes) {
    return refuse(`has an entry ${quoted(name)} that does not unpack to the ${sizeBytes} bytes it should`);
  }
  if (crc32(content) !== crc) return refuse(`has an entry ${quoted(name)} whose checksum is wrong`);
  return content;
}

function inflate(packed: Uint8Array, sizeBytes: number): Uint8Array | undefined {
  try {
    // One byte more than it should take: fflate drops what does not fit, so a full buffer means too much.
    return inflateSync(packed, { out: new Uint8Array(sizeBytes + 1) });
  } catch {
    return undefined;
  }
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0xedb88320);
  return crc;
});

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

/** An archive of stored, not compressed, files; the same files give the same bytes. */
export function writeZip(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  // The format's own zero: local midnight of the first day of 1980.
  const mtime = new Date(1980, 0, 1);
  const entries: Zippable = Object.fromEntries(
    [...files].map(([name, content]) => [name, [content, { level: 0, mtime }]]),
  );
  return zipSync(entries);
}
