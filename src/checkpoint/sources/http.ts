// Files of a server, read range by range. A server answers a range, or sends the whole file as if none had been asked for,
// or sends a page that says "not found" with the status of success; all three are told apart, and an answer of another
// length or place than what was asked for is never taken for the bytes.

import { quoted, reasonOf } from '../../messages/wording.ts';
import { CheckpointError } from '../checkpoint.ts';
import { type ByteSource, type FileFolder, memorySource, requireRange } from './byteSource.ts';
import { policyRefusal } from './policyRefusals.ts';
import { fetchAnswer, nextNews, type Patience, SilentServerError } from './silence.ts';

export interface HttpOptions extends Patience {
  readonly onBytes?: (bytes: number) => void;
  /** Sent with every request, an authorisation for instance. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Ask for small files whole, as a page asks for its own files: the host may compress them and the browser keep them.
   * A range is not asked of those, because the browser's HTTP cache takes it of the compressed bytes.
   */
  readonly prefersWhole?: boolean;
}

/** A file up to this size is kept whole when its server does not answer ranges; a larger one is refused. */
const largestWholeBytes = 32 * 1024 * 1024;

/**
 * One file of a server.
 * @returns undefined when the server has no such file
 * @throws CheckpointError when the server refuses, fails, or cannot send parts of a large file
 */
export async function openHttpFile(
  url: string,
  label: string,
  options: HttpOptions = {},
  signal?: AbortSignal,
): Promise<ByteSource | undefined> {
  const asked = options.prefersWhole ? await request(url, label, undefined, options, signal) : undefined;
  const isLarge = Number(asked?.headers.get('content-length') ?? 0) > largestWholeBytes;
  if (asked && isLarge) await discard(asked);
  const response = asked && !isLarge ? asked : await request(url, label, 'bytes=0-0', options, signal);
  if (response.status === 404 || response.status === 410) {
    await discard(response);
    return undefined;
  }
  // The one byte of an empty file cannot be sent.
  if (response.status === 416) {
    await discard(response);
    return memorySource(label, new Uint8Array(0));
  }
  requireSuccess(response, label);
  if (response.status === 206) {
    await discard(response);
    const sizeBytes = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
    if (Number.isSafeInteger(sizeBytes)) {
      const validators = validatorsOf(response);
      const version = response.headers.get('etag') ?? validators.modified;
      return rangeSource(url, label, sizeBytes, { ...options, validators, ...(version ? { version } : {}) });
    }
    throw new CheckpointError(
      `The server sent a part of ${quoted(label)} without its size (Content-Range). ` +
        'Allow that header across origins, or download the file and open it from the disk.',
    );
  }
  // A server of a page with one address answers every unknown path with that page.
  if ((response.headers.get('content-type') ?? '').includes('text/html')) {
    await discard(response);
    return undefined;
  }
  return memorySource(label, await wholeBody(response, label, { ...options, url, signal }));
}

/**
 * A file whose server is known to answer ranges.
 * @param options with the file's version, where the server tells it: an ETag, or the time of the last change
 */
