// Nodes under other names. What a subgraph computes itself keeps its own names.

import { capturesOf, type OnnxGraph, type OnnxNode } from './onnxFile.ts';

export type Naming = (name: string) => string;

function renamedGraph(graph: OnnxGraph, naming: Naming): OnnxGraph {
  const captured = new Set(capturesOf(graph));
  const within: Naming = (name) => (captured.has(name) ? naming(name) : name);
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renamedNode(node, within)),
    outputs: graph.outputs.map((info) => ({ ...info, name: within(info.name) })),
  };
}

/** The node with every name that it reads or makes given by `naming`; an absent name stays absent. */
export function renamedNode(node: OnnxNode, naming: Naming): OnnxNode {
  const rename: Naming = (name) => (name === '' ? '' : naming(name));
  const attributes = new Map(
    [...node.attributes].map(([key, attribute]) => [
      key,
      attribute.graphs.length === 0
        ? attribute
        : { ...attribute, graphs: attribute.graphs.map((graph) => renamedGraph(graph, rename)) },
    ]),
  );
  return { ...node, attributes, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
}
