// Every stage of a model run once on the GPU and once on WebAssembly, with the inputs that the model was tried with: where each
// runs from then on, and what keeps it off the GPU.

import { declaredShape } from './editNodes.ts';
import type { GpuStages, Placement } from './gpuStages.ts';
import { type NormalGraph, nodesNeeded, type Piece } from './piece.ts';
import type { Probe } from './probe.ts';
import type { NamedTensors } from './runtime.ts';
import type { Sites } from './schedule.ts';
import type { Tensor } from './tensor.ts';

/** A stage of a model, and where it runs. */
export interface PlacedStage {
  readonly stage: number;
  /** Tensors that it begins with; none: the model's inputs. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly nodes: number;
  readonly placement: Placement;
}

export async function tryStages(
  stages: GpuStages,
  sites: Sites,
  { inputs, tensors, dependent }: Probe,
  graph: NormalGraph,
  signal: AbortSignal | undefined,
): Promise<readonly PlacedStage[]> {
  const placed: PlacedStage[] = [];
  let states: NamedTensors = {};
  for (const [stage, { given, next }] of sites.stages.entries()) {
    signal?.throwIfAborted();
    const outputs = next.filter((name) => dependent.has(name) && !given.includes(name));
    if (outputs.length === 0) continue;
    const handed = given.flatMap((name) => {
      const facts = tensors.get(name);
      return facts ? [{ name, dtype: facts.dtype, shape: declaredShape(facts) }] : [];
    });
    const nodes = nodesNeeded(graph.nodes, outputs, new Set(given));
    const piece: Piece = { nodes, inputs: [...graph.inputs, ...handed], outputs };
    const of = { stage, given, edits: '' };
    const { placement, computed } = await stages.try(graph, piece, of, { ...inputs, ...states });
    placed.push({ stage, from: given, to: outputs, nodes: nodes.length, placement });
    const all = { ...states, ...computed };
    states = Object.fromEntries(
      next.flatMap((name): readonly (readonly [string, Tensor])[] => {
        const state = all[name];
        return state ? [[name, state]] : [];
      }),
    );
  }
  return placed;
}
