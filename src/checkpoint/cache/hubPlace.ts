// Where a model of a Hub stands in the cache.

import type { HubRepository } from '../sources/hub.ts';
import type { CachePlace } from './cachedLoad.ts';

/** How the cache tells a model of a Hub from others; the public Hub needs no mention in the label. */
export async function hubPlace(hub: HubRepository, file?: string): Promise<CachePlace> {
  const { HUB_URL } = await import('@huggingface/hub');
  const { repository, revision = 'main' } = hub;
  const hubUrl = (hub.hubUrl ?? HUB_URL).replace(/\/+$/, '');
  const label = `${repository}@${revision}`;
  return {
    label: hubUrl === HUB_URL ? label : `${label} (${hubUrl.replace(/^https?:\/\//, '')})`,
    address: `${hubUrl}/${repository}/tree/${encodeURIComponent(revision)}`,
    source: { repository, revision, hubUrl, ...(file === undefined ? {} : { file }) },
    isPinned: /^[0-9a-f]{40}$/.test(revision),
  };
}
