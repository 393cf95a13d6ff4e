// One load of a model through the cache. A folder of a server is put behind it: each file's version is asked for once,
// and what is kept of that version is not fetched again. A server that cannot be reached, or refuses, is answered from
// what is kept. What cannot be kept is a notice, never a failure.

import { quoted, reasonOf } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import type { ByteSource, FileFolder } from '../sources/byteSource.ts';
import { cachedFile, type FilePieces } from './cachedFile.ts';
import { type CachedSource, type CacheStores, type FileRecord, Shelf } from './cacheShelf.ts';

/** Where a folder comes from, as the cache tells models apart. */
export interface CachePlace {
  /** What a person calls it; tells models apart in the list of kept ones. */
  readonly label: string;
  readonly address: string;
  readonly source: CachedSource | null;
  /** The files can never change: a commit. Then nothing is asked about files that are kept. */
  readonly isPinned: boolean;
}

export interface CachedLoadOptions {
  readonly stores: CacheStores;
  /** Name of the cache in which a model is kept. */
  readonly nameOf: (place: CachePlace) => string;
  readonly pieceBytes: number;
  readonly now: () => number;
}

/** Pieces that stay in memory: tensors that follow each other in a file end and begin in the same one. */
const recentPieces = 2;

/** What is known of a file: by its server, or by what is kept of it alone. */
interface Told {
  readonly source?: ByteSource | undefined;
  readonly record: FileRecord | undefined;
}

interface RecentPiece {
  readonly file: string;
  readonly version: string;
  readonly index: number;
  readonly bytes: Uint8Array;
}

export class CachedLoad {
  readonly #options: CachedLoadOptions;
  readonly #notices: string[] = [];
  readonly #recent: RecentPiece[] = [];
  #place: CachePlace | undefined;
  #shelf: Shelf | undefined;
  #isKeeping = true;
  #isOffline = false;
  #hasDetails = false;

  constructor(options: CachedLoadOptions) {
    this.#options = options;
  }

  /** What a person should know: that nothing more is kept, or that a kept copy was used unasked. */
  get notices(): readonly string[] {
    return this.#notices;
  }

