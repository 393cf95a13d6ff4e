// Builds the library, for browsers and for Node: `npm run build:library`.

import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { defaultClientConditions, defaultServerConditions, defineConfig } from 'vite';

const isNode = process.env.PATCHBAY_LIBRARY === 'node';
const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const outside = [
  ...Object.keys(dependencies),
  ...builtinModules,
  ...builtinModules.map((name) => `node:${name}`),
];

export default defineConfig({
  base: './',
  publicDir: false,
  resolve: {
    conditions: ['patchbay-source', ...(isNode ? defaultServerConditions : defaultClientConditions)],
  },
  ssr: { resolve: { conditions: ['patchbay-source', ...defaultServerConditions] } },
  build: {
    target: 'es2022',
    ssr: isNode,
    outDir: `dist/library/${isNode ? 'node' : 'browser'}`,
    // A browser's bundle brings the runtime's own files with it, as files.
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: 'src/library/patchbay.ts',
      preserveEntrySignatures: 'strict',
      output: {
        entryFileNames: 'patchbay.js',
        chunkFileNames: '[name].js',
        assetFileNames: '[name][extname]',
      },
      external: (name) =>
        outside.some((each) => name === each || name.startsWith(`${each}/`)) && !name.includes('?url'),
    },
  },
});
