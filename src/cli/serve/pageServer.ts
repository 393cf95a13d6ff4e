// The server of the page, for this machine alone: static files with the headers that the page needs (policy.ts). A page from
// any other host than localhost would have neither WebGPU nor threads without a certificate, so it listens nowhere else.

import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createProbe } from 'node:net';
import sirv from 'sirv';
import { pageHeaders } from './policy.ts';

export interface PageServer {
  /** `http://localhost:4170/` */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** No port from the one that was asked for on was free. */
export class NoPortError extends Error {
  override readonly name = 'NoPortError';
}

export interface PageServerOptions {
  /** The first port to try; 0 for any. */
  readonly port: number;
  /** Origins of hubs besides the public one that models may be read from. */
  readonly hubs?: readonly string[];
}

/** Ports that are tried, one after the other. */
const attempts = 20;
const largestPort = 65_535;

/** Whether a range has a first byte and, if any, a last one that is not before it. */
function isPlainRange(range: string | undefined): boolean {
  const [, first, last] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(range ?? '') ?? [];
  return first !== undefined && (last === undefined || last === '' || Number(last) >= Number(first));
}

function listenerOf(folder: string, hubs: readonly string[]): RequestListener {
  // Read anew at each request, so that a build is shown at the next opening.
  const files = sirv(folder, { dev: true, etag: true });
  return (request, response) => {
    const [path = '/'] = (request.url ?? '/').split('?', 1);
    for (const [name, value] of Object.entries(pageHeaders(path, hubs))) response.setHeader(name, value);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD' }).end();
      return;
    }
    // sirv takes a range that ends before it begins for an error of its caller, and one that counts from the end for one
    // that counts from the beginning. A server may always send the whole instead.
    if (!isPlainRange(request.headers.range)) delete request.headers.range;
    // A file may vanish, or be unreadable, after its headers have been sent.
    response.on('pipe', (file) => file.on('error', () => response.destroy()));
    try {
      files(request, response);
    } catch {
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    }
  };
}

const codeOf = (cause: unknown): unknown =>
  cause instanceof Error && 'code' in cause ? cause.code : undefined;

/** @returns whether it listens; false when another program does on this port */
function listen(server: Server, host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) => {
      // A port may also be kept from this user by the system.
      if (codeOf(cause) === 'EADDRINUSE' || codeOf(cause) === 'EACCES') resolve(false);
      else reject(cause);
    };
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve(true);
    });
  });
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

/** Whether this machine speaks IPv6 to itself. */
const hasIpv6 = (): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createProbe();
    probe.once('error', () => resolve(false));
    probe.listen(0, '::1', () => probe.close(() => resolve(true)));
  });

/**
 * Serve a folder on localhost, at the first free port from the wished one on.
 * @throws NoPortError when none of the next twenty is free
 */
export async function servePage(
  folder: string,
  { port: wished, hubs = [] }: PageServerOptions,
): Promise<PageServer> {
  const listener = listenerOf(folder, hubs);
  // A browser asks whichever address `localhost` means first: another program at one of them would answer for us.
  const hosts = (await hasIpv6()) ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
  const last = Math.min(wished + attempts - 1, largestPort);
  for (let attempt = 0; attempt < attempts && wished + attempt <= last; attempt += 1) {
    const port = wished === 0 ? 0 : wished + attempt;
    const open: Server[] = [];
    let bound = port;
    for (const host of hosts) {
      const server = createServer(listener);
      if (!(await listen(server, host, bound))) break;
      open.push(server);
      const address = server.address();
      if (typeof address === 'object' && address !== null) bound = address.port;
    }
    if (open.length === hosts.length) {
      return {
        url: `http://localhost:${bound}/`,
        port: bound,
        close: async () => void (await Promise.all(open.map(closed))),
      };
    }
    await Promise.all(open.map(closed));
  }
  throw new NoPortError(`No port from ${wished} to ${last} is free on this machine. Name another by --port.`);
}
