// Puts the declarations of the library together, from what tsc has written for every module: those that the library's own
// name, with the names of files as an installation has them. valibot's come with them, because the types of schemas are made
// of them; so a consumer's compiler reads no sources and needs no other package.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const written = join(root, '.cache/declarations');
const target = join(root, 'dist/types');

/** What a module may name besides its neighbours. */
const packages = {
  '#platform': 'library/browserPlatform.d.ts',
  valibot: 'valibot.d.ts',
};

/** `from './a.ts'`, `import('./a.ts')` */
const named = /(?<=\bfrom\s+['"]|\bimport\(\s*['"])[^'"]+(?=['"])/g;

const pending = ['library/patchbay.d.ts'];
const taken = new Set(pending);

function place(module, name) {
  const path = name.startsWith('.')
    ? join(dirname(module), name.replace(/\.ts$/, '.d.ts'))
    : Object.hasOwn(packages, name)
      ? packages[name]
      : undefined;
  if (path === undefined) {
    throw new Error(
      `The declarations of ${module} name the package '${name}', which an installation does not have.`,
    );
  }
  if (!taken.has(path)) {
    taken.add(path);
    if (path !== packages.valibot) pending.push(path);
  }
  const from = relative(dirname(module), path)
    .replaceAll('\\', '/')
    .replace(/\.d\.ts$/, '.js');
  return from.startsWith('.') ? from : `./${from}`;
}

rmSync(target, { recursive: true, force: true });
for (let module = pending.pop(); module !== undefined; module = pending.pop()) {
  const text = readFileSync(join(written, module), 'utf8').replace(named, (name) => place(module, name));
  const path = join(target, module);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
copyFileSync(join(root, 'node_modules/valibot/dist/index.d.mts'), join(target, packages.valibot));
copyFileSync(join(root, 'node_modules/valibot/LICENSE.md'), join(target, 'valibot.LICENSE.md'));
