// What a finetuning has trained, for elsewhere: the folder that pyreft, pyvene or PEFT loads, the numbers as safetensors, and
// a plain vector for the Steer page.

import { zipSync } from 'fflate';
import { numbersOfText } from '../../experiments/align/numbersText.ts';
import { ExperimentError } from '../../experiments/experimentFile.ts';
import { type PositionGroup, parameterKey, piecesOf } from '../../experiments/finetune/adapter.ts';
import type { FinetuneAdapter } from '../../experiments/finetune/experiment.ts';
import type { FinetuneResult } from '../../experiments/finetune/result.ts';
import { adapterFiles, adapterFolders } from '../../experiments/finetune/saved.ts';
import { heldOut } from '../../experiments/finetune/split.ts';
import type { ComponentInfo } from '../../worker/protocol.ts';
import { hasIds, namedPrompt } from '../prompt/beside.ts';

const ownFiles = new Set(['numbers.safetensors', 'adapter.json']);

/** Who loads the folder of an adapter; null where it holds the numbers and their names alone. */
export function readerOf(
  adapter: FinetuneAdapter,
  files: ReadonlyMap<string, Uint8Array>,
): 'pyreft' | 'pyvene' | 'PEFT' | null {
  if ([...files.keys()].every((name) => ownFiles.has(name))) return null;
  switch (adapter.type) {
    case 'LoReFT':
    case 'DiReFT':
    case 'NoReFT':
      return 'pyreft';
    case 'SteeringVector':
      return 'pyvene';
    case 'LoRA':
      return 'PEFT';
    default:
      return adapter satisfies never;
  }
}

/** @throws ExperimentError when the adapter was not trained, or its numbers are damaged */
export function folderOf(result: FinetuneResult, index: number) {
  const adapter = result.experiment.adapters[index];
  if (!adapter) throw new ExperimentError(`There is no adapter ${index + 1}.`);
  const files = adapterFiles(result, index);
  const name = adapterFolders(result)[index] ?? `adapter-${index + 1}`;
  return { adapter, files, name, reader: readerOf(adapter, files) };
}

/** The folder with the result beside it; what loads it looks at its own files alone. */
export function zipOf(result: FinetuneResult, index: number): Uint8Array<ArrayBuffer> {
  const { files } = folderOf(result, index);
  const all = {
    ...Object.fromEntries(files),
    'result.json': new TextEncoder().encode(`${JSON.stringify(result)}\n`),
  };
  // A copy: what the archive is made of may lie in a larger buffer.
  return new Uint8Array(zipSync(all));
}

/** @throws ExperimentError as `folderOf` does */
export function numbersFileOf(result: FinetuneResult, index: number): Uint8Array<ArrayBuffer> {
  const file = folderOf(result, index).files.get('numbers.safetensors');
  if (!file) throw new ExperimentError('The adapter has no numbers.');
  return new Uint8Array(file);
}

const mostPrompts = 4;

/** Of a model where its components are. */
interface Placed {
  readonly components: readonly Pick<ComponentInfo, 'name' | 'place'>[];
}

/** Names of what is read once: another stack is named before a dot, and the decoder's keys and values are of an encoder. */
const readOnceName = /\.|^(head_)?cross_(key|value)_output$/;

/**
 * Of what is read once, before anything is written: an encoder's own, and what the decoder makes of it as keys and values. Its
 * name tells where another model is in use than the one that was trained, or none.
 */
function isReadOnce(component: string, model: Placed | null): boolean {
  const found = model?.components.find(({ name }) => name === component);
  if (!found) return readOnceName.test(component);
  return found.place !== undefined && found.place.stack !== 'main';
}

/** Positions as an edit of the Steer page has them: negative ones count from the end. */
function placesOf(group: PositionGroup, { component, positions }: FinetuneAdapter, model: Placed | null) {
  if (positions === 'all')
    return { prompt: 'all', steps: isReadOnce(component, model) ? 'none' : 'all' } as const;
  if (positions === 'mask')
    throw new ExperimentError(
      'This vector acts at a mask, and the Steer page writes texts that go on. Save its numbers instead.',
    );
  const first = Array.from({ length: positions.first }, (_, at) => at);
  const last = Array.from({ length: positions.last }, (_, at) => at - positions.last);
  const listed = group === 'first' ? first : group === 'last' ? last : [...first, ...last];
  return { prompt: listed, steps: 'none' } as const;
}

const groupNames: Readonly<Record<PositionGroup, string>> = {
  first: 'first positions',
  last: 'last positions',
  both: '',
  all: '',
  mask: '',
};

/**
 * A trained vector as what the Steer page opens: added once, as it was trained, where it was trained.
 * @param model in use, which may be another than the one that was trained
 * @throws ExperimentError for another type, or damaged numbers
 */
export function steeringOf(result: FinetuneResult, index: number, model: Placed | null): unknown {
  const { experiment, adapters, layers, names, tested, testedAt } = result;
  const [adapter, own] = [experiment.adapters[index], adapters[index]];
  if (adapter?.type !== 'SteeringVector' || !own)
    throw new ExperimentError('Only a plain vector is one that can be added on the Steer page.');
  const pieces = piecesOf(adapter, layers[index] ?? []);
  const groups = [...new Set(pieces.map(({ group }) => group))];
  const vectors = groups.map((group) => {
    const at = pieces.flatMap((piece, place) => (piece.group === group ? [{ ...piece, place }] : []));
    const suffix = groups.length > 1 ? `, ${groupNames[group]}` : '';
    return {
      name: `${names[index] ?? 'vector'}${suffix}`,
      component: adapter.component,
      layers: at.map(({ layer }) => layer),
      from: {
        numbers: at.map(({ place }) => {
          const key = parameterKey(place, 'vector');
          const text = own.parameters[key];
          if (!text) throw new ExperimentError(`The result holds no '${key}'. Train it again.`);
          return Array.from(numbersOfText(text, key));
        }),
      },
      group,
    };
  });
  const longest = tested.reduce((most, { continuation }) => Math.max(most, continuation.length), 1);
  // As they were written: the labels of their tokens have those that the tokenizer adds.
  const prompts = new Map(
    heldOut(experiment, testedAt).flatMap(({ prompt }) =>
      hasIds(prompt) ? [] : [[JSON.stringify(namedPrompt(prompt)), prompt] as const],
    ),
  );
  return {
    kind: 'steer',
    version: 1,
    title: experiment.title ?? names[index],
    model: experiment.model,
    ...(experiment.revision === undefined ? {} : { revision: experiment.revision }),
    vectors: vectors.map(({ group: _, ...vector }) => vector),
    edits: vectors.map(({ name, group }) => ({
      vector: name,
      strength: 1,
      unit: 'raw',
      ...placesOf(group, adapter, model),
      // It was trained on every token of its positions.
      specialTokens: true,
    })),
    prompts: [...prompts.values()].slice(0, mostPrompts),
    generation: { maxNewTokens: Math.max(2, longest) },
    columns: ['unsteered', 'steered'],
  };
}
