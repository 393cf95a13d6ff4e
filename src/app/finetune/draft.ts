// What follows from a document and a model: the experiment that a run would be given, the adapters by themselves, and what is
// wrong, by control. Pure: opening a link, an example or an undo needs nothing but the document.

import { ExperimentError } from '../../experiments/experimentFile.ts';
import {
  type FinetuneAdapter,
  type FinetuneExperiment,
  readFinetuneExperiment,
} from '../../experiments/finetune/experiment.ts';
import { messageOf } from '../../messages/wording.ts';
import type { ModelInfo } from '../../worker/protocol.ts';
import type { Draft, Surroundings } from '../experiment/definition.ts';
import {
  layersIn,
  type Note,
  noteIn,
  numberIn,
  type Problems,
  plainSentence,
} from '../experiment/typedFields.ts';
import { maskText } from '../prompt/mask.ts';
import {
  type AdapterFields,
  type ExampleRow,
  type FinetuneDocument,
  type RowList,
  rowsOf,
  type TrainingFields,
} from './document.ts';

export interface FinetuneDraft extends Draft<FinetuneExperiment> {
  /** Those that stand there, to mark where they act; null while one of them is half typed. */
  readonly adapters: readonly FinetuneAdapter[] | null;
}

export const rowField = (list: RowList, id: number, part: 'prompt' | 'continuation'): string =>
  `${list} ${id} ${part}`;

export type AdapterField = Exclude<keyof AdapterFields, 'id' | 'sharedWeights'>;

export const adapterField = (id: number, part: AdapterField): string => `adapter ${id} ${part}`;

const listNames: Readonly<Record<RowList, string>> = { data: 'Example', testData: 'Held-out example' };

/** A run looks at its document with every step, and typing changes one list of the two: what was judged stays judged. */
const judged = new WeakMap<
  readonly ExampleRow[],
  { readonly mask: string | null; readonly problems: ReadonlyMap<string, string> }
>();

function rowProblems(
  rows: readonly ExampleRow[],
  list: RowList,
  mask: string | null,
): ReadonlyMap<string, string> {
  const known = judged.get(rows);
  if (known?.mask === mask) return known.problems;
  const what =
    mask === null
      ? 'Write what should follow, with the space before it.'
      : `Write the token that should stand at ${mask}.`;
  const problems: Problems = new Map();
  rows.forEach(({ id, prompt, continuation }, at) => {
    const name = `${listNames[list]} ${at + 1}`;
    if (prompt === '') problems.set(rowField(list, id, 'prompt'), `${name} has no prompt. Write it.`);
    if (continuation === '')
      problems.set(rowField(list, id, 'continuation'), `${name} has no continuation. ${what}`);
  });
  judged.set(rows, { mask, problems });
  return problems;
}

function noteRows(document: FinetuneDocument, list: RowList, mask: string | null, note: Note): void {
  const rows = document[list];
  if (rows === null) return;
  if (rows.length === 0)
    note(
      list,
      list === 'data'
        ? 'There is no example. Add one: a prompt, and what should follow it.'
        : 'There is no held-out example. Add one, or keep a share of the others.',
    );
  for (const [field, problem] of rowProblems(rows, list, mask)) note(field, problem);
}

/** The width of a component; null where the model does not say. */
const widthOf = (component: string, model: Surroundings['model']): number | null => {
  if (model === null || !('components' in model)) return null;
  const width = model.components.find(({ name }) => name === component)?.shape.at(-1);
  return typeof width === 'number' ? width : null;
};

const whole = { least: 1, isWhole: true } as const;
const positive = { least: 0, isAbove: true } as const;

/** Entries of a position's first and last that a file may have. */
const mostPositions = 1000;

