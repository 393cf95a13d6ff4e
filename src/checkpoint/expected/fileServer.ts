// A local server for the tests: files by path, with the good and bad manners of real ones. Also an imitation of the Hub,
// as far as its client uses it.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Manners {
  /** Answer ranges (default), ignore them and send the whole, or send another place than was asked for. */
  readonly ranges?: 'answered' | 'ignored' | 'shifted' | 'unsized';
  /** Promise the whole body and end the connection after so many bytes of it. */
  readonly breaksAfter?: number;
  /** Stop in the middle of the body and never go on. */
  readonly stallsAfter?: number;
  /** Stop at this place of the file and never go on. */
  readonly stallsAt?: number;
  /** Send nothing at all, not even a header. */
  readonly isSilent?: boolean;
  /** Send a body in pieces of 10,000 bytes, each when this has resolved. */
  readonly beforePiece?: () => Promise<void>;
  /** Unknown paths are answered with a page and the status of success. */
  readonly pageForUnknown?: boolean;
  /** Every request is answered with this status. */
  readonly status?: number;
  /** The ETag of every file. */
  readonly version?: string;
}

export interface FileServer {
  readonly url: string;
  /** What was asked for so far: method, path, range. */
  readonly requests: readonly {
    readonly path: string;
    readonly range: string | undefined;
    readonly authorization: string | undefined;
  }[];
  /** Change the manners from now on. */
  readonly behave: (manners: Manners) => void;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** Serve files by their path without the leading slash. */
export async function serveFiles(
  files: Readonly<Record<string, Uint8Array>>,
  first: Manners = {},
): Promise<FileServer> {
  let manners = first;
  return serve(
    (request, response, path) => {
      const bytes = files[path];
      if (manners.isSilent) return;
      if (manners.status !== undefined) response.writeHead(manners.status).end('no');
      else if (bytes) sendFile(request, response, bytes, manners);
      else if (manners.pageForUnknown)
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html></html>');
      else response.writeHead(404).end('not here');
    },
    (next) => {
      manners = next;
    },
  );
}

export interface HubRules {
  /** `owner/name` to files. */
  readonly repositories: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>;
  readonly revisions?: readonly string[];
  /** Repositories that need this token. */
  readonly gated?: Readonly<Record<string, string>>;
  /** Leave out the header that tells why something is missing, the ETag and the listing, as plain mirrors do. */
  readonly isPlainMirror?: boolean;
  /** Weights are not sent but redirected to `PLACE/ID/FILE` of another server, as the Hub does with large files. */
  readonly weightsAt?: string;
}

/** Imitate the Hub: `/api/models/ID/tree/REVISION` and `/ID/resolve/REVISION/FILE`. */
export async function serveHub(rules: HubRules, first: Manners = {}): Promise<FileServer> {
  let manners = first;
  const revisions = rules.revisions ?? ['main'];
  const refuse = (response: ServerResponse, status: number, code: string): void => {
    response.writeHead(status, rules.isPlainMirror ? {} : { 'x-error-code': code }).end(code);
  };
  return serve(
    (request, response, path) => {
      const tree = /^api\/models\/(.+?)\/tree\/([^/?]+)$/.exec(path);
      const file = /^([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
      const [, id = '', revision = '', name] = tree ?? file ?? [];
      const files = rules.repositories[id];
      const token = rules.gated?.[id];
      if (manners.isSilent) return undefined;
      if (manners.status !== undefined) return refuse(response, manners.status, 'Whatever');
      if (!files) return refuse(response, rules.isPlainMirror ? 404 : 401, 'RepoNotFound');
      if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
        return refuse(response, request.headers.authorization ? 403 : 401, 'GatedRepo');
      }
      if (!revisions.includes(decodeURIComponent(revision))) return refuse(response, 404, 'RevisionNotFound');
      if (tree) {
        if (rules.isPlainMirror) return refuse(response, 404, '');
        const entries = Object.entries(files).map(([path, { byteLength }]) => ({
          type: 'file',
          path,
          size: byteLength,
        }));
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(entries));
        return undefined;
      }
      const bytes = name === undefined ? undefined : files[name];
      if (!bytes) return refuse(response, 404, 'EntryNotFound');
      if (rules.weightsAt !== undefined && name?.endsWith('.safetensors')) {
        response.writeHead(302, { location: `${rules.weightsAt}/${id}/${name}` }).end();
        return undefined;
      }
      sendFile(request, response, bytes, manners, !rules.isPlainMirror);
      return undefined;
    },
    (next) => {
      manners = next;
    },
  );
}

function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  manners: Manners,
  hasVersion = true,
): void {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined || to === undefined || manners.ranges === 'ignored') {
    response.writeHead(200, { 'content-length': bytes.byteLength });
    response.end(bytes);
    return;
  }
  const shift = manners.ranges === 'shifted' && Number(to) > 0 ? 1 : 0;
  const start = Number(from) + shift;
  const part = bytes.subarray(start, Number(to) + 1 + shift);
  response.writeHead(206, {
    ...(hasVersion ? { etag: manners.version ?? '"1"' } : {}),
    'content-length': part.byteLength,
    ...(manners.ranges === 'unsized'
      ? {}
      : { 'content-range': `bytes ${start}-${start + part.byteLength - 1}/${bytes.byteLength}` }),
  });
  const stallsAt = manners.stallsAt === undefined ? undefined : Math.max(0, manners.stallsAt - start);
  const kept = manners.breaksAfter ?? manners.stallsAfter ?? stallsAt;
  if (manners.beforePiece) void sendSlowly(response, part, manners.beforePiece);
  else if (kept === undefined || part.byteLength <= kept) response.end(part);
  else response.write(part.subarray(0, kept), () => manners.breaksAfter !== undefined && response.destroy());
}

async function sendSlowly(
  response: ServerResponse,
  bytes: Uint8Array,
  beforePiece: () => Promise<void>,
): Promise<void> {
  for (let at = 0; at < bytes.byteLength; at += 10_000) {
    await beforePiece();
    response.write(bytes.subarray(at, at + 10_000));
  }
  response.end();
}

/** What the Hub tells browsers: any page may read, and see these headers. */
const crossOrigin = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': 'authorization, range, accept',
  'access-control-expose-headers': 'etag, content-range, link, x-error-code, x-linked-etag, x-linked-size',
};

async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, path: string) => void,
  behave: (manners: Manners) => void,
): Promise<FileServer> {
  const requests: { path: string; range: string | undefined; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(crossOrigin)) response.setHeader(name, value);
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end();
      return;
    }
    const path = new URL(request.url ?? '/', 'http://localhost').pathname.slice(1);
    requests.push({ path, range: request.headers.range, authorization: request.headers.authorization });
    answer(request, response, path);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A server that listens on a port has an address of this form, never a pipe's name.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    behave,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
