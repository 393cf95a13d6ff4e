// Fits an architecture to the tensors of a file. The same model is saved under several prefixes (from its base class, from
// inside a larger model, from an adapter's wrapper), with heads that a language model has no use for, and with an
// unembedding of its own although the configuration ties one. What does not fit is refused by name.

import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { listed } from '../messages/wording.ts';
import {
  type Architecture,
  allParts,
  type EncoderStack,
  type GraphPart,
  type PartScope,
  UnsupportedModelError,
  type WeightSource,
} from './architecture.ts';

/** An architecture whose weights have the names of the file, and what a person should know of the fit. */
export interface FittedArchitecture {
  readonly architecture: Architecture;
  readonly notices: readonly string[];
}

const tensorsOf = (part: { readonly weights: Readonly<Record<string, WeightSource>> }) =>
  Object.values(part.weights).flatMap((source) => (source.kind === 'tensor' ? [source] : []));

/** What every tensor of the body begins with: `model.`, or nothing. */
function bodyPrefix(architecture: Architecture): string {
  const body = allParts(architecture).filter((part) => part !== architecture.head);
  const names = body.flatMap((part) => tensorsOf(part).map(({ tensor }) => tensor));
  let common = names[0] ?? '';
  for (const name of names) while (!name.startsWith(common)) common = common.slice(0, -1);
  return common.slice(0, common.lastIndexOf('.') + 1);
}

type Rename = (name: string) => string;

/** How the file's names differ from the architecture's; undefined when they do not, or in no way that is known. */
function renaming(architecture: Architecture, names: Iterable<string>): Rename | undefined {
  const [table] = tensorsOf(architecture.embed);
  if (!table) return undefined;
  const all = new Set(names);
  if (all.has(table.tensor)) return undefined;
  const longer = [...all].filter((name) => name.endsWith(`.${table.tensor}`));
  const [outer] = longer.sort((a, b) => a.length - b.length);
  if (outer !== undefined) {
    const prefix = outer.slice(0, -table.tensor.length);
    return (name) => (all.has(prefix + name) || !all.has(name) ? prefix + name : name);
  }
  for (let at = table.tensor.indexOf('.'); at >= 0; at = table.tensor.indexOf('.', at + 1)) {
    const prefix = table.tensor.slice(0, at + 1);
    if (all.has(table.tensor.slice(at + 1)))
      return (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name);
  }
  return undefined;
}

function renamedPart<Scope extends PartScope>(part: GraphPart<Scope>, rename: Rename): GraphPart<Scope> {
  const weights = Object.entries(part.weights).map(([key, source]) => [
    key,
    source.kind === 'tensor' ? { ...source, tensor: rename(source.tensor) } : source,
  ]);
  return { ...part, weights: Object.fromEntries(weights) };
}

function renamedEncoder(stack: EncoderStack, rename: Rename): EncoderStack {
  return {
    ...stack,
    embed: renamedPart(stack.embed, rename),
    memory: stack.memory.map((part) => renamedPart(part, rename)),
    ...(stack.encoder ? { encoder: renamedEncoder(stack.encoder, rename) } : {}),
  };
}

function renamed(architecture: Architecture, rename: Rename): Architecture {
  const { tied, encoder } = architecture;
  return {
    ...architecture,
    embed: renamedPart(architecture.embed, rename),
    blocks: architecture.blocks.map((block) => renamedPart(block, rename)),
    head: renamedPart(architecture.head, rename),
    ...(encoder ? { encoder: renamedEncoder(encoder, rename) } : {}),
    ...(tied ? { tied: { table: rename(tied.table), head: rename(tied.head) } } : {}),
  };
}

/** Modules that stand beside a model's body, where no prefix tells its own tensors. */
const otherHeads =
  /^(score|classifier|classification_head|qa_outputs|v_head|value_head|reward_head|pooler|multi_modal_projector|vision_tower|visual)\./;

/** What makes logits, and is never left out. */
const unembeddings = /(^|\.)(lm_head|embed_out)\./;

/** @param dtype of a tensor that is there and cannot be read */
function unread(name: string, label: string, dtype: string): string {
  return `Tensor '${name}' of ${label} has dtype ${dtype}, which is not supported for weights. Use the checkpoint that was not quantised, or a GGUF file.`;
}

function missing(
  name: string,
  label: string,
  { modelType, head }: Architecture,
  others: readonly string[],
): string {
  const isHead = tensorsOf(head).some(({ tensor }) => tensor === name) && unembeddings.test(name);
  if (!isHead) {
    return `${label} has no tensor '${name}', which its config.json (${modelType}) calls for. The files may belong to another checkpoint.`;
  }
  const instead =
    others.length > 0
      ? ` It has ${listed(
          others.map((other) => `'${other}'`),
          3,
        )} instead.`
      : '';
  return (
    `${label} has no tensor '${name}', the unembedding, and its config.json does not tie one to the embedding, so it gives no logits.${instead} ` +
    'It was saved from the body of the model alone; use the checkpoint of the language model.'
  );
}

/**
 * Compare the tensors of a checkpoint with those that an architecture needs.
 * @throws UnsupportedModelError for tensors that are missing, extra or misshapen
 */
export function fitTensors(described: Architecture, checkpoint: Checkpoint): FittedArchitecture {
  const { label, tensors } = checkpoint;
  const rename = renaming(described, tensors.keys());
  const architecture = rename ? renamed(described, rename) : described;
  const { tied, modelType, notices = [] } = architecture;
  const needed = new Map(
    allParts(architecture).flatMap((part) => tensorsOf(part).map(({ tensor, shape }) => [tensor, shape])),
  );
  const prefix = bodyPrefix(architecture);
  const isOutside = (name: string): boolean =>
    !unembeddings.test(name) && (prefix === '' ? otherHeads.test(name) : !name.startsWith(prefix));
  const isKnown = (name: string): boolean =>
    needed.has(name) ||
    name === tied?.head ||
    architecture.ignoredTensors.some((pattern) => pattern.test(name));
  const unknown = [...tensors.keys()].filter((name) => !isKnown(name));
  const leftAlone = unknown.filter(isOutside);
  for (const [name, shape] of needed) {
    const info = tensors.get(name);
    const dtype = info ? undefined : checkpoint.unreadable?.get(name);
    if (dtype !== undefined) throw new UnsupportedModelError(unread(name, label, dtype));
    if (!info) throw new UnsupportedModelError(missing(name, label, architecture, leftAlone));
    if (info.shape.length !== shape.length || info.shape.some((size, axis) => size !== shape[axis])) {
      throw new UnsupportedModelError(
        `Tensor '${name}' of ${label} has shape [${info.shape.join(', ')}]; the configuration asks for [${shape.join(', ')}]. The config.json may belong to another checkpoint.`,
      );
    }
  }
  const extra = unknown.find((name) => !isOutside(name));
  if (extra !== undefined) {
    throw new UnsupportedModelError(
      `${label} holds tensor '${extra}', which has no place in a ${modelType} model of ${architecture.layerCount} layers. The config.json may belong to another checkpoint.`,
    );
  }
  if (leftAlone.length === 0) return { architecture, notices };
  const named = listed(
    leftAlone.map((name) => `'${name}'`),
    3,
  );
  return {
    architecture,
    notices: [
      ...notices,
      `${label} holds ${named}, which a language model does not need; ${leftAlone.length === 1 ? 'it is' : 'they are'} left alone.`,
    ],
  };
}
