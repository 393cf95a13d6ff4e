// Edits inside of a piece: the node that makes a tensor makes it under another name, and what is put in stands under its own.
// All readers, subgraphs and the outputs of the graph see the edited tensor.

import { isPartial } from './editValues.ts';
import { formulaNodes, plainNode } from './formulaNodes.ts';
import type { OnnxNode } from './onnxFile.ts';
import { SiteError } from './plan.ts';
import type { TensorFacts } from './probe.ts';
import type { ScheduledEdit } from './schedule.ts';
import type { Tensor } from './tensor.ts';
import type { WrittenValue } from './writeOnnx.ts';

export interface EditedPiece {
  readonly nodes: readonly OnnxNode[];
  /** What the edits read: masks and values. */
  readonly inputs: readonly WrittenValue[];
  /** Constants of formulas. */
  readonly constants: ReadonlyMap<string, Tensor>;
}

/** The shape as a file declares it: axes that grow have no number. Scan asks for the ranks of what it is given. */
export const declaredShape = ({ shape, roles }: TensorFacts): readonly (number | undefined)[] =>
  shape.map((size, axis) => (roles[axis] === null ? size : undefined));

/** What a piece needs to know of an edit; rows with equal ones share the piece. */
export const editKey = ({ tensor, places, entries, value }: ScheduledEdit): string => {
  const kind =
    value.kind === 'formula'
      ? `formula ${value.name}`
      : places
        ? `axis ${places.axis}`
        : entries
          ? 'entries'
          : 'whole';
  return `${tensor} ${kind}`;
};

export const maskName = (index: number): string => `patchbay::${index}::mask`;
export const isMaskName = (name: string): boolean => /^patchbay::\d+::mask$/.test(name);
export const valueName = (index: number): string => `patchbay::${index}::value`;

/** What a node makes of a tensor before its edit of that index. */
const rawName = (tensor: string, index: number): string => `${tensor}::${index}::raw`;
/** The tensor that stands behind such a name, and behind any other itself. */
export const editedTensor = (name: string): string => /^(.*)::\d+::raw$/s.exec(name)?.[1] ?? name;

/**
 * @param facts of the edited tensors
 * @throws SiteError when a tensor is made by no node, or a formula has an operator that differs between versions
 */
export function withEdits(
  nodes: readonly OnnxNode[],
  edits: readonly ScheduledEdit[],
  facts: (tensor: string) => TensorFacts,
): EditedPiece {
  let edited = nodes;
  const inputs: WrittenValue[] = [];
  const constants = new Map<string, Tensor>();
  for (const [index, edit] of edits.entries()) {
    const { tensor, value } = edit;
    const raw = rawName(tensor, index);
    const at = edited.findIndex(({ outputs }) => outputs.includes(tensor));
    const maker = edited[at];
    if (!maker) throw new SiteError(`Nothing in this piece computes '${tensor}'.`);
    const { dtype, roles, shape: probed } = facts(tensor);
    const shape = probed.map((size, axis) => roles[axis] ?? size);
    const renamed = { ...maker, outputs: maker.outputs.map((name) => (name === tensor ? raw : name)) };
    const added = ((): readonly OnnxNode[] => {
      if (value.kind === 'formula') {
        const formula = formulaNodes(value.build, {
          raw,
          tensor,
          dtype,
          shape,
          prefix: `patchbay::${index}`,
        });
        for (const [name, constant] of formula.constants) constants.set(name, constant);
        return formula.nodes;
      }
      inputs.push({ name: valueName(index), dtype, shape: declaredShape(facts(tensor)) });
      if (!isPartial(edit)) return [plainNode('Identity', [valueName(index)], tensor)];
      inputs.push({ name: maskName(index), dtype: 'bool', shape: probed.map(() => undefined) });
      return [plainNode('Where', [maskName(index), valueName(index), raw], tensor)];
    })();
    edited = [...edited.slice(0, at), renamed, ...added, ...edited.slice(at + 1)];
  }
  return { nodes: edited, inputs, constants };
}
