// Models from the Hub or another server that the browser keeps, so that the next load fetches nothing and needs no
// network. There is none on Node, and none on a page that is not secure: the browser offers no storage there. Files
// that are served beside the page are left to the browser's own HTTP cache.
import { CachedLoad, type CachePlace } from './cachedLoad.ts';
import { type CachedSource, type CacheStores, Shelf } from './cacheShelf.ts';

/** A model of which something is kept. */
export interface CachedModel {
  readonly label: string;
  /** Where to load it from again; null for a server that is no Hub. */
  readonly source: CachedSource | null;
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly lastUsed: number;
  /** False while a part is missing that a load would read. */
  readonly isComplete: boolean;
}

/** The number is that of the format: a later one does not read the caches of this one. */
const namePrefix = 'patchbay model 1 ';

const nameOf = ({ address }: CachePlace): string => `${namePrefix}${address}`;

/** Bytes of a piece; cacheShelf.ts says why. */
const pieceBytes = 16 * 2 ** 20;

interface NamedModel extends CachedModel {
  readonly cacheName: string;
}

export class ModelCache {
  readonly #stores: CacheStores;
  readonly #options: { readonly pieceBytes: number; readonly now: () => number };

  constructor(
    stores: CacheStores,
    options: { readonly pieceBytes?: number; readonly now?: () => number } = {},
  ) {
    this.#stores = stores;
    this.#options = { pieceBytes, now: Date.now, ...options };
  }

  /** To be given to the openers of one load. */
  startLoad(): CachedLoad {
    return new CachedLoad({ stores: this.#stores, nameOf, ...this.#options });
  }

  /** What is kept, the last used first. */
  async models(): Promise<readonly CachedModel[]> {
    return (await this.#named()).map(({ cacheName, ...model }) => model);
  }

  /** Bytes of all kept models. */
  async sizeBytes(): Promise<number> {
    return (await this.#named()).reduce((sum, model) => sum + model.sizeBytes, 0);
  }

  /** Drop one model; one that is in use stays so, and reads from its server what it still needs. */
  async forget(label: string): Promise<void> {
    const found = (await this.#named()).filter((model) => model.label === label);
    for (const { cacheName } of found) await this.#stores.delete(cacheName);
  }

  /** Drop all, those as well in which nothing but notes about files is left. */
  async forgetAll(): Promise<void> {
    for (const name of await this.#cacheNames()) await this.#stores.delete(name);
  }

  async #cacheNames(): Promise<readonly string[]> {
    return (await this.#stores.keys()).filter((name) => name.startsWith(namePrefix));
  }

  async #named(): Promise<readonly NamedModel[]> {
    const models: NamedModel[] = [];
    for (const cacheName of await this.#cacheNames()) {
      const shelf = new Shelf(await this.#stores.open(cacheName));
      const sizeBytes = await shelf.sizeBytes();
      if (sizeBytes === 0) continue;
      const details = await shelf.details();
      const label = cacheName.slice(namePrefix.length);
      models.push({
        ...(details ?? { label, source: null, lastUsed: 0, isComplete: false }),
        sizeBytes,
        cacheName,
      });
    }
    return models.sort((a, b) => b.lastUsed - a.lastUsed);
  }
}

/** The cache of this browser, or undefined where there is none. */
export function browserCache(): ModelCache | undefined {
  return globalThis.isSecureContext && 'caches' in globalThis ? new ModelCache(globalThis.caches) : undefined;
}