function adapterOf(fields: AdapterFields, model: Surroundings['model'], note: Note): unknown {
  const { id, name, type, component, where, sharedWeights } = fields;
  const at = (part: AdapterField) => adapterField(id, part);
  const layerCount = model !== null && 'components' in model ? model.layerCount : null;
  const place = {
    ...(name.trim() === '' ? {} : { name }),
    component,
    layers: layersIn(fields.layers, layerCount, note, at('layers')),
    positions: positionsOf(fields, note),
    sharedWeights,
  };
  if (name.length > 60) note(at('name'), 'A name has at most 60 characters.');
  if (where === 'prompt' && fields.first.trim() === '0' && fields.last.trim() === '0')
    note(at('last'), 'Name at least one position, of the first or of the last.');
  if (type === 'SteeringVector') return { type, ...place };
  const rank = numberIn(note, at('rank'), fields.rank, whole);
  const width = widthOf(component, model);
  if (width !== null && rank > width)
    note(at('rank'), `${component} has ${width} directions; give at most ${width}.`);
  const alpha = fields.alpha.trim();
  if (type !== 'LoRA' || alpha === '') return { type, rank, ...place };
  return { type, rank, alpha: numberIn(note, at('alpha'), alpha, positive), ...place };
}

function positionsOf({ id, where, first, last }: AdapterFields, note: Note): unknown {
  if (where !== 'prompt') return where;
  const bounds = { least: 0, greatest: mostPositions, isWhole: true } as const;
  return {
    first: numberIn(note, adapterField(id, 'first'), first, bounds),
    last: numberIn(note, adapterField(id, 'last'), last, bounds),
  };
}

function trainingOf(fields: TrainingFields, note: Note): unknown {
  const { optimizer, schedule, shuffle } = fields;
  const micro = fields.microBatch.trim();
  const clip = fields.clip.trim();
  return {
    batchSize: numberIn(note, 'batchSize', fields.batchSize, whole),
    ...(micro === '' ? {} : { microBatch: numberIn(note, 'microBatch', micro, whole) }),
    epochs: numberIn(note, 'epochs', fields.epochs, { ...whole, greatest: 10_000 }),
    learningRate: numberIn(note, 'learningRate', fields.learningRate, positive),
    optimizer,
    weightDecay: numberIn(note, 'weightDecay', fields.weightDecay, { least: 0 }),
    clip: clip === '' ? null : numberIn(note, 'clip', clip, positive),
    schedule,
    warmUp: numberIn(note, 'warmUp', fields.warmUp, { least: 0, greatest: 1 }),
    shuffle,
    testEvery: numberIn(note, 'testEvery', fields.testEvery, whole),
  };
}

const anySeed = { least: 0, greatest: 2 ** 32 - 1, isWhole: true } as const;

function splitOf({ testData, testShare, splitSeed }: FinetuneDocument, note: Note): unknown {
  if (testData !== null) return undefined;
  const share = numberIn(note, 'testShare', testShare, { least: 0, greatest: 99.9, isAbove: true });
  const seed = numberIn(note, 'splitSeed', splitSeed, anySeed);
  return share === 20 && seed === 0 ? undefined : { testShare: share / 100, seed };
}

/** Fields of an adapter whose sentences stand at another control. */
const shownAt: Readonly<Record<string, AdapterField>> = {
  positions: 'last',
  sharedWeights: 'last',
  type: 'rank',
};
export const adapterParts = [
  'name',
  'type',
  'rank',
  'alpha',
  'component',
  'layers',
  'where',
  'first',
  'last',
] as const;

/** Where a sentence of the file or of the engine belongs: the control that puts it right. */
export function fieldOf(message: string, document: FinetuneDocument): string {
  const [, list, place, part] = /'(data|testData)\.(\d+)\.?(\w*)'/.exec(message) ?? [];
  if (list === 'data' || list === 'testData') {
    const row = rowsOf(document, list)[Number(place)];
    return row === undefined
      ? list
      : rowField(list, row.id, part === 'continuation' ? 'continuation' : 'prompt');
  }
  const [, index, field = ''] = /'adapters\.(\d+)\.?(\w*)/.exec(message) ?? [];
  const adapter = index === undefined ? undefined : document.adapters[Number(index)];
  // Without ends of the prompt their fields are not there.
  const isPlace = field === 'positions' && adapter?.where !== 'prompt';
  if (adapter !== undefined)
    return adapterField(
      adapter.id,
      isPlace ? 'where' : (shownAt[field] ?? adapterParts.find((each) => each === field) ?? 'name'),
    );
  const [, named] = /^Component '([^']*)'/.exec(message) ?? [];
  const unknown = document.adapters.find(({ component }) => component === named);
  if (unknown !== undefined) return adapterField(unknown.id, 'component');
  if (/^'adapters'/.test(message)) return 'adapters';
  const [, path = ''] = /^'([^']*)'/.exec(message) ?? [];
  if (path === 'split.testShare') return 'testShare';
  if (path === 'split.seed') return 'splitSeed';
  if (path.startsWith('training.')) return path.slice('training.'.length);
  return path === 'data' || path === 'testData' || path === 'seed' ? path : 'run';
}

