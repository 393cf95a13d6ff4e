// A module: a few weights and what is computed with them. Family files are put together from modules, so that what a
// weight is called in the checkpoint stands beside what is done with it. Two blocks of a family ask for the same names
// of graph inputs, filled from other tensors, and so are the same graph.

import type { Value } from '../onnx/value.ts';
import type { BlockScope, GraphPart, PartScope, WeightSource } from './architecture.ts';

export interface Weighted {
  /** By the name of the graph input. */
  readonly weights: Readonly<Record<string, WeightSource>>;
}

export interface Module<Scope extends PartScope = PartScope> extends Weighted {
  readonly apply: (scope: Scope, x: Value) => Value;
}

/** A module that looks at other positions, so that it stands in a block. */
export type BlockModule = Module<BlockScope>;

/** Where a module stands: the name of its graph inputs, and its path in the checkpoint. */
export interface Place {
  readonly name: string;
  readonly path: string;
}

/** Places of the modules below a path: `placesUnder('model.layers.3')('mlp.up_proj')`. An empty path is the top. */
export const placesUnder =
  (path: string) =>
  (name: string): Place => ({ name, path: path === '' ? name : `${path}.${name}` });

/** The prefix under which a checkpoint holds its tensors: the first of `prefixes` that leads to one, else the first. */
export function prefixOf(names: ReadonlySet<string>, tensor: string, prefixes: readonly string[]): string {
  return prefixes.find((prefix) => names.has(`${prefix}${tensor}`)) ?? prefixes[0] ?? '';
}

/** A graph part made of modules. Parts of one family with the same key must be the same graph. */
export function part<Scope extends PartScope>(
  key: string,
  modules: readonly Weighted[],
  build: (scope: Scope) => Value,
): GraphPart<Scope> {
  return { key, weights: Object.assign({}, ...modules.map(({ weights }) => weights)), build };
}
