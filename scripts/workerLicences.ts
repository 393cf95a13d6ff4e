// Vite writes the licences of what is built into the page, and overlooks its workers, which it builds apart: most of what the
// engine is made of. This adds those to the same file.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

export const licencesFile = 'licences.md';

/** Folders of the packages that workers hold modules of. */
const folders = new Set<string>();

/** Of the builds of workers. */
export const noteWorkerPackages: Plugin = {
  name: 'note-worker-packages',
  generateBundle() {
    for (const id of this.getModuleIds()) {
      const [folder] = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll('\\', '/')) ?? [];
      if (folder !== undefined && existsSync(join(folder, 'package.json'))) folders.add(folder);
    }
  },
};

/** In the form of Vite's own. */
function section(folder: string): { readonly title: string; readonly text: string } {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  const text = file === undefined ? '' : `\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
  return { title: `## ${name} - ${version} (${license})`, text };
}

/** Of the build of the page. */
export const workerLicences: Plugin = {
  name: 'worker-licences',
  apply: 'build',
  enforce: 'post',
  generateBundle: {
    order: 'post',
    handler(_, bundle) {
      const file = bundle[licencesFile];
      if (file?.type !== 'asset') throw new Error(`The build has no ${licencesFile}.`);
      const written = String(file.source);
      const missing = [...folders]
        .sort()
        .map(section)
        .filter(({ title }) => !written.includes(title));
      file.source = [written.trim(), ...missing.map(({ title, text }) => `${title}\n${text}`)].join('\n\n');
    },
  },
};
