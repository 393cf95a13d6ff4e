// Which weights of a model may wait in float16, and the graph of a part that is given them so. They are those that the layers
// multiply by, and do nothing else with. The embedding and the head stay in float32, so that the logits of a state are as exact
// as ever: a sweep computes them for a few positions of a row, and float16 would keep three digits of them.

import { type Architecture, allParts, type WeightSource } from '../../architectures/architecture.ts';
import type { Graph } from '../../onnx/graph.ts';
import { halved, multipliedInputs } from '../../onnx/halved.ts';
import { partAt, stacksOf } from '../plan/stacks.ts';
import { headStage } from '../plan/stage.ts';
import { variantGraph } from './variant.ts';

type Weights = Readonly<Record<string, WeightSource>>;

/** The layers' parts, each with the names of its weights that its graph multiplies by. */
function multipliedOf(architecture: Architecture) {
  const byKey = new Map<string, Set<string>>();
  const parts: { readonly weights: Weights; readonly names: Set<string> }[] = [];
  for (const { name: stack } of stacksOf(architecture)) {
    for (let stage = 0; stage < headStage(architecture); stage++) {
      const placed = partAt(architecture, { stack, stage });
      if (placed?.kind !== 'block') continue;
      const { key, weights, hasReach } = placed.part;
      const known = byKey.get(key);
      const names = known ?? multiplied(architecture, { stack, stage }, hasReach);
      byKey.set(key, names);
      parts.push({ weights, names });
    }
  }
  return parts;
}

function multiplied(
  architecture: Architecture,
  at: Parameters<typeof variantGraph>[1],
  hasReach: true | undefined,
): Set<string> {
  const built = variantGraph(architecture, at, {
    edits: [],
    taps: [],
    hasPast: false,
    keepsPresent: true,
    keepsHidden: true,
    ...(hasReach ? { reach: 2 } : {}),
  });
  return new Set(multipliedInputs(built, (name) => name.startsWith('weight.')));
}

const tensorOf = (weights: Weights, input: string): string | undefined => {
  const source = weights[input.slice('weight.'.length)];
  return source?.kind === 'tensor' ? source.tensor : undefined;
};

/** Tensors of the checkpoint. What one part multiplies by and another reads otherwise, such as a tied table, is not among them. */
export function halfTensors(architecture: Architecture): ReadonlySet<string> {
  const parts = multipliedOf(architecture);
  const layers = new Set(parts.map(({ weights }) => weights));
  const tensorsIn = (weights: Weights) =>
    Object.keys(weights).flatMap((name) => {
      const tensor = tensorOf(weights, `weight.${name}`);
      return tensor === undefined ? [] : [{ name: `weight.${name}`, tensor }];
    });
  const elsewhere = allParts(architecture).filter(({ weights }) => !layers.has(weights));
  const full = new Set(elsewhere.flatMap(({ weights }) => tensorsIn(weights).map(({ tensor }) => tensor)));
  // Parts of one key are one graph: what one of them cannot have in float16, none of them has.
  for (let isSettled = false; !isSettled; ) {
    isSettled = true;
    for (const { weights, names } of parts) {
      for (const { name, tensor } of tensorsIn(weights)) {
        if (names.has(name) !== full.has(tensor)) continue;
        isSettled = false;
        names.delete(name);
        full.add(tensor);
      }
    }
  }
  return new Set(
    parts.flatMap(({ weights }) =>
      tensorsIn(weights).flatMap(({ tensor }) => (full.has(tensor) ? [] : [tensor])),
    ),
  );
}

/** The graph of a part as it is given its weights. @param half tensors that wait in float16 */
export function halvedPart(built: Graph, weights: Weights, half: ReadonlySet<string>): Graph {
  if (half.size === 0) return built;
  const given = [...built.inputs.keys()].filter((name) => half.has(tensorOf(weights, name) ?? ''));
  return given.length === 0 ? built : halved(built, new Set(given));
}
