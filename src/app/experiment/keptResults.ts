// Finished runs outlive the page: the newest of them are kept in this browser, so that a reload, or going back to a link of
// one's own, shows the figure without computing it again. They go nowhere else, and older ones make room.

import type { AnyResult } from '../../experiments/kind.ts';

export interface ResultKeeper {
  /** @param key of the experiment as a link holds it */
  keep(key: string, result: AnyResult): Promise<void>;
  /** @returns what was kept, not yet checked: it may be of another version; null when nothing was */
  find(key: string): Promise<unknown>;
  forget(key: string): Promise<void>;
}

const mostResults = 12;
const mostBytes = 48e6;
/** Keys that had the bytes of pictures in them: no experiment has such a one any more. */
const longestKey = 100_000;
const database = 'patchbay.results';
const table = 'results';

interface Entry {
  readonly key: string;
  readonly keptAt: number;
  readonly sizeBytes: number;
  /** As JSON: what is read back is checked like a file. */
  readonly text: string;
}

/** Forgets: where the browser offers no database, and in tests. */
export const noKeeper: ResultKeeper = {
  keep: async () => {},
  find: async () => null,
  forget: async () => {},
};

/** Which of what is kept makes room, oldest first, until results and bytes are within their limits. */
export function toForget(entries: readonly Pick<Entry, 'key' | 'keptAt' | 'sizeBytes'>[]): readonly string[] {
  let bytes = 0;
  return entries
    .toSorted((a, b) => b.keptAt - a.keptAt)
    .filter(({ key, sizeBytes }, place) => {
      bytes += sizeBytes;
      return place >= mostResults || bytes > mostBytes || key.length > longestKey;
    })
    .map(({ key }) => key);
}

const answered = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const finished = (transaction: IDBTransaction): Promise<void> =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });

export function browserKeeper(): ResultKeeper {
  let opened: Promise<IDBDatabase> | null = null;
  function open(): Promise<IDBDatabase> {
    opened ??= (() => {
      const request = indexedDB.open(database, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(table, { keyPath: 'key' });
      return answered(request);
    })();
    return opened;
  }
  return {
    // Storage may be forbidden or full; then a result lasts as long as the page does, as it would without this.
    async keep(key, result) {
      try {
        const text = JSON.stringify(result);
        if (text.length > mostBytes) return;
        const transaction = (await open()).transaction(table, 'readwrite');
        const entries = transaction.objectStore(table);
        const entry: Entry = { key, keptAt: Date.now(), sizeBytes: text.length, text };
        entries.put(entry);
        // What was put there is of this shape; an upgrade of the database would change its version.
        const all = (await answered(entries.getAll())) as readonly Entry[];
        for (const old of toForget(all)) entries.delete(old);
        await finished(transaction);
      } catch {}
    },
    async forget(key) {
      try {
        const transaction = (await open()).transaction(table, 'readwrite');
        transaction.objectStore(table).delete(key);
        await finished(transaction);
      } catch {}
    },
    async find(key) {
      try {
        const entries = (await open()).transaction(table, 'readonly').objectStore(table);
        const found = (await answered(entries.get(key))) as Entry | undefined; // likewise
        return found === undefined ? null : JSON.parse(found.text);
      } catch {
        return null;
      }
    },
  };
}
