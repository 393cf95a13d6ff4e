// What the browser keeps of one model: pieces of its files, and what its server said about them. Every model has a named
// cache of its own in Cache Storage, so that forgetting it is one step that cannot stop half-way.
//
// Why Cache Storage and not a file of the origin's private file system: measured in Chromium with pieces of 16 MiB, both
// read 450 MiB/s and write 120 to 155 MiB/s. But a file's fast handle locks out the same model in a second tab, and a
// file that is written in place needs a second record of what in it is sound; an entry of a cache is there whole or not
// at all, and its key tells its length, so sizes are counted without opening anything. Pieces of 4 MiB took twice the
// time, of 32 MiB no less. SHA-256 runs at 600 MiB/s beside that; it finds what the length does not.
import * as v from 'valibot';

/** The part of the browser's `caches` that is used. */
export type CacheStores = Pick<CacheStorage, 'open' | 'has' | 'keys' | 'delete'>;

/** What a server says of a file. */
export type FileRecord =
  | { readonly kind: 'present'; readonly sizeBytes: number; readonly version: string }
  | { readonly kind: 'absent' };

/** A place on the Hub that can be loaded from again. */
export interface CachedSource {
  readonly repository: string;
  readonly revision: string;
  readonly hubUrl: string;
  readonly file?: string;
}

/** What is known of a kept model besides its bytes. */
export interface ShelfDetails {
  readonly label: string;
  /** Null for a model of a server that is no Hub. */
  readonly source: CachedSource | null;
  /** Milliseconds since 1970. */
  readonly lastUsed: number;
  /** Whether a load has ended with all that it read being kept. */
  readonly isComplete: boolean;
}

/** A piece of a file. */
export interface PieceKey {
  readonly file: string;
  readonly version: string;
  readonly index: number;
  readonly sizeBytes: number;
}

const detailsSchema = v.object({
  label: v.string(),
  source: v.nullable(
    v.object({
      repository: v.string(),
      revision: v.string(),
      hubUrl: v.string(),
      file: v.exactOptional(v.string()),
    }),
  ),
  lastUsed: v.number(),
  isComplete: v.boolean(),
});
const recordSchema = v.variant('kind', [
  v.object({
    kind: v.literal('present'),
    sizeBytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    version: v.string(),
  }),
  v.object({ kind: v.literal('absent') }),
]);
const namesSchema = v.array(v.string());

const checksumHeader = 'x-sha256';

/** A cache is a table of addresses. These lead nowhere: the domain `invalid` is reserved for that. */
function keyOf(kind: 'model' | 'names' | 'file' | 'piece', parts: Readonly<Record<string, string>> = {}) {
  return `https://kept.invalid/${kind}?${new URLSearchParams(parts)}`;
}

const pieceKey = ({ file, version, index, sizeBytes }: PieceKey): string =>
  keyOf('piece', { file, version, index: String(index), bytes: String(sizeBytes) });

async function checksumOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export class Shelf {
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  async details(): Promise<ShelfDetails | undefined> {
    return this.#json(keyOf('model'), detailsSchema);
  }

  async setDetails(details: ShelfDetails): Promise<void> {
    await this.#cache.put(keyOf('model'), Response.json(details));
  }

  /** The names in the model's folder. */
  async names(): Promise<readonly string[] | undefined> {
    return this.#json(keyOf('names'), namesSchema);
  }

  async setNames(names: readonly string[]): Promise<void> {
    await this.#cache.put(keyOf('names'), Response.json(names));
  }

  async file(name: string): Promise<FileRecord | undefined> {
    return this.#json(keyOf('file', { file: name }), recordSchema);
  }

  /** Pieces of another version of the file are of no more use, and are dropped. */
  async setFile(name: string, record: FileRecord): Promise<void> {
    await this.#cache.put(keyOf('file', { file: name }), Response.json(record));
    for (const request of await this.#cache.keys()) {
      const { pathname, searchParams: parts } = new URL(request.url);
      if (pathname !== '/piece' || parts.get('file') !== name) continue;
      if (record.kind === 'absent' || parts.get('version') !== record.version)
        await this.#cache.delete(request);
    }
  }

  /** @returns undefined when the piece is not there, or is damaged; then it is dropped as well */
  async piece(key: PieceKey): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const address = pieceKey(key);
    const response = await this.#cache.match(address);
    if (!response) return undefined;
    // A body that the disk no longer gives fails to be read; that is damage like any other.
    const body = await response.arrayBuffer().catch(() => undefined);
    const bytes = body && new Uint8Array(body);
    const isSound =
      bytes?.byteLength === key.sizeBytes &&
      (await checksumOf(bytes)) === response.headers.get(checksumHeader);
    if (isSound) return bytes;
    await this.#cache.delete(address);
    return undefined;
  }

  async setPiece(key: PieceKey, given: Uint8Array): Promise<void> {
    // Bodies and digests are not made of shared memory.
    const bytes =
      given.buffer instanceof ArrayBuffer
        ? new Uint8Array(given.buffer, given.byteOffset, given.byteLength)
        : new Uint8Array(given);
    const headers = { [checksumHeader]: await checksumOf(bytes) };
    await this.#cache.put(pieceKey(key), new Response(bytes, { headers }));
  }

  /** Bytes of all pieces, by what their keys say. */
  async sizeBytes(): Promise<number> {
    let total = 0;
    for (const request of await this.#cache.keys()) {
      const { pathname, searchParams: parts } = new URL(request.url);
      if (pathname === '/piece') total += Number(parts.get('bytes'));
    }
    return total;
  }

  /** What is not as it was written counts as not there. */
  async #json<Schema extends v.GenericSchema>(
    key: string,
    schema: Schema,
  ): Promise<v.InferOutput<Schema> | undefined> {
    const response = await this.#cache.match(key);
    const parsed = v.safeParse(schema, await response?.json().catch(() => undefined));
    return parsed.success ? parsed.output : undefined;
  }
}
