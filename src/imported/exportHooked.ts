// The model itself, written out again with hooks: each site is an output, and can be overridden through two inputs. What comes
// out is an ONNX file like any other, for whichever runtime.

import { quoted } from '../messages/wording.ts';
import { declaredShape } from './editNodes.ts';
import { plainNode } from './formulaNodes.ts';
import type { OnnxNode } from './onnxFile.ts';
import { readsOf } from './onnxFile.ts';
import type { NormalGraph } from './piece.ts';
import { SiteError } from './plan.ts';
import type { TensorFacts } from './probe.ts';
import type { Tensor } from './tensor.ts';
import { type WeightStore, weightsOfNode } from './weightStore.ts';
import { type WrittenValue, writeOnnx } from './writeOnnx.ts';

/** Protocol buffers end at two gigabytes. */
const largestFile = 2 ** 31 - 2 ** 24;

export const siteValue = (site: string): string => `${site}.value`;
export const siteMask = (site: string): string => `${site}.mask`;

/**
 * Write a model in which each of some tensors is an output of its own name, and is replaced by the input `NAME.value` where the
 * input `NAME.mask` is true. Both broadcast: a mask `false` of size one along every axis leaves the tensor as it is.
 *
 * @param sites tensors of the graph
 * @throws SiteError when the weights do not fit into one file, or a name is taken
 */
export async function exportHooked(
  graph: NormalGraph,
  store: WeightStore,
  sites: readonly { readonly name: string; readonly facts: TensorFacts }[],
): Promise<Uint8Array> {
  const bySite = new Map(sites.map((site) => [site.name, site]));
  const taken = new Set([
    ...graph.inputs.map(({ name }) => name),
    ...graph.weights.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs),
  ]);
  const inputs: WrittenValue[] = [...graph.inputs];
  for (const { name, facts } of sites) {
    const clash = [siteValue(name), siteMask(name)].find((own) => taken.has(own));
    if (clash !== undefined) throw new SiteError(`The model has a tensor ${quoted(clash)} already.`);
    const shape = declaredShape(facts).map(() => undefined);
    inputs.push(
      { name: siteValue(name), dtype: facts.dtype, shape },
      { name: siteMask(name), dtype: 'bool', shape },
    );
  }
  const computed = (name: string): string => `${name}.computed`;
  const nodes = graph.nodes.flatMap((node): readonly OnnxNode[] => {
    const own = node.outputs.filter((name) => bySite.has(name));
    if (own.length === 0) return [node];
    const renamed = {
      ...node,
      outputs: node.outputs.map((name) => (bySite.has(name) ? computed(name) : name)),
    };
    return [
      renamed,
      ...own.map((name) => plainNode('Where', [siteMask(name), siteValue(name), computed(name)], name)),
    ];
  });
  const weights = new Map<string, Tensor>();
  const read = new Set([...nodes.flatMap(readsOf), ...graph.outputs]);
  let bytes = 0;
  for (const [name, weight] of graph.weights) {
    if (!read.has(name)) continue;
    const tensor = await store.load(weight);
    bytes += tensor.data.byteLength;
    if (bytes > largestFile)
      throw new SiteError('The weights have more than 2 GB, the most that one ONNX file holds.');
    weights.set(name, tensor);
  }
  for (const node of nodes) for (const [, weight] of weightsOfNode(node)) await store.load(weight);
  const outputs = [...new Set([...graph.outputs, ...bySite.keys()])];
  return writeOnnx(
    {
      irVersion: graph.irVersion,
      opsets: graph.opsets,
      nodes,
      inputs,
      outputs: outputs.map((name) => ({ name })),
      weights,
    },
    (weight) => store.loaded(weight),
  );
}
