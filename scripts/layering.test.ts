import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';

/** The floors of the house: a file may import from its own folder and from floors strictly below. */
const floor: Readonly<Record<string, number>> = {
  app: 7,
  library: 7,
  worker: 6,
  share: 6,
  cli: 6,
  experiments: 5,
  interventions: 4,
  runtime: 3,
  architectures: 2,
  autodiff: 2,
  onnx: 1,
  random: 0,
  messages: 0,
  checkpoint: 1,
  figures: 1,
};

const root = join(import.meta.dirname, '..', 'src');

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

const folderOf = (path: string): string => relative(root, path).split('/')[0] ?? '';

/** Every relative import of a file, type-only ones too: a type that crosses upwards is a dependency as well. */
function relativeImports(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map((match) =>
    join(path, '..', match[1] ?? ''),
  );
}

test('imports point downwards only', () => {
  const upward = sourceFiles(root).flatMap((path) => {
    const from = folderOf(path);
    return relativeImports(path)
      .filter((target) => target.startsWith(root))
      .filter((target) => {
        const to = folderOf(target);
        return to !== from && (floor[to] ?? 99) >= (floor[from] ?? 99);
      })
      .map((target) => `${relative(root, path)} imports ${relative(root, target)}`);
  });
  expect(upward).toEqual([]);
});

test('only the page imports React', () => {
  const outside = sourceFiles(root)
    .filter((path) => folderOf(path) !== 'app')
    .filter((path) => /from 'react(-dom)?[/']/.test(readFileSync(path, 'utf8')));
  expect(outside.map((path) => relative(root, path))).toEqual([]);
});

test('every folder of src has a floor', () => {
  const unknown = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .filter((name) => !(name in floor));
  expect(unknown).toEqual([]);
});
