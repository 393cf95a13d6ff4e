import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defaultClientConditions, defaultServerConditions, type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { precache } from './scripts/precache.ts';
import { licencesFile, noteWorkerPackages, workerLicences } from './scripts/workerLicences.ts';
import { pageHeaders, pagePolicy, policyText } from './src/cli/serve/policy.ts';

/** Cross-origin isolation gives the page SharedArrayBuffer, and so WASM threads. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/**
 * The page's policy: in a meta element for hosts that send no headers, and as headers of `vite preview`. In development Vite
 * puts scripts of its own into the page.
 */
const policy: Plugin = {
  name: 'policy',
  apply: (_, { command, isPreview }) => command === 'build' || isPreview === true,
  transformIndexHtml: () => [
    {
      tag: 'meta',
      attrs: { 'http-equiv': 'Content-Security-Policy', content: policyText(pagePolicy) },
      injectTo: 'head-prepend',
    },
  ],
  configurePreviewServer: ({ middlewares }) =>
    void middlewares.use(({ url = '/' }, response, next) => {
      const [path = '/'] = url.split('?', 1);
      for (const [name, value] of Object.entries(pageHeaders(path))) response.setHeader(name, value);
      next();
    }),
};

/** The embedded model and the catalogue lie in `models/`, which Vite serves in development as it lies; a build takes them along. */
const models: Plugin = {
  name: 'models',
  apply: 'build',
  buildStart() {
    const files = existsSync('models') ? readdirSync('models', { recursive: true, encoding: 'utf8' }) : [];
    for (const path of files.filter((path) => !/(^|\/)(train|evaluat[^/]*)(\/|$)/.test(path))) {
      if (!statSync(`models/${path}`).isFile()) continue;
      this.emitFile({ type: 'asset', fileName: `models/${path}`, source: readFileSync(`models/${path}`) });
    }
  },
};

export default defineConfig({
  base: './',
  plugins: [react(), models, precache, workerLicences, policy],
  // In this repository the library is its sources.
  resolve: {
    conditions: ['patchbay-source', ...defaultClientConditions],
    alias: {
      'react-style-singleton': fileURLToPath(new URL('src/app/frame/styleSingleton.ts', import.meta.url)),
    },
  },
  ssr: { resolve: { conditions: ['patchbay-source', ...defaultServerConditions] } },
  server: { headers: isolation },
  worker: { format: 'es', plugins: () => [noteWorkerPackages] },
  build: { target: 'es2022', outDir: 'dist/page', license: { fileName: licencesFile } },
  test: {
    include: ['{src,scripts,models}/**/*.test.{ts,tsx}'],
    environment: 'node',
    // Tests end when they are done, on whatever machine this is.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
