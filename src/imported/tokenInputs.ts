// Models that read tokens: which input takes their ids, and what the others are when there is one sequence and no padding.

import { CheckpointError } from '../checkpoint/checkpoint.ts';
import { quoted } from '../messages/wording.ts';
import { tableRows } from './exampleInputs.ts';
import type { ImportedModel } from './importedModel.ts';
import type { ValueInfo } from './onnxFile.ts';
import type { NamedTensors } from './runtime.ts';
import { type ElementType, tensorFrom } from './tensor.ts';

export interface TokenInputs {
  /** The input of the ids. */
  readonly ids: string;
  /** Rows of the table that they index. */
  readonly vocabularySize: number;
  /** What grows with the number of tokens: the name that axes have. */
  readonly axisName: string;
  /** Inputs of a prompt, in a batch of one. The same object for the same tokens. */
  readonly of: (tokens: readonly number[]) => NamedTensors;
}

export const isIds = ({ dtype, shape }: ValueInfo): boolean =>
  (dtype === 'int64' || dtype === 'int32') && shape?.length === 2;

/** What an input that goes with ids holds at each position, by the names that Transformers' exports have. */
export function companion({ name }: ValueInfo): ((position: number) => number) | undefined {
  if (/mask/i.test(name)) return () => 1;
  if (/token_type|segment/i.test(name)) return () => 0;
  if (/position/i.test(name)) return (position) => position;
  return undefined;
}

/** Inputs that were made and may be asked for again: a sweep asks for the same prompt over and over. */
const mostKept = 64;

/**
 * @throws CheckpointError where the model reads no tokens, or an input of which nobody knows what it is
 */
export function tokenInputs({ graph, probe, label }: ImportedModel): TokenInputs {
  const ids = graph.inputs.filter(
    (info) => isIds(info) && !companion(info) && tableRows(graph, info.name) !== undefined,
  );
  const [only, ...others] = ids;
  if (!only)
    throw new CheckpointError(
      `${label} reads no tokens: none of its inputs (${graph.inputs.map(({ name }) => name).join(', ')}) indexes a table.`,
    );
  if (others.length > 0)
    throw new CheckpointError(
      `${label} reads two sequences of tokens (${ids.map(({ name }) => name).join(', ')}); one prompt is not enough for it.`,
    );
  const unknown = graph.inputs.find((info) => info !== only && !(isIds(info) && companion(info)));
  if (unknown)
    throw new CheckpointError(
      `${label} needs the input ${quoted(unknown.name)} (${unknown.dtype ?? unknown.typeName} [${(unknown.shape ?? []).map((size) => size ?? '?').join(', ')}]), of which nobody knows what it is. If it chooses a branch, fix it.`,
    );
  const axisName = probe.groups.find(({ axes }) =>
    axes.some(({ input, axis }) => input === only.name && axis === 1),
  )?.name;
  if (axisName === undefined)
    throw new CheckpointError(
      `${label} takes prompts of ${String(only.shape?.[1])} tokens only. Export it with a length that is free.`,
    );
  const made = new Map<string, NamedTensors>();
  return {
    ids: only.name,
    vocabularySize: tableRows(graph, only.name) ?? 0,
    axisName,
    of(tokens) {
      const key = tokens.join(',');
      const known = made.get(key);
      if (known) return known;
      const whole = (dtype: ElementType | undefined, at: (position: number) => number) =>
        tensorFrom(dtype ?? 'int64', [1, tokens.length], at);
      const inputs = Object.fromEntries(
        graph.inputs.map((info) => [
          info.name,
          whole(info.dtype, companion(info) ?? ((position) => tokens[position] ?? 0)),
        ]),
      );
      const [oldest] = made.keys();
      if (made.size >= mostKept && oldest !== undefined) made.delete(oldest);
      made.set(key, inputs);
      return inputs;
    },
  };
}
