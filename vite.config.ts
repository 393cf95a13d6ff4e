import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import react from '@vitejs/plugin-react';
import { defaultClientConditions, defaultServerConditions, type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { precache } from './scripts/precache.ts';
import { licencesFile, noteWorkerPackages, workerLicences } from './scripts/workerLicences.ts';

/** Cross-origin isolation gives the page SharedArrayBuffer, and so WASM threads. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
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
  plugins: [react(), models, precache, workerLicences],
  // In this repository the library is its sources.
  resolve: { conditions: ['patchbay-source', ...defaultClientConditions] },
  ssr: { resolve: { conditions: ['patchbay-source', ...defaultServerConditions] } },
  server: { headers: isolation },
  preview: { headers: isolation },
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
