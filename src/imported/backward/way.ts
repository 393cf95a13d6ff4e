// The way that a gradient takes back through a file: from the tensors that an objective is made of to those at which it is
// wanted. Only its nodes have to have rules; whatever else they read is taken from the file's own run.

import { quoted } from '../../messages/wording.ts';
import { type OnnxNode, readsOf } from '../onnxFile.ts';
import { nodeLabel } from '../order.ts';
import type { NormalGraph } from '../piece.ts';
import { SiteError } from '../plan.ts';
import { isFlat, translatorOf } from './nodeRules.ts';

export interface Way {
  /** Each after what it reads. */
  readonly nodes: readonly OnnxNode[];
  /** Tensors on it, those where it begins included. */
  readonly carries: ReadonlySet<string>;
  /** What its nodes read beside, weights left out. */
  readonly given: readonly string[];
}

export interface WayEnds {
  /** Tensors at which gradients are wanted, or that are edited by what is wanted. */
  readonly starts: ReadonlySet<string>;
  /** Tensors of the objective. */
  readonly ends: ReadonlySet<string>;
  /** Whether a tensor holds floating-point numbers. */
  readonly isFloat: (tensor: string) => boolean;
}

const quantising = /Quantize|Integer$|^QLinear|^QAttention|^QOrdered/;

const remedy = ({ op }: OnnxNode): string =>
  quantising.test(op)
    ? 'It rounds to eight bits, and a rounded number has no slope: use the file of the model in float32.'
    : 'Choose sites behind it, or an objective in front of it.';

/** @throws SiteError that names the node that has no rule */
function refuse(node: OnnxNode, from: string, ends: ReadonlySet<string>): never {
  const [end = ''] = ends;
  const op = node.domain === '' ? node.op : `${node.domain} ${node.op}`;
  throw new SiteError(
    `There is no gradient at ${quoted(from)}: the operator ${quoted(op)} (node ${nodeLabel(node)}) lies between it and ${quoted(end)}, and has no rule. ${remedy(node)}`,
  );
}

/** Tensors that some of `ends` depend on, these included. */
function leadingTo(nodes: readonly OnnxNode[], ends: ReadonlySet<string>): ReadonlySet<string> {
  const leads = new Set(ends);
  for (const node of nodes.toReversed())
    if (node.outputs.some((name) => leads.has(name))) for (const name of readsOf(node)) leads.add(name);
  return leads;
}

/**
 * @param graph at given sizes
 * @throws SiteError that names an operator without a rule between a start and an end
 */
export function findWay(graph: NormalGraph, { starts, ends, isFloat }: WayEnds): Way {
  const leads = leadingTo(graph.nodes, ends);
  /** Tensors that a start bears on, each with one that does. */
  const from = new Map([...starts].map((name) => [name, name]));
  const passed: OnnxNode[] = [];
  for (const node of graph.nodes) {
    const start = readsOf(node)
      .map((name) => from.get(name))
      .find((name) => name !== undefined);
    if (start === undefined || !node.outputs.some((name) => leads.has(name)) || isFlat(node)) continue;
    if (!translatorOf(node)) refuse(node, start, ends);
    passed.push(node);
    for (const name of node.outputs)
      if (name !== '' && isFloat(name) && !from.has(name)) from.set(name, start);
  }
  // What leads on by integers and truth values alone carries nothing.
  const carries = new Set<string>(ends);
  const nodes: OnnxNode[] = [];
  for (const node of passed.toReversed()) {
    if (!node.outputs.some((name) => carries.has(name) && from.has(name))) continue;
    nodes.unshift(node);
    for (const name of node.inputs) if (from.has(name)) carries.add(name);
  }
  const computed = new Set(nodes.flatMap(({ outputs }) => outputs.filter((name) => from.has(name))));
  const onWay = new Set([...carries].filter((name) => from.has(name)));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const given = [...read].filter(
    (name) => name !== '' && !computed.has(name) && !starts.has(name) && !graph.weights.has(name),
  );
  return { nodes, carries: onWay, given };
}