export function rangeSource(
  url: string,
  label: string,
  sizeBytes: number,
  options: HttpOptions & { readonly version?: string; readonly validators?: Validators } = {},
): ByteSource {
  let isOpen = true;
  // What the version of the Hub and the tags of the host that sends the bytes have in common is not known, so the answers
  // are compared with each other.
  let known = options.validators ?? {};
  return {
    label,
    sizeBytes,
    isRemote: true,
    // The same content is weakly tagged where a proxy has compressed it.
    ...(options.version === undefined ? {} : { version: options.version.replace(/^W\//, '') }),
    async read(offset, length, signal) {
      if (!isOpen)
        throw new CheckpointError(`${quoted(label)} has been closed. Open the model again to read from it.`);
      requireRange(label, sizeBytes, offset, length);
      if (length === 0) return new Uint8Array(0);
      const range = `${offset}-${offset + length - 1}`;
      const response = await request(url, label, `bytes=${range}`, options, signal);
      requireSuccess(response, label);
      const sent = /^bytes (\d+-\d+)\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
      if (
        response.status !== 206 ||
        (sent && (sent[1] !== range || (sent[2] !== '*' && Number(sent[2]) !== sizeBytes)))
      ) {
        await discard(response);
        throw new CheckpointError(
          `The server was asked for bytes ${range} of ${quoted(label)} and sent ${sent ? `bytes ${sent[1]} of ${sent[2]}` : 'something else'}. ` +
            'The file may have changed there; open the model again.',
        );
      }
      const found = validatorsOf(response);
      if (isOtherContent(known, found)) {
        await discard(response);
        throw new CheckpointError(
          `${quoted(label)} was replaced at its server while it was read, so its parts do not belong together. Open the model again.`,
        );
      }
      known = { ...found, ...known };
      return exactBody(response, label, length, { ...options, url, signal });
    },
    async close() {
      isOpen = false;
    },
  };
}

/** What tells one content of a file from another, as an answer has it. */
interface Validators {
  readonly tag?: string;
  readonly modified?: string;
}

function validatorsOf(response: Response): Validators {
  const tag = response.headers.get('etag');
  const modified = response.headers.get('last-modified');
  // The same content is weakly tagged where a proxy has compressed it.
  return { ...(tag ? { tag: tag.replace(/^W\//, '') } : {}), ...(modified ? { modified } : {}) };
}

/** A tag decides where both have one; hosts that share the work may differ in the time. */
function isOtherContent(known: Validators, found: Validators): boolean {
  if (known.tag !== undefined && found.tag !== undefined) return known.tag !== found.tag;
  return known.modified !== undefined && found.modified !== undefined && known.modified !== found.modified;
}

/** A folder of a server, which cannot be listed. */
export function httpFolder(url: string, label: string, options: HttpOptions = {}): FileFolder {
  const base = url.endsWith('/') ? url : `${url}/`;
  return {
    label,
    list: async () => undefined,
    open: (name, signal) => openHttpFile(new URL(name, base).href, name, options, signal),
  };
}

async function request(
  url: string,
  label: string,
  range: string | undefined,
  options: HttpOptions,
  signal?: AbortSignal,
): Promise<Response> {
  try {
    const init = {
      headers: { ...options.headers, ...(range === undefined ? {} : { Range: range }) },
      // The HTTP cache may hold the file compressed, and would take the range of that.
      ...(range === undefined ? {} : { cache: 'no-store' as const }),
      ...(signal ? { signal } : {}),
    };
    return await fetchAnswer(url, init, options);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof SilentServerError) throw cause;
    throw new CheckpointError(
      (await policyRefusal(url)) ??
        `${quoted(label)} cannot be fetched from ${hostOf(url)} (${networkReason(cause)}). ` +
          'Check the address and the connection; a page can only read servers that allow it (CORS).',
    );
  }
}

/** Node wraps the reason of a failed fetch; the outer message says only that it failed. */
function networkReason(cause: unknown): string {
  return reasonOf(cause instanceof Error && cause.cause !== undefined ? cause.cause : cause);
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : quoted(url);
}

/** Let the rest of an answer go. It may have failed by itself, which is no news then. */
async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

function requireSuccess(response: Response, label: string): void {
  if (response.ok) return;
  void discard(response);
  const refused = response.status === 401 || response.status === 403;
  throw new CheckpointError(
    `${quoted(label)} cannot be fetched: the server answered ${response.status}. ` +
      (refused
        ? 'Permission is needed; sign in there, or give an access token.'
        : 'Try again later, or check the address.'),
  );
}

/** How a body is received. */
interface Receiving extends Patience {
  readonly url: string;
  readonly onBytes?: (bytes: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** A body of a known length, no byte more or less. */
async function exactBody(
  response: Response,
  label: string,
  length: number,
  receiving: Receiving,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  await eachPiece(response, label, receiving, (piece) => {
    if (done + piece.byteLength > length) {
      throw new CheckpointError(
        `The server sent more than the ${length} bytes that were asked for of ${quoted(label)}. Download the file and open it from the disk.`,
      );
    }
    bytes.set(piece, done);
    done += piece.byteLength;
    receiving.onBytes?.(piece.byteLength);
  });
  if (done < length) throw brokenOff(label, `after ${done} of ${length} bytes`);
  return bytes;
}

/** A body of unknown length, as long as it stays small. */
async function wholeBody(response: Response, label: string, receiving: Receiving): Promise<Uint8Array> {
  const tooLarge = () =>
    new CheckpointError(
      `The server sends ${quoted(label)} only as a whole, and it is larger than ${largestWholeBytes} bytes. ` +
        'Use a server that answers range requests, or download the file and open it from the disk.',
    );
  if (Number(response.headers.get('content-length') ?? 0) > largestWholeBytes) {
    await discard(response);
    throw tooLarge();
  }
  const pieces: Uint8Array[] = [];
  let total = 0;
  await eachPiece(response, label, receiving, (piece) => {
    total += piece.byteLength;
    if (total > largestWholeBytes) throw tooLarge();
    pieces.push(piece);
    receiving.onBytes?.(piece.byteLength);
  });
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}

/** Hand on the pieces of a body as they arrive. What `take` throws stops the transfer. */
async function eachPiece(
  response: Response,
  label: string,
  { url, signal, silentMs }: Receiving,
  take: (piece: Uint8Array) => void,
): Promise<void> {
  if (!response.body) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const piece = reader.read().catch((cause: unknown) => {
        signal?.throwIfAborted();
        throw brokenOff(label, `(${networkReason(cause)})`);
      });
      // What is silent is cancelled below.
      const next = await nextNews(url, { silentMs }, piece, () => undefined);
      if (next.done) return;
      take(next.value);
    }
  } catch (cause) {
    await reader.cancel(cause).catch(() => {
      // The transfer is over either way; the reason above is the one to report.
    });
    throw cause;
  }
}

function brokenOff(label: string, where: string): CheckpointError {
  return new CheckpointError(
    `The transfer of ${quoted(label)} broke off ${where}. Check the connection and try again.`,
  );
}
