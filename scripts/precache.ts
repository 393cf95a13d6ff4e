// Tells the service worker which files the build is made of, so that it can keep them. Files under assets/ carry a digest
// of their content in their names; of the others the digest is put beside the name.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

const source = 'src/app/offline/serviceWorker.ts';
const script = 'serviceWorker.js';

const digestOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Of ORT's programs, which are most of the bytes, a browser needs one. */
const isAsked = (path: string): boolean => path.endsWith('.wasm');

/** For people who read the folder, not for the page. */
const isForReaders = (path: string): boolean => /\.(md|map)$/.test(path);

export const precache: Plugin = {
  name: 'precache',
  apply: 'build',
  enforce: 'post',
  buildStart() {
    this.emitFile({ type: 'chunk', id: source, fileName: script });
  },
  generateBundle: {
    // After the files of the engine's worker and the page itself have been put in.
    order: 'post',
    handler(_, bundle) {
      const worker = bundle[script];
      if (worker?.type !== 'chunk') throw new Error(`The build holds no ${script}.`);
      const contents = new Map<string, string | Uint8Array>();
      for (const [path, file] of Object.entries(bundle)) {
        if (path !== script) contents.set(path, file.type === 'chunk' ? file.code : file.source);
      }
      for (const path of existsSync('public') ? readdirSync('public') : []) {
        contents.set(path, readFileSync(`public/${path}`));
      }
      const paths = [...contents.keys()].filter((path) => !isForReaders(path)).sort();
      const named = paths.filter((path) => path.startsWith('assets/'));
      const others = paths
        .filter((path) => !path.startsWith('assets/'))
        // The address of the page is its folder: some hosts redirect from the name of the file.
        .map((path) => [path === 'index.html' ? './' : path, digestOf(contents.get(path) ?? '')]);
      const list = {
        named: named.filter((path) => !isAsked(path)),
        asked: named.filter(isAsked),
        others: Object.fromEntries(others),
      };
      const digest = digestOf(JSON.stringify(list) + worker.code).slice(0, 16);
      const name = '__PRECACHE__';
      if (!worker.code.includes(name)) throw new Error(`${script} has no place for the list of files.`);
      worker.code = worker.code.replace(name, () => JSON.stringify({ digest, ...list }));
    },
  },
};