/** What the file calls things, as the page calls them. */
const pageWords = (message: string): string =>
  plainSentence(
    message
      .replace(/^'(data|testData)\.\d+\.prompt' has/, 'The prompt has')
      .replace(/ '(data|testData)\.\d+\.(prompt|continuation)'/g, '')
      .replace(
        /'adapters\.(\d+)\.(\w+)'/g,
        (_, index: string, field: string) => `the ${field} of method ${Number(index) + 1}`,
      )
      .replace(/^'training\.batchSize'/, 'The batch')
      .replace(/^'split\.testShare': /, ''),
  );

/** A sentence of the engine, at the control that puts it right. */
export const placedSentence = (
  message: string,
  document: FinetuneDocument,
): readonly [field: string, sentence: string] => [fieldOf(message, document), pageWords(message)];

const examplesOf = (rows: readonly ExampleRow[]) =>
  rows.map(({ prompt, continuation }) => ({ prompt, continuation }));

export function deriveFinetune(document: FinetuneDocument, { model }: Surroundings): FinetuneDraft {
  const problems: Problems = new Map();
  const note = noteIn(problems);
  const mask = model !== null && 'components' in model ? maskText(model) : null;
  noteRows(document, 'data', mask, note);
  noteRows(document, 'testData', mask, note);
  const split = splitOf(document, note);
  if (document.adapters.length === 0) note('adapters', 'Add a method: what is to be trained.');
  const ofAdapters: Problems = new Map();
  const adapters = document.adapters.map((fields) => adapterOf(fields, model, noteIn(ofAdapters)));
  for (const [field, problem] of ofAdapters) note(field, problem);
  const { title, data, testData } = document;
  const given = {
    kind: 'finetune',
    version: 1,
    ...(title === null ? {} : { title }),
    model: model?.label ?? '',
    adapters,
    data: examplesOf(data),
    ...(testData === null ? {} : { testData: examplesOf(testData) }),
    ...(split === undefined ? {} : { split }),
    training: trainingOf(document.training, note),
    seed: numberIn(note, 'seed', document.seed, anySeed),
  };
  const sound = ofAdapters.size === 0 && adapters.length > 0 ? adaptersIn(adapters, document, note) : null;
  if (problems.size > 0 || model === null) return { experiment: null, problems, adapters: sound };
  try {
    return { experiment: readFinetuneExperiment(given), problems, adapters: sound };
  } catch (cause) {
    if (!(cause instanceof ExperimentError)) throw cause;
    note(...placedSentence(messageOf(cause), document));
    return { experiment: null, problems, adapters: sound };
  }
}

/** The adapters alone, which can be marked in the examples while those are still being typed. */
function adaptersIn(
  adapters: readonly unknown[],
  document: FinetuneDocument,
  note: Note,
): readonly FinetuneAdapter[] | null {
  try {
    const data = [{ prompt: 'a', continuation: 'b' }];
    return readFinetuneExperiment({ kind: 'finetune', version: 1, model: '', adapters, data }).adapters;
  } catch (cause) {
    if (!(cause instanceof ExperimentError)) throw cause;
    note(...placedSentence(cause.message, document));
    return null;
  }
}

/** Whether a component is one of a layer with a vector for each position. */
export const isTrainable = ({ layers, shape }: ModelInfo['components'][number]): boolean =>
  layers !== null && shape.length === 2 && shape[0] === 'position';
