// A document as the fragment of a link: `#v1.` and JSON, deflated, in base64url. The fragment never reaches a server and
// may be long. (zlib's form of deflate: its checksum tells a damaged link from a whole one.) Whoever opens a link trusts nothing in it: it is inflated under a limit and its content is checked by the
// schema of whatever it claims to be.

/** The link is damaged, or made by a newer Patchbay. The message says which and what to do. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
}

const currentVersion = 1;

/** JSON larger than this is no experiment. */
const largestJsonBytes = 2 ** 20;

/** Messengers cut links that are longer than this; a page may warn. */
export const comfortableLinkLength = 2000;

function toBase64Url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** All bytes of a stream, or a LinkError once there are more than `limit`. */
async function collect(stream: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array> {
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw new LinkError(
        `The link unpacks to more than ${limit} bytes, so it holds no experiment. Ask for it again as a file.`,
      );
    }
    chunks.push(value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/**
 * @returns `#v1.…`, to follow the address of the page
 * @throws LinkError for what no page would open again, because it is too large
 */
export async function encodeLink(content: unknown): Promise<string> {
  const json = new Blob([JSON.stringify(content)]);
  if (json.size > largestJsonBytes)
    throw new LinkError(
      `It has ${json.size.toLocaleString('en')} bytes as JSON, and a link holds at most ${largestJsonBytes.toLocaleString('en')}. Save it as JSON, and open that file elsewhere.`,
    );
  const packed = json.stream().pipeThrough(new CompressionStream('deflate'));
  return `#v${currentVersion}.${toBase64Url(await collect(packed, Number.MAX_SAFE_INTEGER))}`;
}

/** Whether a fragment claims to be a link of ours at all. */
export const isLink = (fragment: string): boolean => /^#v\d+\./.test(fragment);

/**
 * @param fragment of an address, `#` included
 * @returns the content, not yet checked against any schema
 * @throws LinkError when it is damaged, too large, or of a newer version
 */
export async function decodeLink(fragment: string): Promise<unknown> {
  const match = /^#v(\d+)\.([A-Za-z0-9_-]*)$/.exec(fragment);
  if (!match)
    throw new LinkError(
      'The link is damaged: it has characters that no Patchbay link has. Copy it again, whole.',
    );
  const version = Number(match[1]);
  if (version !== currentVersion) {
    throw new LinkError(
      `The link is of version ${version}; this page reads version ${currentVersion}. Reload the page, or open the link where it was made.`,
    );
  }
  try {
    const inflated = new Blob([fromBase64Url(match[2] ?? '')])
      .stream()
      .pipeThrough(new DecompressionStream('deflate'));
    return JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(await collect(inflated, largestJsonBytes)),
    );
  } catch (error) {
    if (error instanceof LinkError) throw error;
    throw new LinkError('The link is damaged: a part of it is missing or changed. Copy it again, whole.');
  }
}

/**
 * A copy of `value` without the members that equal those of `defaults`, at every depth of plain objects. Arrays are whole.
 * What is left, laid over the same defaults, is `value` again.
 */
export function withoutDefaults(value: unknown, defaults: unknown): unknown {
  if (!isPlainObject(value) || !isPlainObject(defaults)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => {
      const standard = defaults[key];
      if (JSON.stringify(member) === JSON.stringify(standard)) return [];
      return [[key, withoutDefaults(member, standard)]];
    }),
  );
}

const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
