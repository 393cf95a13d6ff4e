// What the page and its workers may run and whom they may ask: the Content-Security-Policy of a host, word for word. A text
// from outside (a token, a name of a file, a link, an answer of the Hub) that became markup after all could then run
// nothing and send nothing.
//
// The page itself asks its own host alone. Models are fetched by the engine's worker, which has the policy that its script
// is served with: the Hub, the hosts that the Hub sends its files from, this machine, and what was named to the server.

export type Policy = Readonly<Record<string, readonly string[]>>;

/** The Hub, and its stores of large files. */
const hubHosts = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'];

/** Somebody's own mirror on the same machine. */
const ownMachine = ['http://localhost:*', 'http://127.0.0.1:*'];

const self = "'self'";
const none = "'none'";

const nothingElse: Policy = {
  'default-src': [none],
  'base-uri': [none],
  'form-action': [none],
};

/** Of the page. Without inline scripts and styles, and without eval. */
export const pagePolicy: Policy = {
  ...nothingElse,
  'script-src': [self],
  'style-src': [self],
  'img-src': [self, 'data:', 'blob:'],
  'connect-src': [self, 'blob:'],
  'worker-src': [self],
};

/** Of a worker: it compiles onnxruntime's program, which is WASM, and reads models. */
export const workerPolicy = (hubs: readonly string[] = []): Policy => ({
  ...nothingElse,
  'script-src': [self, "'wasm-unsafe-eval'"],
  'connect-src': [self, 'blob:', ...hubHosts, ...ownMachine, ...hubs],
  'worker-src': [self],
});

/** As a header or a meta element says it. */
export const policyText = (policy: Policy): string =>
  Object.entries(policy)
    .map(([directive, sources]) => [directive, ...sources].join(' '))
    .join('; ');

/**
 * The headers of one file of the page.
 *
 * @param path of the file, as it was asked for
 * @param hubs origins of further hubs that models may be read from
 */
export function pageHeaders(path: string, hubs: readonly string[] = []): Readonly<Record<string, string>> {
  // A document cannot be a script, so each file has the policy of what it can be.
  const policy = /\.m?js$/.test(path) ? workerPolicy(hubs) : { ...pagePolicy, 'frame-ancestors': [none] };
  return {
    'Content-Security-Policy': policyText(policy),
    // These two give the page shared memory, and so WASM threads.
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  };
}
