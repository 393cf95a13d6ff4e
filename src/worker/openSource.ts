// Opens the checkpoint that a page names: an address, files that a person picked, a repository of the Hub.

import type { CachedLoad } from '../checkpoint/cache/cachedLoad.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { openFiles, openHub, openUrl } from '../checkpoint/open.ts';
import type { ModelSource } from './protocol.ts';

export async function openSource(
  source: ModelSource,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
  cache: CachedLoad | undefined,
): Promise<Checkpoint> {
  const options = { onBytes, ...(signal ? { signal } : {}), ...(cache ? { cache } : {}) };
  switch (source.kind) {
    case 'url':
      return openUrl(source.url, source.label, options);
    case 'files':
      return openFiles(source.files, options);
    case 'hub': {
      const { kind, ...place } = source;
      return openHub({ ...place, ...options });
    }
    default:
      return source satisfies never;
  }
}
