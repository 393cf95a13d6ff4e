// Cache Storage in memory, for the tests: it can be full, forbidden, and injured.
import type { CacheStores } from '../cache/cacheShelf.ts';

interface Entry {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Headers;
}

export class MemoryCaches implements CacheStores {
  readonly entries = new Map<string, Map<string, Entry>>();
  /** Bytes that bodies may take in all. */
  quotaBytes = Number.POSITIVE_INFINITY;
  /** Thrown by whatever is asked, as where a browser forbids storage. */
  refusal: Error | undefined;

  async has(name: string): Promise<boolean> {
    if (this.refusal) throw this.refusal;
    return this.entries.has(name);
  }

  async keys(): Promise<string[]> {
    return [...this.entries.keys()];
  }

  async delete(name: string): Promise<boolean> {
    return this.entries.delete(name);
  }

  async open(name: string): Promise<Cache> {
    if (this.refusal) throw this.refusal;
    const entries = this.entries.get(name) ?? new Map<string, Entry>();
    this.entries.set(name, entries);
    const addressOf = (request: RequestInfo | URL) =>
      request instanceof Request ? request.url : new URL(request).href;
    const cache: Pick<Cache, 'match' | 'put' | 'delete' | 'keys'> = {
      match: async (request) => {
        const entry = entries.get(addressOf(request));
        return entry && new Response(entry.body, { headers: entry.headers });
      },
      put: async (request, response) => {
        const body = new Uint8Array(await response.arrayBuffer());
        if (this.#bytes() + body.byteLength > this.quotaBytes) {
          throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
        }
        entries.set(addressOf(request), { body, headers: response.headers });
      },
      delete: async (request) => entries.delete(addressOf(request)),
      keys: async () => [...entries.keys()].map((url) => new Request(url)),
    };
    return cache as Cache; // The rest of a cache is not used.
  }

  /** Replace the bodies whose address has `part` in it. @returns how many there were */
  injure(part: string, change: (body: Uint8Array) => Uint8Array<ArrayBuffer>): number {
    let count = 0;
    for (const entries of this.entries.values()) {
      for (const [address, entry] of entries) {
        if (!address.includes(part)) continue;
        entries.set(address, { ...entry, body: change(entry.body) });
        count += 1;
      }
    }
    return count;
  }

  #bytes(): number {
    return [...this.entries.values()]
      .flatMap((entries) => [...entries.values()])
      .reduce((sum, { body }) => sum + body.byteLength, 0);
  }
}
