// Which file of src imports which, as the layering test asks it: type-only imports too, since a type that crosses a border
// is a dependency as well.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export const root = join(import.meta.dirname, '..', 'src');

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesIn(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

/** Every source file, relative to src, with the files of src that it imports. */
export function readImports(): ReadonlyMap<string, readonly string[]> {
  const files = filesIn(root);
  const known = new Set(files);
  return new Map(
    files.map((path) => {
      const text = readFileSync(path, 'utf8');
      const targets = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)]
        .map((match) => join(path, '..', match[1] ?? ''))
        .filter((target) => known.has(target));
      return [relative(root, path), targets.map((target) => relative(root, target))];
    }),
  );
}

/** One circle of a graph, as a way that ends where it began; undefined where there is none. */
export function circleOf(graph: ReadonlyMap<string, Iterable<string>>): readonly string[] | undefined {
  const done = new Set<string>();
  function from(node: string, way: readonly string[]): readonly string[] | undefined {
    const before = way.indexOf(node);
    if (before >= 0) return [...way.slice(before), node];
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const found = from(next, [...way, node]);
      if (found) return found;
    }
    done.add(node);
    return undefined;
  }
  for (const node of graph.keys()) {
    const found = from(node, []);
    if (found) return found;
  }
  return undefined;
}

export interface Meeting {
  /** The two folders, side by side in one folder. */
  readonly from: string;
  readonly to: string;
  readonly file: string;
  readonly target: string;
}

/** Imports between folders that stand side by side, below the floors: of `runtime/forward` from `runtime/plan`. */
export function meetings(imports: ReadonlyMap<string, readonly string[]>): readonly Meeting[] {
  return [...imports].flatMap(([file, targets]) =>
    targets.flatMap((target): readonly Meeting[] => {
      const [own, other] = [dirname(file).split('/'), dirname(target).split('/')];
      const apart = own.findIndex((name, at) => name !== other[at]);
      // Files of a folder itself carry the folders in it, or are carried by them.
      if (apart < 1 || other[apart] === undefined) return [];
      return [
        {
          from: own.slice(0, apart + 1).join('/'),
          to: other.slice(0, apart + 1).join('/'),
          file,
          target,
        },
      ];
    }),
  );
}
