// A repository on the Hugging Face Hub, or on a server that speaks like it. Hugging Face's library finds the files and
// follows the rules of the Hub (tokens, redirects, sizes); the ranges themselves are read by http.ts, since the library
// can neither be stopped by a signal nor notices an answer of the wrong length.
import type { RepoId } from '@huggingface/hub';
import { quoted, reasonOf } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import type { ByteSource, FileFolder } from './byteSource.ts';
import { type HttpOptions, openHttpFile, rangeSource } from './http.ts';
import { policyRefusal } from './policyRefusals.ts';
import { fetchAnswer, SilentServerError } from './silence.ts';

export interface HubRepository {
  /** `owner/name`, or the bare name of one of the oldest models. */
  readonly repository: string;
  /** A branch, tag or commit; default `main`. */
  readonly revision?: string;
  /** Where the Hub is; default the public one. */
  readonly hubUrl?: string;
  /** For private and gated repositories. Sent to `hubUrl` and nowhere else. */
  readonly accessToken?: string;
}

/** Whether a text has the form of a repository's name. */
export function isRepositoryName(text: string): boolean {
  return /^(?:[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9][\w.-]*$/.test(text) && !text.includes('..');
}

/**
 * The files of a repository.
 * @throws CheckpointError when the name cannot be one of a repository
 */
export function hubFolder(
  hub: HubRepository,
  { onBytes, silentMs }: Pick<HttpOptions, 'onBytes' | 'silentMs'> = {},
): FileFolder {
  const { repository, revision = 'main', accessToken } = hub;
  if (!isRepositoryName(repository)) {
    throw new CheckpointError(
      `${quoted(repository)} is not the id of a repository. An id looks like owner/name, 'openai-community/gpt2' for instance.`,
    );
  }
  const label = `${repository}@${revision}`;
  const access = accessToken === undefined ? {} : { accessToken };
  const repo: RepoId = { type: 'model', name: repository };
  const place = (publicHub: string) => {
    const hubUrl = (hub.hubUrl ?? publicHub).replace(/\/+$/, '');
    return { repo, revision, hubUrl, ...access };
  };
  return {
    label,
    async list(signal) {
      const { HUB_URL, listFiles } = await import('@huggingface/hub');
      const names: string[] = [];
      const call = new HubCall(signal, silentMs);
      try {
        for await (const entry of listFiles({ ...place(HUB_URL), fetch: call.fetch })) {
          if (entry.type === 'file') names.push(entry.path);
        }
      } catch (cause) {
        throw await call.error(cause, hub, label);
      }
      return names.sort();
    },
    async open(name, signal): Promise<ByteSource | undefined> {
      const { fileDownloadInfo, HUB_URL, InvalidApiResponseFormatError } = await import('@huggingface/hub');
      const here = place(HUB_URL);
      const options = { silentMs, ...(onBytes ? { onBytes } : {}) };
      const ours = accessToken === undefined ? {} : { headers: { Authorization: `Bearer ${accessToken}` } };
      const call = new HubCall(signal, silentMs);
      try {
        const info = await fileDownloadInfo({ ...here, path: name, fetch: call.fetch });
        if (!info) return undefined;
        // A file may lie with another host, which the token is none of the business of.
        const isOurs = new URL(info.url).origin === new URL(here.hubUrl).origin;
        return rangeSource(info.url, `${label}/${name}`, info.size, {
          ...options,
          ...(isOurs ? ours : {}),
          version: info.etag,
        });
      } catch (cause) {
        // A mirror may leave out what the library insists on: the reason of a 404, an ETag, ranges.
        if (call.isPlainlyMissing) return undefined;
        if (!(cause instanceof InvalidApiResponseFormatError)) throw await call.error(cause, hub, label);
      }
      const url = `${here.hubUrl}/${repository}/resolve/${encodeURIComponent(revision)}/${name}`;
      return openHttpFile(url, `${label}/${name}`, { ...options, ...ours }, signal);
    },
  };
}

/** One call of the library: it can be stopped, and remembers what the server said last. */
class HubCall {
  readonly fetch: typeof fetch;
  readonly #signal: AbortSignal | undefined;
  #last: Response | undefined;
  #asked = '';

  constructor(signal: AbortSignal | undefined, silentMs: number | undefined) {
    this.#signal = signal;
    this.fetch = async (input, init) => {
      this.#asked = input instanceof Request ? input.url : String(input);
      this.#last = await fetchAnswer(input, { ...init, ...(signal ? { signal } : {}) }, { silentMs });
      return this.#last;
    };
  }

  /** A 404 that does not say whether the repository, the revision or the file is missing. */
  get isPlainlyMissing(): boolean {
    return this.#last?.status === 404 && this.#reason === null;
  }

  get #reason(): string | null {
    return this.#last?.headers.get('x-error-code') ?? null;
  }

  /** What to throw in place of what the library threw; the signal's reason when it was the signal. */
  async error(cause: unknown, hub: HubRepository, label: string): Promise<unknown> {
    if (this.#signal?.aborted) return this.#signal.reason;
    if (cause instanceof SilentServerError) return cause;
    const refusal = await policyRefusal(this.#asked);
    return new CheckpointError(refusal ?? sentenceOf(cause, this.#reason, hub, label));
  }
}

function sentenceOf(cause: unknown, code: string | null, hub: HubRepository, label: string): string {
  const status = cause instanceof Error && 'statusCode' in cause ? cause.statusCode : undefined;
  const hasToken = hub.accessToken !== undefined;
  const permission = hasToken
    ? 'The access token does not open it; check the token, and accept the terms of the model on its page.'
    : 'If it is private or gated, accept its terms on its page and give an access token.';
  if (status === 404 && code === 'RevisionNotFound') {
    return `Repository ${quoted(hub.repository)} has no revision ${quoted(hub.revision ?? 'main')} on the hub. Check the branch, tag or commit.`;
  }
  if (status === 404)
    return `Repository ${quoted(hub.repository)} does not exist on the hub. Check its id, owner/name.`;
  // The public hub answers so for a repository that does not exist as well, to keep private names private.
  if (status === 401) {
    return `Repository ${quoted(hub.repository)} does not exist on the hub, or needs an access token. Check its id. ${permission}`;
  }
  if (status === 403)
    return `Repository ${quoted(hub.repository)} needs permission to be read. ${permission}`;
  if (status === 429)
    return `The hub asks for a pause before ${label} can be read (429). Try again in some minutes.`;
  if (typeof status === 'number') {
    return `The hub answered ${status} when ${label} was read. Try again later.`;
  }
  const reason = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  return `${label} cannot be read from the hub (${reasonOf(reason)}). Check the connection, or open the model from a folder.`;
}
