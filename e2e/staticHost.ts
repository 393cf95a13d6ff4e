// A host of static files as the common ones are: under a path of its own, compressing what can be compressed, answering
// ranges and questions by ETag, with or without the headers of cross-origin isolation. It counts what it sends.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface StaticHost {
  /** Of the page; ends with a slash. */
  readonly url: string;
  /** What was sent, in order; bytes of bodies as they went over the wire. */
  readonly sent: readonly { readonly path: string; readonly bytes: number; readonly atMs: number }[];
  /** Serve another folder from now on. */
  readonly deploy: (folder: string) => void;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

interface HostedFile {
  readonly type: string;
  readonly etag: string;
  readonly bytes: Uint8Array;
  readonly packed: Uint8Array | null;
}

function readHosted(path: string): HostedFile {
  const bytes = readFileSync(path);
  const type = types[extname(path)] ?? 'application/octet-stream';
  const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`;
  // Weights have no type of their own, so hosts send them as they are.
  return { type, etag, bytes, packed: extname(path) in types ? gzipSync(bytes) : null };
}

/** @returns the bytes of the body */
function send(request: IncomingMessage, response: ServerResponse, file: HostedFile): number {
  const { type, etag, bytes, packed } = file;
  response.setHeader('Content-Type', type);
  response.setHeader('ETag', etag);
  response.setHeader('Cache-Control', 'max-age=600');
  response.setHeader('Vary', 'Accept-Encoding');
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304).end();
    return 0;
  }
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  if (from !== undefined && to !== undefined) {
    const part = bytes.subarray(Number(from), Number(to) + 1);
    const range = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`;
    response.writeHead(206, { 'Content-Range': range, 'Content-Length': part.length }).end(part);
    return part.length;
  }
  const isPacked = packed !== null && /\bgzip\b/.test(String(request.headers['accept-encoding']));
  const body = isPacked ? packed : bytes;
  if (isPacked) response.setHeader('Content-Encoding', 'gzip');
  response.writeHead(200, { 'Content-Length': body.length }).end(body);
  return body.length;
}

export async function serveFolder(
  first: string,
  { path = '/', isIsolated = false }: { readonly path?: string; readonly isIsolated?: boolean } = {},
): Promise<StaticHost> {
  let folder = first;
  const read = new Map<string, HostedFile>();
  const sent: { path: string; bytes: number; atMs: number }[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const name = decodeURIComponent(pathname.slice(path.length));
    const place = join(folder, name === '' ? 'index.html' : name);
    const isHere = pathname.startsWith(path) && !name.includes('..') && existsSync(place);
    if (!isHere || !statSync(place).isFile()) {
      response.writeHead(404, { 'Content-Type': 'text/html' }).end('not here');
      return;
    }
    const file = read.get(place) ?? readHosted(place);
    read.set(place, file);
    if (isIsolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    sent.push({ path: name, bytes: send(request, response, file), atMs: performance.now() });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A server that listens on a port has an address of this form, never a pipe's name.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}${path}`,
    sent,
    deploy: (next) => {
      folder = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