  /** Put the cache before a folder of a server. */
  folder(remote: FileFolder, place: CachePlace): FileFolder {
    this.#place = place;
    const ask = asking(remote);
    return {
      label: remote.label,
      list: async (signal) => {
        const kept = await this.#reading((shelf) => shelf.names());
        if (kept && this.#isAnswered) return kept;
        const names = await this.#orKept(signal, kept, () => remote.list(signal));
        if (names && names !== kept) await this.#writing((shelf) => shelf.setNames(names));
        return names;
      },
      open: async (name, signal) => {
        const kept = await this.#reading((shelf) => shelf.file(name));
        const told: Told =
          kept && this.#isAnswered
            ? { record: kept }
            : await this.#orKept<Told>(signal, kept && { record: kept }, async () => {
                const source = await ask(name, signal);
                await this.#remember(name, recordOf(source), kept);
                return { source, record: recordOf(source) };
              });
        const { source, record } = told;
        if (!record) return source; // Without a version nothing kept could be told from what is there now.
        if (record.kind === 'absent') return undefined;
        const label = source?.label ?? `${remote.label}/${name}`;
        return cachedFile({
          label,
          sizeBytes: record.sizeBytes,
          remote: async (readSignal) => source ?? (await ask(name, readSignal)) ?? gone(label),
          pieces: this.#pieces(name, record.version),
        });
      },
    };
  }

  /** Whether what is kept answers for its server. */
  get #isAnswered(): boolean {
    return this.#isOffline || this.#place?.isPinned === true;
  }

  /**
   * The load has succeeded: date the model, and release pieces in memory.
   * @param isWhole whether all weights were read, and none is left to be read when it is needed
   */
  async finish(isWhole: boolean): Promise<void> {
    this.#recent.length = 0;
    const isHeld = await this.#reading(async (shelf) => (await shelf.sizeBytes()) > 0);
    // Another tab may have emptied the cache meanwhile: then there is nothing to date.
    if (isHeld) await this.#date(isWhole && this.#isKeeping);
  }

  /** Do `work`; when it fails and something is kept, go on with that, and from now on without asking. */
  async #orKept<T>(signal: AbortSignal | undefined, kept: T | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      signal?.throwIfAborted();
      if (kept === undefined) throw cause;
      this.#isOffline = true;
      this.#notices.push(`${reasonOf(cause)} The copy that this browser has kept is used instead.`);
      return kept;
    }
  }

  #pieces(file: string, version: string): FilePieces {
    const isKeeping = () => this.#isKeeping;
    return {
      pieceBytes: this.#options.pieceBytes,
      get isKeeping() {
        return isKeeping();
      },
      read: async (index, sizeBytes) => {
        const isThis = (piece: RecentPiece) =>
          piece.file === file && piece.version === version && piece.index === index;
        const recent = this.#recent.find(isThis);
        if (recent) return recent.bytes;
        const bytes = await this.#reading((shelf) => shelf.piece({ file, version, index, sizeBytes }));
        if (bytes) this.#recall({ file, version, index, bytes });
        return bytes;
      },
      keep: async (index, bytes) => {
        this.#recall({ file, version, index, bytes });
        if (!this.#hasDetails) await this.#date(false);
        const key = { file, version, index, sizeBytes: bytes.byteLength };
        await this.#writing((shelf) => shelf.setPiece(key, bytes));
      },
    };
  }

  #recall(piece: RecentPiece): void {
    this.#recent.unshift(piece);
    this.#recent.length = Math.min(this.#recent.length, recentPieces);
  }

  async #remember(name: string, record: FileRecord | undefined, kept: FileRecord | undefined): Promise<void> {
    if (!record || isSameRecord(record, kept)) return;
    await this.#writing((shelf) => shelf.setFile(name, record));
  }

  async #date(isComplete: boolean): Promise<void> {
    if (!this.#place) return;
    const { label, source } = this.#place;
    this.#hasDetails = true;
    await this.#writing((shelf) =>
      shelf.setDetails({ label, source, isComplete, lastUsed: this.#options.now() }),
    );
  }

  /** Reading makes no cache where there is none. */
  async #reading<T>(work: (shelf: Shelf) => Promise<T>): Promise<T | undefined> {
    return this.#attempt(async (name) => {
      if (!this.#shelf && !(await this.#options.stores.has(name))) return undefined;
      return work(await this.#opened(name));
    });
  }

  async #writing(work: (shelf: Shelf) => Promise<void>): Promise<void> {
    if (this.#isKeeping) await this.#attempt(async (name) => work(await this.#opened(name)));
  }

  async #opened(name: string): Promise<Shelf> {
    this.#shelf ??= new Shelf(await this.#options.stores.open(name));
    return this.#shelf;
  }

  /** A browser may forbid storage, have too little of it, or lose it: none of that is the model's fault. */
  async #attempt<T>(work: (name: string) => Promise<T>): Promise<T | undefined> {
    if (!this.#place) return undefined;
    try {
      return await work(this.#options.nameOf(this.#place));
    } catch (cause) {
      if (this.#isKeeping) this.#notices.push(notKept(this.#place.label, cause));
      this.#isKeeping = false;
      return undefined;
    }
  }
}

/** Asks for each file once. A file without a version is not shared: whoever opens it closes it. */
function asking(remote: FileFolder): FileFolder['open'] {
  const asked = new Map<string, Promise<ByteSource | undefined>>();
  return (name, signal) => {
    const known = asked.get(name);
    if (known) return known;
    const answer = remote.open(name, signal);
    asked.set(name, answer);
    answer.then(
      (source) => {
        if (source && source.version === undefined) asked.delete(name);
      },
      () => asked.delete(name),
    );
    return answer;
  };
}

function gone(label: string): never {
  throw new CheckpointError(
    `${quoted(label)} was kept in part, and its server no longer has it. Choose another revision or model.`,
  );
}

function isSameRecord(a: FileRecord, b: FileRecord | undefined): boolean {
  if (a.kind === 'absent' || b?.kind !== 'present') return a.kind === b?.kind;
  return a.sizeBytes === b.sizeBytes && a.version === b.version;
}

/** What to remember of a file; undefined when its server does not tell its version. */
function recordOf(source: ByteSource | undefined): FileRecord | undefined {
  if (!source) return { kind: 'absent' };
  const { sizeBytes, version } = source;
  return version === undefined ? undefined : { kind: 'present', sizeBytes, version };
}

function notKept(label: string, cause: unknown): string {
  const isFull = cause instanceof Error && cause.name === 'QuotaExceededError';
  return isFull
    ? `The storage that this browser gives to the page is full, so ${label} is not kept. It works all the same, and ` +
        'what is missing is fetched again next time. To keep it, empty kept models or free space on the disk.'
    : `This browser cannot keep ${label} (${reasonOf(cause)}). It works all the same, and is fetched again next time.`;
}
