// Runs cases and experiments in Chromium, for the backends that only a browser has: a Vite server hands out the harness and the folders,
// Playwright drives the page.

import { createReadStream, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from '@playwright/test';
import type { Connect } from 'vite';
import type { AnyExperiment, AnyResult } from '../../experiments/kind.ts';
import type { CaseResult } from '../conformance/cases.ts';
import type { Tolerance } from '../conformance/compare.ts';
import { isCheckout } from '../installation.ts';
import type { BrowserBackend, Exercise, ExerciseResult, HarnessReport, Tutorials } from './harness.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A software adapter is right, only slow; without the flags Chromium offers none on a machine without a GPU. */
const launchArguments = ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Serve folders of the disk under `/mounted/N/`, byte ranges included. */
function serveFolders(folders: readonly string[]): Connect.NextHandleFunction {
  return (request, response, next) => {
    const match = /^\/mounted\/(\d+)\/([^?]*)/.exec(request.url ?? '');
    const folder = match ? folders[Number(match[1])] : undefined;
    if (!match || folder === undefined) return next();
    const path = normalize(join(folder, decodeURIComponent(match[2] ?? '')));
    const refuse = () => {
      response.statusCode = 404;
      response.end();
    };
    const isWithin = path === normalize(folder) || path.startsWith(join(folder, '/'));
    if (!isWithin) return refuse();
    void stat(path).then((found) => {
      if (!found.isFile()) return refuse();
      const { size } = found;
      const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
      const from = range ? Number(range[1]) : 0;
      const to = range?.[2] ? Math.min(Number(range[2]), size - 1) : size - 1;
      response.statusCode = range ? 206 : 200;
      response.setHeader('Accept-Ranges', 'bytes');
      response.setHeader('Content-Length', to - from + 1);
      response.setHeader('Content-Type', 'application/octet-stream');
      if (range) response.setHeader('Content-Range', `bytes ${from}-${to}/${size}`);
      if (size === 0 || request.method === 'HEAD') response.end();
      else createReadStream(path, { start: from, end: to }).on('error', refuse).pipe(response);
    }, refuse);
  };
}

export interface BrowserSession {
  /** The URL under which a mounted folder or file is served; that of a folder ends with a slash. */
  urlOf(path: number): string;
  conform(
    request: {
      readonly backend: BrowserBackend;
      readonly label: string;
      readonly reference: number;
      readonly model: number;
      readonly kind?: string;
      readonly tolerance?: Tolerance;
    },
    onCase: (result: CaseResult) => void,
  ): Promise<void>;
  /** @throws the signal's reason when it is aborted; results that were handed over stay good */
  run(
    request: {
      readonly backend: BrowserBackend;
      readonly label: string;
      readonly model: number;
      readonly experiment: AnyExperiment;
      readonly earlier?: AnyResult;
    },
    watch: {
      readonly signal: AbortSignal;
      /** The model is there, and the experiment begins. */
      readonly onLoaded?: () => void;
      readonly onProgress: (done: number, total: number) => void;
      readonly onResult: (result: AnyResult) => void;
    },
  ): Promise<void>;
  exercise(request: Exercise): Promise<ExerciseResult>;
  /** What the WebGPU backend says to a graph with this operator, and null when it takes it. */
  refusal(operator: string): Promise<string | null>;
  /** What every operator of src/onnx gives on WebGPU, by its name in the code. */
  operators(): Promise<Readonly<Record<string, readonly number[]>>>;
  /** What a read says after the GPU has met an error that nothing waited for, and what the next one gives. */
  afterFault(): Promise<{ readonly complaint: string; readonly next: readonly number[] }>;
  /** The library's examples on a mounted model: probabilities of the words. */
  tutorials(model: number, backend: BrowserBackend, words: readonly string[]): Promise<Tutorials>;
  close(): Promise<void>;
}

/** A folder that is served, and the one file of it that is meant; empty for the whole folder. */
interface Mount {
  readonly folder: string;
  readonly file: string;
}

/** What is served for a path: a folder, or the folder of a file and the file's name in it. */
function mountOf(path: string): Mount {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  return isFile ? { folder: dirname(path), file: basename(path) } : { folder: path, file: '' };
}

/**
 * Open the harness in Chromium with these folders and files mounted.
 * @throws Error with a remedy when no Chromium is installed
 */
export async function openBrowser(paths: readonly string[]): Promise<BrowserSession> {
  if (!isCheckout) {
    throw new Error(
      'An installed Patchbay has no browser to drive. Choose --backend node or wasm here, or run on the GPU in the page itself: patchbay serve.',
    );
  }
  const { createServer } = await import('vite');
  const { chromium } = await import('@playwright/test');
  const { chromiumExecutable } = await import('../../../scripts/chromium.mjs');
  const executablePath = chromiumExecutable();
  if (!executablePath) {
    throw new Error(
      'This backend runs in Chromium, and none was found. Install it (Debian: apt-get install chromium) or set PATCHBAY_CHROMIUM.',
    );
  }
  const mounts = paths.map(mountOf);
  const folders = mounts.map(({ folder }) => folder);
  const server = await createServer({
    root,
    configFile: `${root}vite.config.ts`,
    logLevel: 'error',
    server: { port: 0, strictPort: false, hmr: false, watch: null },
    cacheDir: `${root}.cache/harness`,
    plugins: [
      {
        name: 'mounted-folders',
        configureServer: ({ middlewares }) => void middlewares.use(serveFolders(folders)),
      },
    ],
  });
  await server.listen();
  const address = server.httpServer?.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const origin = `http://localhost:${port}`;
  const browser = await chromium
    // Playwright's own handlers would end this process before an interrupted experiment is written.
    .launch({
      executablePath,
      args: launchArguments,
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    })
    .catch(async (cause: unknown) => {
      await server.close();
      throw cause;
    });
  const close = async () => {
    await browser.close();
    await server.close();
  };
  try {
    return await openHarness(browser, origin, mounts, close);
  } catch (cause) {
    // An open server would keep this process alive after the error.
    await close();
    throw cause;
  }
}

async function openHarness(
  browser: Browser,
  origin: string,
  mounts: readonly Mount[],
  close: () => Promise<void>,
): Promise<BrowserSession> {
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  let onReport: (report: HarnessReport) => void = () => undefined;
  // What the page reports is what the same code yields here: both sides share its types.
  await page.exposeFunction('report', (report: HarnessReport) => onReport(report));
  await page.goto(`${origin}/src/cli/browser/harness.html`);
  await page
    .waitForFunction(() => 'conform' in window, undefined, { timeout: 60_000 })
    .catch((cause: unknown) => {
      throw new Error(`The harness did not start: ${errors.join('; ') || String(cause)}`);
    });
  const urlOf = (path: number) => `${origin}/mounted/${path}/${encodeURIComponent(mounts[path]?.file ?? '')}`;
  return {
    urlOf,
    async conform({ reference, model, ...request }, report) {
      onReport = (each) => each.kind === 'case' && report(each.result);
      await page.evaluate((r) => window.conform(r), {
        ...request,
        referenceUrl: urlOf(reference),
        modelUrl: urlOf(model),
      });
    },
    async run({ model, ...request }, { signal, onLoaded, onProgress, onResult }) {
      onReport = (report) => {
        if (report.kind === 'loaded') onLoaded?.();
        if (report.kind === 'progress') onProgress(report.done, report.total);
        if (report.kind === 'result') onResult(report.result);
      };
      const stop = () => void page.evaluate(() => window.stop());
      signal.addEventListener('abort', stop);
      try {
        await page.evaluate((r) => window.run(r), { ...request, modelUrl: urlOf(model) });
      } finally {
        signal.removeEventListener('abort', stop);
      }
      signal.throwIfAborted();
    },
    exercise: (request) => page.evaluate((r) => window.exercise(r), request),
    refusal: (operator) => page.evaluate((name) => window.refusal(name), operator),
    operators: () => page.evaluate(() => window.operators()),
    afterFault: () => page.evaluate(() => window.afterFault()),
    tutorials: (model, backend, words) =>
      page.evaluate((call) => window.tutorials(...call), [urlOf(model), backend, words] as const),
    close,
  };
}
