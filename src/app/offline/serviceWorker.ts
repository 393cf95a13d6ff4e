// Lets the page open and work without a network once it has been there. What the network gives always comes first, but for
// files that are named after their content: those cannot be stale, and are answered from what is kept. A new build keeps
// its files in a cache of its own while the old one still serves its tabs, and deletes the others when it takes over.
// Kept models (src/checkpoint/modelCache.ts) lie in other caches of the same storage, which nothing here touches.
//
// A page that its host does not serve cross-origin isolated becomes so from the second visit on, because the headers are
// added here: without them there is no shared memory, and WASM runs on one thread.

/** What the build put together; scripts/precache.ts writes it in place of this name. Addresses relative to this script. */
declare const __PRECACHE__: {
  /** Of everything in this list and of this script. */
  readonly digest: string;
  /** Files named after their content. */
  readonly named: readonly string[];
  /** The same, but large and not for every browser: kept when a page says that it needs them. */
  readonly asked: readonly string[];
  /** All other files, with the SHA-256 digest of their content. */
  readonly others: Readonly<Record<string, string>>;
};

interface WorkerEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface WorkerFetchEvent extends WorkerEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface WorkerMessageEvent extends WorkerEvent {
  readonly data: unknown;
  readonly ports: readonly MessagePort[];
}
interface WorkerScope {
  readonly registration: { readonly scope: string };
  addEventListener(type: 'install' | 'activate', listener: (event: WorkerEvent) => void): void;
  addEventListener(type: 'message', listener: (event: WorkerMessageEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: WorkerFetchEvent) => void): void;
}
// The compiler knows the globals of a page; those of a service worker are another library that contradicts them.
const worker = globalThis as unknown as WorkerScope;

const list = __PRECACHE__;
const { scope } = worker.registration;
const addressOf = (path: string): string => new URL(path, scope).href;
const named = new Set([...list.named, ...list.asked].map(addressOf));
const asked = new Set(list.asked.map(addressOf));

/** Another copy of the page on this host has another scope, and so other caches. */
const ownPrefix = `patchbay page ${scope} `;
const ownName = `${ownPrefix}${list.digest}`;
const otherNames = async (): Promise<readonly string[]> =>
  (await caches.keys()).filter((name) => name.startsWith(ownPrefix) && name !== ownName);

async function fetched(address: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(address, init);
  if (!response.ok) throw new Error(`${address} cannot be kept: the server answered ${response.status}.`);
  return response;
}

async function keepNamed(address: string): Promise<void> {
  const cache = await caches.open(ownName);
  if (!(await cache.match(address)))
    await cache.put(address, (await caches.match(address)) ?? (await fetched(address)));
}

/** A file whose name says nothing of its content may already be that of a newer build; then this one is over. */
async function keepOther(path: string, digest: string): Promise<void> {
  const response = await fetched(addressOf(path), { cache: 'no-cache' });
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.clone().arrayBuffer()));
  const found = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== digest)
    throw new Error(`'${path}' is not the one of this build. The next visit tries again.`);
  await (await caches.open(ownName)).put(addressOf(path), response);
}

/** `assets/ort-Dc_Hr-bl.wasm` to `assets/ort.wasm` */
const withoutDigest = (address: string): string => address.replace(/-[\w-]{8}(\.\w+)$/, '$1');

/** Files that an earlier build was asked to keep, as they are called now: the next visit may have no network. */
async function askedBefore(): Promise<readonly string[]> {
  const before = new Set<string>();
  for (const name of await otherNames()) {
    for (const { url } of await (await caches.open(name)).keys()) before.add(withoutDigest(url));
  }
  return [...asked].filter((address) => before.has(withoutDigest(address)));
}

async function keepAll(): Promise<void> {
  try {
    for (const address of [...list.named.map(addressOf), ...(await askedBefore())]) await keepNamed(address);
    for (const [path, digest] of Object.entries(list.others)) await keepOther(path, digest);
  } catch (cause) {
    await caches.delete(ownName);
    throw cause;
  }
}

/** Pages and workers need these to share memory between threads; what the host sends itself stays as it is. */
function isolated(request: Request, response: Response): Response {
  const needsIt = request.mode === 'navigate' || request.destination === 'worker';
  const { status, statusText } = response;
  const hasBody = response.type !== 'opaqueredirect' && status !== 304;
  if (!needsIt || !hasBody || response.headers.has('Cross-Origin-Embedder-Policy')) return response;
  const headers = new Headers(response.headers);
  headers.set('Cross-Origin-Embedder-Policy', 'require-corp');
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  return new Response(response.body, { status, statusText, headers });
}

async function answer(request: Request): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  const address = `${origin}${pathname}`.replace(/\/index\.html$/, '/');
  const kept = async () => (await caches.open(ownName)).match(address, { ignoreVary: true });
  if (named.has(address)) return (await kept()) ?? fetch(request);
  const isPage = request.mode === 'navigate';
  let refusal: unknown;
  try {
    // The copies between here and the host may be older than the files that the page names.
    const response = await fetch(request, isPage ? { cache: 'no-cache' } : {});
    if (response.status < 500) return response;
    refusal = response;
  } catch (cause) {
    refusal = cause;
  }
  // A range is answered by the whole, as servers may; src/checkpoint/http.ts takes both.
  const found = await kept();
  if (found) return found;
  if (refusal instanceof Response) return refusal;
  // What the build does not hold is not there: the page asks for some files of a model to see whether they exist.
  if (!isPage) return new Response(null, { status: 404 });
  throw refusal;
}

worker.addEventListener('install', (event) => event.waitUntil(keepAll()));

worker.addEventListener('activate', (event) => {
  event.waitUntil(otherNames().then((names) => Promise.all(names.map((name) => caches.delete(name)))));
});

/** A page names files that it needs besides, and hears whether they are kept. */
worker.addEventListener('message', (event) => {
  const { data, ports } = event;
  const wanted = Array.isArray(data) ? data.filter((address) => asked.has(address)) : [];
  const tell = (isKept: boolean) => ports[0]?.postMessage(isKept);
  event.waitUntil(
    Promise.all(wanted.map(keepNamed)).then(
      () => tell(true),
      () => tell(false),
    ),
  );
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(scope)) return;
  event.respondWith(answer(request).then((response) => isolated(request, response)));
});
